"""Filing with a real PostgreSQL: duplicates, conflicts, counts, events, concurrency."""

import hashlib
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection

from confrere.database.engine import see_as, transaction
from confrere.imaging import asides, batching, service
from confrere.imaging.batching import GroupCommit
from confrere.imaging.head import Head
from confrere.imaging.model import (
    Arrival,
    Aside,
    ImagesArrived,
    Outcome,
    StudyArrived,
    StudyClosed,
)
from confrere.jobs import events
from confrere.kernel.errors import NotFound, Unavailable
from confrere.kernel.ids import GroupId, OrderId, PatientId
from tests.database import Databases, count

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
CT = "1.2.840.10008.5.1.4.1.1.2"
GROUP = GroupId(UUID(int=1))
OTHER = GroupId(UUID(int=2))


def arrival(
    number: int, *, study: str = "1.2.3", group: GroupId = GROUP, content: bytes = b""
) -> Arrival:
    head = Head(
        sop_class=CT,
        sop_instance=f"{study}.{number % 3}.{number}",
        study_instance=study,
        series_instance=f"{study}.{number % 3}",
        modality=("CT", "CT", "SR")[number % 3],
        patient_name="Doe^Jane",
        patient_id="M1",
        study_date="20260301",
    )
    body = content or head.sop_instance.encode()
    digest = hashlib.sha256(body).digest()
    return Arrival(group, None, head, CT, "1.2.840.10008.1.2.1", digest, len(body), "CT1", NOW)


@pytest.fixture
def subscribed() -> Iterator[None]:
    """Queue every event of imaging under its own name, as wiring would."""
    known = (StudyArrived, ImagesArrived, StudyClosed)
    events.subscribers.update({event: (event.__name__,) for event in known})
    yield
    for event in known:
        del events.subscribers[event]


def queued(conn: Connection) -> list[tuple[str, object, object]]:
    """Return what was published, in order: event, count, late."""
    jobs = conn.execute(sa.text("select task_name, args from procrastinate_jobs order by id"))
    return [(name, args.get("count"), args.get("late")) for name, args in jobs]


def totals(conn: Connection) -> tuple[int, int, list[str]]:
    return tuple(  # type: ignore[return-value]
        conn.execute(
            sa.text("select series_count, instance_count, modalities from studies")
        ).one()
    )


def test_a_batch_makes_one_study_with_right_counts(conn: Connection) -> None:
    filed = service.file_instances(conn, [arrival(n) for n in range(7)])
    assert [one.outcome for one in filed] == [Outcome.NEW] * 7
    assert totals(conn) == (3, 7, ["CT", "SR"])
    per_series = conn.execute(
        sa.text("select instance_count from series order by series_uid")
    ).scalars()
    assert list(per_series) == [3, 2, 2]


def test_the_same_bytes_again_are_a_success_and_one_instance(conn: Connection) -> None:
    service.file_instances(conn, [arrival(1)])
    again = service.file_instances(conn, [arrival(1), arrival(2), arrival(2)])
    assert [one.outcome for one in again] == [Outcome.SAME, Outcome.NEW, Outcome.SAME]
    assert totals(conn) == (2, 2, ["CT", "SR"])
    assert count(conn, "kept_aside") == 0


def test_other_bytes_under_one_uid_are_kept_aside_and_never_overwrite(
    conn: Connection,
) -> None:
    service.file_instances(conn, [arrival(1)])
    rival = arrival(1, content=b"other")
    filed = service.file_instances(conn, [rival, rival])
    assert {one.outcome for one in filed} == {Outcome.CONFLICT}
    kept = asides.listed(conn, frozenset({GROUP}))
    assert [(one.kind, one.digest, one.field) for one in kept] == [
        ("conflict", rival.digest, "SOPInstanceUID")
    ]
    original = conn.execute(sa.text("select digest from instances")).scalar_one()
    assert original == arrival(1).digest


def test_a_conflict_makes_no_empty_study(conn: Connection) -> None:
    service.file_instances(conn, [arrival(1)])
    first = arrival(1)
    stray = replace(
        first,
        head=replace(first.head, study_instance="9.9", series_instance="9.9.1"),
        digest=b"x" * 32,
    )
    assert service.file_instances(conn, [stray])[0].outcome is Outcome.CONFLICT
    assert count(conn, "studies") == 1


def test_two_groups_hold_one_uid_apart(app_conn: Connection) -> None:
    see_as(app_conn, frozenset({GROUP, OTHER}))
    both = [arrival(1), arrival(1, group=OTHER, content=b"other")]
    filed = service.file_instances(app_conn, both)
    assert [one.outcome for one in filed] == [Outcome.NEW, Outcome.NEW]
    assert filed[0].study_id != filed[1].study_id
    see_as(app_conn, frozenset({OTHER}))
    assert count(app_conn, "instances") == 1


@pytest.mark.usefixtures("subscribed")
def test_events_name_the_first_instance_and_one_job_waits_for_all_batches(
    conn: Connection,
) -> None:
    service.file_instances(conn, [arrival(n) for n in range(4)])
    service.file_instances(conn, [arrival(n) for n in range(6)])
    service.file_instances(conn, [arrival(n) for n in range(6)])
    assert queued(conn) == [("StudyArrived", None, None), ("ImagesArrived", 4, False)]


