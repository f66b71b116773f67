"""A busy hour of a hospital while its line is cut, the gateway killed twice: what arrives, when.

`python bench/gateway/hour.py --images 6000`: the images of the hour come as fast as three
senders can send them; STAT ones last. Then the line is mended. Real processes all over.
"""

import argparse
import contextlib
import re
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import sqlalchemy as sa

from confrere.database import local
from tests.acceptance.gateway_site import CT, ER, FaultyLine, Hospital
from tests.acceptance.house import House
from tests.acceptance.processes import free_ports
from tests.acceptance.senders import Image, send, slices

SENDERS, STAT = 3, 100


def main() -> int:
    """Run it and print the table."""
    asked = argparse.ArgumentParser()
    asked.add_argument("--images", type=int, default=6000)
    given = asked.parse_args()
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        house = House(Path(folder) / "home", free_ports("http", "dicom", "mllp"))
        stack.callback(local.erase, house.home)
        house.start()
        stack.callback(house.kill_tree)
        house.settle()
        stack.callback(house.system.dispose)
        line = FaultyLine(house.ports["http"])
        stack.callback(line.close)
        hospital = Hospital(Path(folder) / "gateway", f"http://127.0.0.1:{line.port}")
        done = hospital.command("enrol", code_of(house))
        if done.returncode:
            sys.exit(done.stderr)
        hospital.start()
        stack.callback(lambda: hospital.process and hospital.process.kill())
        measure(house, line, hospital, given.images)
    return 0


def code_of(house: House) -> str:
    """Add a gateway as the IT engineer does."""
    if house.world is None:
        sys.exit("the house has no world")
    with house.http("lakeshore IT engineer") as web:
        data = {"name": "Gateway", "site": str(house.world.site)}
        shown = web.post("/network/gateways", data=data).raise_for_status()
    return re.findall(r">((?:[A-Z2-7]{4}-){3}[A-Z2-7]{4})<", shown.text)[0]


def measure(house: House, line: FaultyLine, hospital: Hospital, count: int) -> None:
    """Cut, send, kill twice, mend, wait."""
    images, stat = slices(count, series=20), slices(STAT)
    heard: set[str] = set()
    line.cut()
    began = time.monotonic()
    with ThreadPoolExecutor(SENDERS) as pool:
        runs = [pool.submit(push, hospital, images[n::SENDERS], heard) for n in range(SENDERS)]
        for share in (0.3, 0.7):
            until(lambda: len(heard) > share * count)  # noqa: B023
            hospital.kill()
            hospital.start()
        for run in runs:
            run.result()
    took = time.monotonic() - began
    push(hospital, stat, heard, ER)
    size = sum(len(one.content) for one in (*images, *stat))
    print(f"taken with the line cut: {count} images in {took:.0f} s, {count / took:.0f}/s")
    print(f"killed twice; waiting: {hospital.status()['images']}, {size / 1e6:.0f} MB")
    line.mend()
    began = time.monotonic()
    until(lambda: hospital.status()["line"] == "up")
    up = time.monotonic()
    print(f"line seen up again after {up - began:.1f} s")
    until(lambda: number(house, stat) == STAT)
    print(f"all {STAT} STAT there {time.monotonic() - up:.1f} s after that")
    until(lambda: number(house, images) == count)
    took = time.monotonic() - up
    print(f"all there after {took:.0f} s, {(count + STAT) / took:.0f}/s")
    came = order(house, [*images, *stat])
    first = set(came[:STAT]) == {one.uid for one in stat}
    twice = len(came) - len(set(came))
    print(f"STAT first: {first}; twice: {twice}; lost: {count + STAT - len(set(came))}")
    print(f"carried {line.carried / 1e6:.0f} MB of {size / 1e6:.0f} MB")


def push(hospital: Hospital, images: list[Image], heard: set[str], calling: str = CT) -> None:
    """Send until all have their success, again after a kill."""

    def hear(image: Image, status: int) -> None:
        if status == 0:
            heard.add(image.uid)

    while rest := [one for one in images if one.uid not in heard]:
        with contextlib.suppress(AssertionError, OSError):
            send(hospital, rest, hear, calling)  # type: ignore[arg-type]
        time.sleep(0.05)


def order(house: House, images: list[Image]) -> list[str]:
    """What was filed, in the order in which it came."""
    asked = sa.text(
        "select sop_uid from instances where sop_uid = any(:u) order by received_at, id"
    )
    with house.reading() as conn:
        return [row[0] for row in conn.execute(asked, {"u": [one.uid for one in images]})]


def number(house: House, images: list[Image]) -> int:
    """How many are filed."""
    return len(order(house, images))


def until(true: Callable[[], bool], seconds: float = 900) -> None:
    """Wait."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            sys.exit("not in time")
        time.sleep(0.05)


if __name__ == "__main__":
    sys.exit(main())
