"""Ports and processes of this machine, as the acceptance tests look at them."""

import contextlib
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


def free_ports(*names: str) -> dict[str, int]:
    """Ports that were free a moment ago, all different."""
    with contextlib.ExitStack() as held:
        found = {}
        for name in names:
            probe = held.enter_context(socket.socket())
            probe.bind(("127.0.0.1", 0))
            found[name] = int(probe.getsockname()[1])
        return found


def listens(port: int) -> bool:
    """Whether something takes connections there."""
    try:
        with socket.create_connection(("127.0.0.1", port), 1):
            return True
    except OSError:
        return False


def wait_for(
    true: Callable[[], Any], seconds: float, why: Callable[[], str] = lambda: ""
) -> float:
    """Wait until `true()` holds; return how long it took, in seconds."""
    begun = time.monotonic()
    while not true():
        if time.monotonic() - begun > seconds:
            pytest.fail(f"not so within {seconds} s\n{why()}", pytrace=True)
        time.sleep(0.02)
    return time.monotonic() - begun


def children_of() -> dict[int, list[int]]:
    """Every process's children, from /proc."""
    found: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with contextlib.suppress(OSError):
                after_name = (entry / "stat").read_text().rpartition(")")[2].split()
                if after_name[0] != "Z":
                    found.setdefault(int(after_name[1]), []).append(int(entry.name))
    return found


def descendants(pid: int) -> list[int]:
    """Everything below a process, nearest first."""
    table = children_of()
    found, queue = [], [pid]
    while queue:
        below = table.get(queue.pop(0), [])
        found += below
        queue += below
    return found


def command_name(pid: int) -> str:
    """What a process calls itself, empty when it is gone."""
    try:
        return (Path("/proc") / str(pid) / "comm").read_text().strip()
    except OSError:
        return ""