@pytest.mark.usefixtures("subscribed")
def test_only_quiet_closes_a_study_and_a_late_image_opens_it_again(conn: Connection) -> None:
    study = service.file_instances(conn, [arrival(1)])[0].study_id

    def quiet(_site: object, modality: str) -> timedelta:
        return timedelta(minutes=2 if modality == "CT" else 10)

    assert service.close_quiet_studies(conn, quiet, NOW + timedelta(minutes=1)) == []
    later = NOW + timedelta(minutes=2)
    assert service.close_quiet_studies(conn, quiet, later) == [study]
    assert service.close_quiet_studies(conn, quiet, later) == []
    assert queued(conn)[-1] == ("StudyClosed", None, None)
    service.file_instances(conn, [replace(arrival(2), received_at=later)])
    assert queued(conn)[-1] == ("ImagesArrived", 1, True)
    state = conn.execute(sa.text("select state, closed_at from studies")).one()
    assert tuple(state) == ("receiving", None)
    # the study holds an SR now, which needs ten minutes
    soon = later + timedelta(minutes=9)
    assert service.close_quiet_studies(conn, quiet, soon) == []


def test_orders_and_patients_are_attached(conn: Connection) -> None:
    study = service.file_instances(conn, [arrival(1)])[0].study_id
    assert study is not None
    order, patient = OrderId(uuid4()), PatientId(uuid4())
    assert service.attach_order(conn, study, order, "accession", NOW)
    assert not service.attach_order(conn, study, order, "accession", NOW)
    assert service.orders_of(conn, study) == [order]
    assert [one.id for one in service.studies_of_order(conn, order)] == [study]
    service.attach_patient(conn, study, patient)
    assert [one.id for one in service.studies_of_patients(conn, [patient])] == [study]
    with pytest.raises(NotFound):
        service.attach_patient(conn, uuid4(), patient)  # type: ignore[arg-type]


def test_what_is_kept_aside_is_resolved_once(conn: Connection) -> None:
    aside = Aside(GROUP, "truncated", "the data set ends early", b"d" * 32, 10, NOW)
    asides.keep(conn, aside)
    asides.keep(conn, aside)
    (kept,) = asides.listed(conn, frozenset({GROUP}))
    assert kept.id is not None
    asides.settle(conn, kept.id, "sender repeated it", "user 7", NOW)
    assert asides.listed(conn, frozenset({GROUP})) == []
    (done,) = asides.listed(conn, frozenset({GROUP}), resolved=True)
    assert done.resolution == "sender repeated it (user 7)"
    assert asides.listed(conn, frozenset({OTHER}), resolved=True) == []


def test_sixteen_threads_file_one_study_and_the_counts_are_right(fresh: Databases) -> None:
    doors = [GroupCommit(fresh.app) for _ in range(2)]
    start = threading.Barrier(16)

    def send(thread: int) -> list[Outcome]:
        start.wait()
        return [
            doors[thread % 2].submit(arrival(n % 60, study=f"1.2.{n % 3}"), mark=1).outcome
            for n in range(thread * 10, thread * 10 + 30)
        ]

    with ThreadPoolExecutor(16) as pool:
        outcomes = [one for many in pool.map(send, range(16)) for one in many]
    for door in doors:
        door.close()
    assert outcomes.count(Outcome.NEW) == 60
    assert outcomes.count(Outcome.CONFLICT) == 0
    with fresh.system.connect() as conn:
        wrong = conn.execute(
            sa.text(
                "select count(*) from studies s where instance_count <> (select count(*) from "
                "instances i where i.study_id = s.id) or series_count <> (select count(*) "
                "from series e where e.study_id = s.id)"
            )
        ).scalar_one()
        assert (count(conn, "studies"), count(conn, "instances"), wrong) == (3, 60, 0)


def test_what_a_crash_of_the_database_took_is_filed_again(
    fresh: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batching, "SETTLING", 600)
    door = GroupCommit(fresh.app)
    for n in range(3, 30, 3):  # of one series: all but the first take the busy path
        assert door.submit(arrival(n), mark=1).outcome is Outcome.NEW
    with fresh.system.connect() as conn, conn.begin():
        # as a crash does that loses the end of the log: the last commits, and every connection
        conn.execute(
            sa.text("delete from instances where sop_uid in ('1.2.3.0.24', '1.2.3.0.27')")
        )
        conn.execute(sa.text("update studies set instance_count = 7"))
        conn.execute(sa.text("update series set instance_count = 7"))
    door._ahead._pg.finish()  # the connection that the busy path had
    door.settle()
    with fresh.system.connect() as conn:
        assert (count(conn, "instances"), count(conn, "studies")) == (9, 1)
        assert conn.execute(sa.text("select instance_count from studies")).scalar_one() == 9
    assert door.submit(arrival(30), mark=1).outcome is Outcome.NEW
    assert door.submit(arrival(30), mark=1).outcome is Outcome.SAME
    door.close()


def test_one_bad_arrival_does_not_fail_its_neighbours(fresh: Databases) -> None:
    door = GroupCommit(fresh.app)
    bad = replace(arrival(1), received_at=None)  # type: ignore[arg-type]
    with ThreadPoolExecutor(8) as pool:
        answers = [
            pool.submit(door.submit, one) for one in [*(arrival(n) for n in range(2, 9)), bad]
        ]
        failures = [one.exception() for one in answers]
    assert [failure is None for failure in failures] == [True] * 7 + [False]
    door.close()
    with pytest.raises(Unavailable):
        door.submit(arrival(1))
    with transaction(fresh.app, frozenset({GROUP})) as conn:
        assert count(conn, "instances") == 7


@pytest.mark.usefixtures("subscribed")
def test_events_roll_back_with_the_batch(fresh: Databases) -> None:
    with fresh.app.connect() as conn, conn.begin() as work:
        see_as(conn, frozenset({GROUP}))
        service.file_instances(conn, [arrival(1)])
        assert len(queued(conn)) == 2
        work.rollback()
    with fresh.system.connect() as conn:
        assert (count(conn, "procrastinate_jobs"), count(conn, "studies")) == (0, 0)
