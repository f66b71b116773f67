"""Modality Performed Procedure Step as provider: N-CREATE and N-SET (PS3.4 F.7)."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from confrere.dimse import command, status, syntaxes
from confrere.dimse.command import N_CREATE_RQ, N_SET_RQ
from confrere.dimse.gathering import Gathering
from confrere.dimse.identifier import MOST_ELEMENTS, Identifier, Value
from confrere.dimse.query import OF_THE_WIRE
from confrere.dimse.service import Answer, Outcome, Receiver, Request
from confrere.dimse.store import Refusal
from confrere.dimse.supported import PROVIDED
from confrere.kernel.errors import Invalid, NotFound
from confrere.orders.performed import Change, Step, StepExists, StepIsOver

MOST_BYTES = 2 * 1024 * 1024  # a step may name thousands of images
MAX_LEVELS = 8
IS_OVER = 0xA506  # error id: "may no longer be updated" (PS3.4 F.7.2.2.4)
_STATE, _MODALITY, _STATION, _SERIES = 0x00400252, 0x00080060, 0x00400241, 0x00400340
_BEGIN, _END = (0x00400244, 0x00400245), (0x00400250, 0x00400251)
_SCHEDULED, _STUDY, _ACCESSION, _IMAGES = 0x00400270, 0x0020000D, 0x00080050, 0x00081140
_DESCRIPTION, _REASON, _MEANING, _OFFSET = 0x00400254, 0x00400281, 0x00080104, 0x00080201
_NAMES = {
    _STATE: "PerformedProcedureStepStatus", _MODALITY: "Modality",
    _STATION: "PerformedStationAETitle", _BEGIN[0]: "PerformedProcedureStepStartDate",
    _BEGIN[1]: "PerformedProcedureStepStartTime", 0x00400253: "PerformedProcedureStepID",
    _SCHEDULED: "ScheduledStepAttributesSequence", _STUDY: "StudyInstanceUID",
    _END[0]: "PerformedProcedureStepEndDate", _END[1]: "PerformedProcedureStepEndTime",
}  # fmt: skip
_NEEDED = (0x00400253, _STATE, _MODALITY, _STATION, *_BEGIN)


class Missing(Invalid):
    """A required attribute is absent."""


class Empty(Invalid):
    """A required attribute has no value."""


class Book(Protocol):
    """Who keeps the steps; raises DomainError."""

    def create(self, request: Request, step_uid: str, values: Identifier) -> None:
        """Keep a new step."""

    def change(self, request: Request, step_uid: str, values: Identifier) -> None:
        """Apply what an N-SET tells."""


def read_step(step_uid: str, values: Identifier, zone: str) -> Step:
    """Read an N-CREATE (PS3.4 table F.7.2-1); raises Missing, Empty or Invalid."""
    for tag in _NEEDED:
        _needed(values, tag)
    scheduled = values.get(_SCHEDULED)
    if scheduled is None:
        raise Missing("Scheduled Step Attributes Sequence is missing", _NAMES[_SCHEDULED])
    if not scheduled.items:
        raise Empty("Scheduled Step Attributes Sequence is empty", _NAMES[_SCHEDULED])
    study = _needed(scheduled.items[0], _STUDY)
    if not command.is_uid(study):
        raise Invalid("Study Instance UID is no UID", _NAMES[_STUDY])
    numbers = (item.get(_ACCESSION, Value("SH")).text for item in scheduled.items)
    begun = _instant(values, _BEGIN, zone)
    if begun is None:
        raise Empty("Start Date is empty", _NAMES[_BEGIN[0]])
    return Step(
        step_uid, _text(values, _STATE), begun, _text(values, _MODALITY),
        _text(values, _STATION), _text(values, _DESCRIPTION), study,
        tuple(dict.fromkeys(n for n in numbers if n)), _instant(values, _END, zone),
        images=_images(values), said=plain(values),
    )  # fmt: skip


def read_change(values: Identifier, zone: str) -> Change:
    """Read an N-SET."""
    reasons = values[_REASON].items if _REASON in values else ()
    return Change(
        state=_needed(values, _STATE) if _STATE in values else None,
        ended_at=_instant(values, _END, zone),
        description=_text(values, _DESCRIPTION) if _DESCRIPTION in values else None,
        reason=_text(reasons[0], _MEANING) if reasons else None,
        images=_images(values) if _SERIES in values else None,
        has_series=bool(values.get(_SERIES, Value("SQ")).items), said=plain(values),
    )  # fmt: skip


def plain(values: Identifier) -> dict[str, Any]:
    """A data set as JSON: by tag its text, or the items of its sequence."""
    return {
        f"{tag:08X}": [plain(i) for i in value.items] if value.vr == "SQ" else value.text
        for tag, value in values.items()
    }


def _text(values: Identifier, tag: int) -> str:
    return values.get(tag, Value("UN")).text.strip()


def _needed(values: Identifier, tag: int) -> str:
    if tag not in values:
        raise Missing(f"{_NAMES[tag]} is missing", _NAMES[tag])
    if not (text := _text(values, tag)):
        raise Empty(f"{_NAMES[tag]} is empty", _NAMES[tag])
    return text


def _images(values: Identifier) -> int:
    series = values.get(_SERIES, Value("SQ")).items
    return sum(len(one.get(_IMAGES, Value("SQ")).items) for one in series)


def _instant(values: Identifier, tags: tuple[int, int], zone: str) -> datetime | None:
    """Date and time by the site's clock, or by the offset the data set names (0008,0201)."""
    day, time = (_text(values, tag) for tag in tags)
    if not day:
        return None
    offset = _text(values, _OFFSET)
    whole = f"{day}{time.partition('.')[0].replace(':', ''):0<6}"
    try:
        local = datetime.strptime(whole, "%Y%m%d%H%M%S")  # noqa: DTZ007 - placed below
        if offset:
            sign = -1 if offset[0] == "-" else 1
            ahead = timedelta(hours=int(offset[-4:-2]), minutes=int(offset[-2:]))
            return local.replace(tzinfo=timezone(sign * ahead)).astimezone(UTC)
        return local.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Invalid(f"{_NAMES[tags[0]]} or its time is no date", _NAMES[tags[0]]) from None


