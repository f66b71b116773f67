"""A door on loopback with a sink in memory."""

# ruff: noqa: D101, D102
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Event as Flag

import pytest

from confrere.dimse.door import Door
from confrere.dimse.events import Ended, Event, Opened, TurnedAway
from confrere.dimse.limits import Limits
from confrere.dimse.service import (
    CALLING_NOT_RECOGNISED,
    Admission,
    Call,
    Outcome,
    Rejection,
)
from confrere.dimse.store import StoreRequest


@dataclass
class Incoming:
    request: StoreRequest
    shelf: "Shelf"
    data: bytearray = field(default_factory=bytearray)

    def write(self, view: memoryview) -> None:
        if self.shelf.error is not None:
            raise self.shelf.error
        self.shelf.written += len(view)
        if self.shelf.keeps:
            self.data += view

    def finish(self) -> Outcome:
        self.shelf.finishing.set()
        self.shelf.may_finish.wait(10)
        self.shelf.stored.append((self.request, bytes(self.data)))
        return Outcome(0)

    def abort(self) -> None:
        self.shelf.aborted.append(self.request)
        self.shelf.was_aborted.set()


class Shelf:
    """A sink in memory that can be told to fail or to dawdle."""

    def __init__(self) -> None:
        self.stored: list[tuple[StoreRequest, bytes]] = []
        self.aborted: list[StoreRequest] = []
        self.error: Exception | None = None
        self.keeps = True
        self.written = 0
        self.began, self.finishing, self.was_aborted = Flag(), Flag(), Flag()
        self.may_finish = Flag()
        self.may_finish.set()

    def begin(self, request: StoreRequest) -> Incoming:
        self.began.set()
        return Incoming(request, self)


@dataclass
class House:
    door: Door
    shelf: Shelf
    events: list[Event] = field(default_factory=list)
    ended: Flag = field(default_factory=Flag)

    @property
    def port(self) -> int:
        return self.door.address[1]

    def hear(self, event: Event) -> None:
        self.events.append(event)
        if isinstance(event, Ended):
            self.ended.set()

    def reasons(self) -> list[str]:
        return [e.because for e in self.events if isinstance(e, Ended | TurnedAway)]

    def opened(self) -> int:
        return sum(isinstance(e, Opened) for e in self.events)


def known_only(call: Call) -> Admission | Rejection:
    return Admission("ct") if call.calling_aet == "CT1" else CALLING_NOT_RECOGNISED


OpenDoor = Callable[..., House]


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
            observe=lambda event: house.hear(event),  # noqa: PLW0108 - house is made below
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
