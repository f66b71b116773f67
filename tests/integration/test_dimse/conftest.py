"""A door on loopback with a sink in memory."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from dimse_house import House, OpenDoor, Shelf, known_only

from confrere.dimse.door import Door
from confrere.dimse.limits import Limits


@pytest.fixture
def open_door() -> Iterator[OpenDoor]:
    """Open doors that close with the test."""
    houses: list[House] = []

    def build(limits: Limits | None = None, **kept: object) -> House:
        shelf = Shelf()
        house: House
        door = Door(
            "127.0.0.1",
            0,
            limits or Limits(),
            known_only,
            shelf,
            observe=lambda event: house.hear(event),
            **kept,  # type: ignore[arg-type]
        )
        house = House(door, shelf)
        houses.append(house)
        door.start()
        return house

    yield build
    for house in houses:
        house.shelf.may_finish.set()
        house.door.stop(timedelta(0))
