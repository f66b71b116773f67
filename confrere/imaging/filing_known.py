"""The busy path of filing: more slices of series that are open already, in one round trip.

The first instance of a series takes the general path (see `service.file_instances`). Whoever
files remembers where it went and what it said of its study; another that says the same needs
no look-up and changes counts only.
"""

import json
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import fields
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Connection

from confrere.imaging.ahead import Ahead, Statement
from confrere.imaging.model import Arrival, Filed, ImagesArrived, Outcome
from confrere.jobs import events
from confrere.kernel.ids import StudyId

REMEMBERED = 4096  # series
NAME = b"file_known"
CALL = b"select file_known(" + b",".join(b"$%d" % n for n in range(1, 20)) + b")"
# a commit of its own that waits for the log: all that was committed before is durable with it
FLUSH_SQL = (b"flush_log", b"select pg_logical_emit_message(true, 'confrere', '')")
FLUSH: Statement = (FLUSH_SQL[0], ())
PLACE = sa.text(
    "select st.id, se.id from studies st join series se on se.study_id = st.id"
    " where st.owner_group = :owner and st.study_uid = :study and se.series_uid = :series"
)
Saying = tuple[object, ...]
Place = tuple[UUID, UUID]  # study and series


class Known:
    """Which series are open, as far as one door knows. Used by one thread at a time."""

    def __init__(self) -> None:
        self._places: OrderedDict[Saying, Place] = OrderedDict()

    def learn(self, conn: Connection, arrivals: Sequence[Arrival]) -> None:
        """Remember where instances went that were just filed in `conn`'s transaction."""
        for saying, one in {_saying(one): one for one in arrivals}.items():
            if saying in self._places:
                continue
            asked = {"owner": one.owner_group, "study": one.head.study_instance}
            row = conn.execute(PLACE, {**asked, "series": one.head.series_instance}).first()
            if row is not None:
                self._places[saying] = (row[0], row[1])
        while len(self._places) > REMEMBERED:
            self._places.popitem(last=False)

    def forget(self, arrivals: Sequence[Arrival]) -> None:
        """Look these series up anew."""
        for one in arrivals:
            self._places.pop(_saying(one), None)

    def places(self, arrivals: Sequence[Arrival]) -> list[Place] | None:
        """Where these go; None when some need the general path."""
        found = [self._places.get(_saying(one)) for one in arrivals]
        known = [place for place in found if place is not None]
        return known if len(known) == len(arrivals) else None


def prepare(ahead: Ahead) -> None:
    """Make a connection ready for `statements` and `FLUSH`."""
    ahead.prepare(NAME, CALL)
    ahead.prepare(*FLUSH_SQL)


def statements(arrivals: Sequence[Arrival], places: Sequence[Place]) -> list[Statement]:
    """Build one call a series, in the order in which all writers lock studies."""
    by_place: dict[tuple[str, str, Place], list[Arrival]] = {}
    for one, place in zip(arrivals, places, strict=True):
        key = (str(one.owner_group), one.head.study_instance, place)
        by_place.setdefault(key, []).append(one)
    return [(NAME, _call(by_place[key], key[2])) for key in sorted(by_place)]


def answers(places: Sequence[Place]) -> list[Filed]:
    """Tell what became of them, once committed."""
    return [Filed(Outcome.NEW, StudyId(study)) for study, _ in places]


def _saying(one: Arrival) -> Saying:
    """What an instance says of its study and series: all that filing it may change there."""
    head = one.head
    return (
        one.owner_group, head.study_instance, head.series_instance, head.modality,
        head.accession_number, head.study_description, head.referring_physician,
        head.study_date, head.study_time,
    )  # fmt: skip


def _call(arrivals: Sequence[Arrival], place: Place) -> list[bytes | None]:
    """The parameters of file_known, in PostgreSQL's text form."""
    first, heads = arrivals[0], [one.head for one in arrivals]
    study, series = place
    owner = str(first.owner_group).encode()
    jobs = _told(arrivals, study)
    return [
        owner, owner, str(study).encode(), str(series).encode(),
        heads[0].study_instance.encode(), heads[0].series_instance.encode(),
        max(one.received_at for one in arrivals).isoformat().encode(),
        _texts(head.sop_instance for head in heads),
        _texts(one.sop_class for one in arrivals),
        _numbers(head.instance_number for head in heads),
        _numbers(head.rows for head in heads),
        _numbers(head.columns for head in heads),
        _numbers(max(1, head.frames or 1) for head in heads),
        _texts(one.transfer_syntax for one in arrivals),
        _texts("\\x" + one.digest.hex() for one in arrivals),
        _numbers(one.size for one in arrivals),
        _texts(one.received_at.isoformat() for one in arrivals),
        _texts(str(job["once"]) for job in jobs),
        json.dumps(jobs).encode(),
    ]  # fmt: skip


def _texts(values: Iterable[str]) -> bytes:
    """An array literal (PostgreSQL 8.15.6)."""
    quoted = [value.replace("\\", "\\\\").replace('"', '\\"') for value in values]
    return b'{"%s"}' % '","'.join(quoted).encode() if quoted else b"{}"


def _numbers(values: Iterable[int | None]) -> bytes:
    """An array literal of numbers, NULL where there is none."""
    return b"{%s}" % ",".join("NULL" if v is None else str(v) for v in values).encode()


def _told(arrivals: Sequence[Arrival], study: UUID) -> list[dict[str, object]]:
    """Build the jobs that ImagesArrived means for a study."""
    last = max(one.received_at for one in arrivals)
    event = ImagesArrived(arrivals[0].owner_group, StudyId(study), len(arrivals), last)
    arguments = {field.name: _plain(getattr(event, field.name)) for field in fields(event)}
    return [
        {
            "task": task,
            "priority": events.priorities.get(task, 0),
            "once": f"{task}:{study}:False",
            "arguments": arguments,
        }
        for task in events.subscribers.get(ImagesArrived, ())
    ]


def _plain(value: object) -> object:
    if isinstance(value, UUID):
        return str(value)
    return value.isoformat() if isinstance(value, datetime) else value
