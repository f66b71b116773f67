"""The busy path of filing: more slices of series that are open already, in one round trip.

The first instance of a series takes the general path (see `service.file_instances`). Whoever
files remembers where it went and what it said of its study; another that says the same needs
no look-up and changes counts only.
"""

import json
from collections import Counter, OrderedDict
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from uuid import UUID

import psycopg
import sqlalchemy as sa
from sqlalchemy import Connection

from confrere.imaging import filing
from confrere.imaging.model import Arrival, Filed, ImagesArrived, Outcome
from confrere.jobs import events
from confrere.kernel.ids import GroupId, StudyId

REMEMBERED = 4096  # series
CALL = "select file_known(%s, %s::jsonb, %s::jsonb)"
PLACE = sa.text(
    "select st.id, se.id from studies st join series se on se.study_id = st.id"
    " where st.owner_group = :owner and st.study_uid = :study and se.series_uid = :series"
)
Saying = tuple[object, ...]
Straight = psycopg.Connection[tuple[object, ...]]


class Known:
    """Which series are open, as far as one door knows. Used by one thread at a time."""

    def __init__(self) -> None:
        self._places: OrderedDict[Saying, tuple[UUID, UUID]] = OrderedDict()

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

    def file(self, conn: Straight, arrivals: Sequence[Arrival]) -> list[Filed] | None:
        """File all of them with one statement; None when some need the general path.

        `conn` commits each statement by itself. When it raises, nothing was filed, or all of it and the
        connection broke: the general path finds out.
        """
        places = [self._places.get(_saying(one)) for one in arrivals]
        known = [place for place in places if place is not None]
        if len(known) != len(arrivals):
            return None
        rows = [_row(one, *place) for one, place in zip(arrivals, known, strict=True)]
        groups = ",".join(sorted({str(one.owner_group) for one in arrivals}))
        told = json.dumps(_told(arrivals, known))
        conn.execute(CALL, (groups, json.dumps(rows), told), prepare=True)
        return [Filed(Outcome.NEW, StudyId(study)) for study, _ in known]


def _saying(one: Arrival) -> Saying:
    """What an instance says of its study and series: all that filing it may change there."""
    head = one.head
    return (
        one.owner_group, head.study_instance, head.series_instance, head.modality,
        head.accession_number, head.study_description, head.referring_physician,
        head.study_date, head.study_time,
    )  # fmt: skip


def _row(one: Arrival, study: UUID, series: UUID) -> dict[str, object]:
    row = filing.instance_row(one, study, series)
    row["study_uid"] = one.head.study_instance
    row["series_uid"] = one.head.series_instance
    row["digest"] = one.digest.hex()
    return {name: _plain(value) for name, value in row.items()}


def _told(
    arrivals: Sequence[Arrival], places: Sequence[tuple[UUID, UUID]]
) -> list[dict[str, object]]:
    """Build the jobs that ImagesArrived means for each study."""
    counts = Counter(study for study, _ in places)
    owners: dict[UUID, GroupId] = {
        study: one.owner_group for one, (study, _) in zip(arrivals, places, strict=True)
    }
    last = max(one.received_at for one in arrivals)
    jobs: list[dict[str, object]] = []
    for study, count in counts.items():
        event = ImagesArrived(owners[study], StudyId(study), count, last)
        arguments = {name: _plain(value) for name, value in asdict(event).items()}
        jobs += [
            {
                "task": task,
                "priority": events.priorities.get(task, 0),
                "once": f"{task}:{study}:False",
                "arguments": arguments,
            }
            for task in events.subscribers.get(ImagesArrived, ())
        ]
    return jobs


def _plain(value: object) -> object:
    if isinstance(value, UUID):
        return str(value)
    return value.isoformat() if isinstance(value, datetime) else value