class Hearing(Gathering):
    """A Receiver of one N-CREATE or N-SET."""

    def __init__(self, request: Request, uid: str, act: Callable[..., None]) -> None:
        super().__init__(MOST_BYTES)
        self._request, self._uid, self._act = request, uid, act

    def finish(self, answer: Answer) -> None:
        """Keep it, then say so."""
        try:
            syntax = self._request.context.transfer_syntax
            values = self.identifier(syntax, MAX_LEVELS, MOST_ELEMENTS)
            self._act(self._request, self._uid, values)
        except Exception as error:  # noqa: BLE001 - the edge's last resort, logged in outcome_of
            answer(_outcome_of(error))
            return
        answer(Outcome(status.SUCCESS))


_TABLE: tuple[tuple[type[Exception], int], ...] = (
    (StepExists, status.DUPLICATE_INSTANCE),
    (NotFound, status.NO_SUCH_INSTANCE),
    (Missing, status.MISSING_ATTRIBUTE),
    (Empty, status.MISSING_VALUE),
    (Invalid, status.INVALID_VALUE),
)


def _outcome_of(error: BaseException) -> Outcome:
    """Find the status of a step that is not taken (PS3.4 F.7.2.1.4, F.7.2.2.4)."""
    if isinstance(error, OF_THE_WIRE):
        raise error
    if isinstance(error, StepIsOver):
        return Outcome(status.PROCESSING_FAILURE, str(error), ((command.ERROR_ID, IS_OVER),))
    for kind, code in _TABLE:
        if isinstance(error, kind):
            return Outcome(code, str(error))
    found = status.outcome_of(error)
    known = {status.NOT_AUTHORISED, status.PROCESSING_FAILURE}
    return (
        found if found.status in known else Outcome(status.RESOURCE_LIMITATION, found.comment)
    )


@dataclass(frozen=True, slots=True)
class PerformedService:
    """Modality Performed Procedure Step SCP."""

    book: Book
    name: str = "performed"
    fields: frozenset[int] = frozenset({N_CREATE_RQ, N_SET_RQ})

    def accepts(self, abstract_syntax: str) -> bool:
        """The one class."""
        return PROVIDED[self.name].accepts(abstract_syntax)

    def choose(self, transfer_syntaxes: tuple[str, ...]) -> str | None:
        """Explicit or implicit little endian, in the proposer's order."""
        return syntaxes.choose_plain(transfer_syntaxes)

    def open(self, request: Request) -> Receiver:
        """Begin one request."""
        asked, creates = request.command, request.command.field == N_CREATE_RQ
        names = (
            (command.AFFECTED_CLASS, command.AFFECTED_INSTANCE)
            if creates
            else (command.REQUESTED_CLASS, command.REQUESTED_INSTANCE)
        )
        sop_class, uid = (asked.text(name) for name in names)
        if sop_class != syntaxes.PERFORMED_STEP:
            return Refusal(Outcome(status.CLASS_CONFLICT, "Not the context's SOP class"))
        if not command.is_uid(uid):
            return Refusal(Outcome(status.INVALID_INSTANCE, "SOP Instance UID is no UID"))
        if not asked.has_data_set:
            return Refusal(Outcome(status.MISSING_ATTRIBUTE, "No attributes came"))
        act = self.book.create if creates else self.book.change
        return Hearing(request, uid, act)
