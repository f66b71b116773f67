"""From a sink's answer, or its failure, to a status of PS3.4 table B.2-1."""
# ruff: noqa: ARG005, TRY301

import errno
import logging

import pytest

from confrere.dimse import command, status
from confrere.dimse.command import Command
from confrere.dimse.service import Admission, Call, Context, Outcome, Request
from confrere.dimse.status import outcome_of
from confrere.dimse.store import StoreRequest, StoreService
from confrere.kernel.errors import (
    Conflict,
    DomainError,
    Invalid,
    NotFound,
    Refused,
    Unavailable,
)

CT = "1.2.840.10008.5.1.4.1.1.2"


class Shelf:
    """A sink that fails where it is told to."""

    def __init__(self, fails: dict[str, Exception] | None = None) -> None:
        self.fails = fails or {}
        self.calls: list[str] = []

    def _at(self, place: str) -> None:
        self.calls.append(place)
        if place in self.fails:
            raise self.fails[place]

    def begin(self, request: StoreRequest) -> "Shelf":
        self.requested = request
        self._at("begin")
        return self

    def write(self, view: memoryview) -> None:
        self._at(f"write {len(view)}")

    def finish(self) -> Outcome:
        self._at("finish")
        return Outcome(status.SUCCESS)

    def abort(self) -> None:
        self._at("abort")


def run(
    shelf: Shelf, *, sop_class: str = CT, instance: str = "1.2.3", data_set: int = 1
) -> Outcome:
    asked = command.parse(
        command.encode(
            {
                command.COMMAND_FIELD: command.C_STORE_RQ,
                command.MESSAGE_ID: 1,
                command.AFFECTED_CLASS: sop_class,
                command.AFFECTED_INSTANCE: instance,
                command.DATA_SET_TYPE: data_set,
            }
        )
    )
    call = Call("CT1", "CONFRERE", "127.0.0.1", 1)
    context = Context(1, CT, "1.2.840.10008.1.2.1")
    receiver = StoreService(shelf).open(
        Request(call, Admission("peer"), context, Command(asked.elements))
    )
    said: list[Outcome] = []
    receiver.write(memoryview(b"ab"))
    receiver.write(memoryview(b"c"))
    receiver.finish(lambda outcome, data_set=None: said.append(outcome))
    (one,) = said
    return one


def test_a_whole_store_writes_in_order_and_finishes_once() -> None:
    shelf = Shelf()
    assert run(shelf).status == status.SUCCESS
    assert shelf.calls == ["begin", "write 2", "write 1", "finish"]
    assert shelf.requested.admission == Admission("peer")


@pytest.mark.parametrize("place", ["begin", "write 2", "finish"])
@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (OSError(errno.ENOSPC, "x"), 0xA700),
        (OSError(errno.EIO, "x"), 0xA700),
        (Unavailable("Database is restarting"), 0xA700),
        (Refused("Site may not send"), 0x0124),
        (Conflict("Instance differs from the one kept"), 0xC002),
        (NotFound("Site is unknown"), 0xC001),
        (Invalid("StudyInstanceUID is missing: send it", "StudyInstanceUID"), 0xC000),
        (Invalid("Differs", "AffectedSOPInstanceUID"), 0xA900),
        (DomainError("No"), 0xC000),
        (ZeroDivisionError("Doe^Jane"), 0x0110),
    ],
)
def test_each_error_has_its_status(place: str, error: Exception, expected: int) -> None:
    shelf = Shelf({place: error})
    outcome = run(shelf)
    assert outcome.status == expected
    assert outcome.comment
    assert "Doe" not in outcome.comment
    assert shelf.calls.count("abort") == (1 if place == "write 2" else 0)
    assert "write 1" not in shelf.calls or place == "finish"


def test_an_unforeseen_error_is_logged_with_its_place_but_not_its_text(
    caplog: pytest.LogCaptureFixture,
) -> None:
    try:
        raise KeyError("Doe^Jane")
    except KeyError as error:
        with caplog.at_level(logging.ERROR):
            outcome_of(error)
    assert "KeyError" in caplog.text
    assert "test_dimse_store" in caplog.text
    assert caplog.records[0].exc_info is not None
    assert caplog.records[0].exc_info[0] is RuntimeError


def test_another_class_than_the_contexts_is_refused_before_the_sink() -> None:
    shelf = Shelf()
    assert run(shelf, sop_class="1.2.840.10008.5.1.4.1.1.4").status == 0xA900
    assert shelf.calls == []


@pytest.mark.parametrize("instance", ["", "1" * 65, "../../x", "/tmp/x", "1.2\x01"])
def test_an_instance_uid_that_is_none_goes_no_further_than_the_door(instance: str) -> None:
    shelf = Shelf()
    run(shelf, instance=instance)
    assert shelf.requested.sop_instance == ""


def test_a_store_without_data_set_is_refused_before_the_sink() -> None:
    shelf = Shelf()
    assert run(shelf, data_set=command.NO_DATA_SET).status == 0xC000
    assert shelf.calls == []
