"""What holds after every piece of bad input: the house serves on, and wrote nowhere else."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from confrere.audit import service as audit
from confrere.audit.model import COLLABORATIVE, Event
from confrere.audit.service import EventQuery
from tests.acceptance.house import House
from tests.acceptance.processes import wait_for
from tests.acceptance.senders import (
    acknowledged,
)


@pytest.fixture
def unharmed(house: House) -> Iterator[None]:
    """Whatever a test sent: the doors serve on, and only the home was written to."""
    before = outside(house)
    yield
    assert house.echoes()
    assert acknowledged(house) == "AA"
    assert house.web_answers()
    assert outside(house) == before
    names = re.compile(
        r"[0-9a-f]{2}|[0-9a-f]{62}|[0-9a-f]{32}|blobs|incoming"
        r"|spool|doors|web|owner|scrub\.place|[0-9]{4}\.seg"
    )
    for folder, _, files in os.walk(house.home / "blobs"):
        assert all(names.fullmatch(name) for name in (*files, Path(folder).name))


def outside(house: House) -> set[Path]:
    """The files beside the home, in the folder that the processes work in, and a bait."""
    beside = {path for path in house.home.parent.iterdir() if path != house.home}
    return beside | set(house.workplace.rglob("*")) | set(Path("/tmp").glob("escaped*"))


def noted_refusal(house: House, door: str) -> Event:
    """The latest refusal at a door that the audit trail of the collaborative holds."""

    def refusals() -> list[Event]:
        query = EventQuery(owner_group=COLLABORATIVE, door=door, outcome="refused")
        with house.reading() as conn:
            return [entry.event for entry in audit.events(conn, query, limit=1)]

    wait_for(refusals, 10, house.said)
    return refusals()[0]
