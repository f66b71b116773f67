"""A house does not start beside another program on the same port."""

import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from confrere.kernel.errors import Unavailable
from confrere.main import ports
from confrere.main.serve import serve
from confrere.settings import Settings
from tests.acceptance.processes import free_ports


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody listens on who would share it, as our web server does."""
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


@pytest.mark.parametrize("door", ["http", "dicom", "mllp"])
def test_a_taken_port_is_named_with_its_setting_and_nothing_starts(
    door: str, taken: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ports, "PATIENCE_SECONDS", 0.3)
    free = {f"{name}_port": port for name, port in free_ports("http", "dicom", "mllp").items()}
    settings = replace(Settings(home=tmp_path / "home"), **(free | {f"{door}_port": taken}))
    said: list[str] = []
    with pytest.raises(Unavailable, match=f"port {taken} .*CONFRERE_{door.upper()}_PORT"):
        serve(settings, said.append)
    assert said == [f"Port {taken} is taken; waiting a moment for it ..."]
    assert not (tmp_path / "home" / "postgres").exists()


def test_a_port_that_is_free_again_is_waited_for(tmp_path: Path) -> None:
    free = {f"{name}_port": port for name, port in free_ports("http", "dicom", "mllp").items()}
    settings = replace(Settings(home=tmp_path), **free)
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", free["dicom_port"]))
        other.listen()
        ports.require_free(settings, lambda _: other.close())
