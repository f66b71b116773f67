"""The audit trail in PostgreSQL: who may add, who may see, and that tampering shows."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from confrere.audit import service
from confrere.audit.model import Agent, Event
from confrere.audit.noted import Noted
from confrere.audit.service import EventQuery, Place
from confrere.database.engine import see_as, transaction
from confrere.kernel.ids import GroupId, PeerId
from tests.database import Databases

KEY = b"k" * 32
NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
SWAP = """
update audit_events a set at = b.at, object_id = b.object_id, detail = b.detail, mac = b.mac
from audit_events b where a.seq in (2, 3) and b.seq = 5 - a.seq
"""
HOME, AWAY = GroupId(UUID(int=1)), GroupId(UUID(int=2))


def agent(group: GroupId = HOME, session: str = "session:1") -> Agent:
    return Agent(None, "Dr A. Person", group, session, "treatment")


def event(n: int = 0, group: GroupId = HOME, who: Agent | None = None) -> Event:
    return Event(
        group,
        NOW + timedelta(seconds=n),
        "U",
        "report",
        "web",
        who or agent(group),
        object_id=UUID(int=n),
        detail={"n": n, "why": "caf\u00e9 \U0001f600", "last": None, "yes": True},
    )


def fill(conn: Connection, count: int) -> None:
    see_as(conn, frozenset({HOME}))
    service.note_all(conn, KEY, [event(n) for n in range(count)])


@contextmanager
def owner_with_triggers_off(made: Databases) -> Iterator[Connection]:
    with made.owner.begin() as conn:
        conn.execute(sa.text("alter table audit_events disable trigger all"))
        conn.execute(sa.text("alter table audit_events no force row level security"))
        yield conn


def bad_seq_after(made: Databases, statement: str) -> int | None:
    with transaction(made.app, frozenset({HOME})) as conn:
        fill(conn, 5)
    with owner_with_triggers_off(made) as conn:
        assert conn.execute(sa.text(statement)).rowcount > 0
    with transaction(made.app, frozenset({HOME})) as conn:
        return service.verify(conn, KEY, HOME).first_bad_seq


def test_what_was_noted_comes_back_and_verifies(app_conn: Connection) -> None:
    fill(app_conn, 3)
    links = service.events(app_conn, EventQuery())
    assert [link.event for link in links] == [event(2), event(1), event(0)]
    state = service.verify(app_conn, KEY, HOME)
    assert (state.ok, state.count) == (True, 3)
    assert service.verify(app_conn, b"x" * 32, HOME).first_bad_seq == 1


@pytest.mark.parametrize(
    ("statement", "seq"),
    [
        ("update audit_events set user_name = 'B' where seq = 3", 3),
        ("update audit_events set detail = '{}' where seq = 4", 4),
        ("delete from audit_events where seq = 2", 2),
        (SWAP, 2),
    ],
)
def test_the_owner_who_turns_the_triggers_off_leaves_a_trace(
    fresh: Databases, statement: str, seq: int
) -> None:
    assert bad_seq_after(fresh, statement) == seq


@pytest.mark.parametrize("role", ["app", "system"])
@pytest.mark.parametrize(
    "statement",
    [
        "update audit_events set user_name = 'B'",
        "delete from audit_events",
        "truncate audit_events",
    ],
)
def test_nobody_changes_or_removes_an_event(
    standing: Databases, role: str, statement: str
) -> None:
    engine = getattr(standing, role)
    with engine.connect() as conn, conn.begin() as work:
        fill(conn, 1)
        with pytest.raises(DBAPIError, match="permission denied"):
            conn.execute(sa.text(statement))
        work.rollback()


def test_the_owner_is_stopped_by_the_trigger(fresh: Databases) -> None:
    with transaction(fresh.app, frozenset({HOME})) as conn:
        fill(conn, 1)
    with fresh.owner.begin() as conn:
        conn.execute(sa.text("alter table audit_events no force row level security"))
    for statement in ("update audit_events set user_name = 'B'", "truncate audit_events"):
        with (
            pytest.raises(DBAPIError, match="keeps what was written"),
            fresh.owner.begin() as conn,
        ):
            conn.execute(sa.text(statement))


def test_a_reader_from_elsewhere_adds_to_the_owners_chain_and_sees_the_own_deeds_only(
    app_conn: Connection,
) -> None:
    fill(app_conn, 2)
    see_as(app_conn, frozenset({AWAY}))
    service.note(app_conn, KEY, event(9, HOME, agent(AWAY)))
    assert [link.seq for link in service.events(app_conn, EventQuery())] == [3]
    see_as(app_conn, frozenset({HOME}))
    assert service.verify(app_conn, KEY, HOME).count == 3
    see_as(app_conn, frozenset())
    assert service.events(app_conn, EventQuery()) == ()


def note_read(conn: Connection, noted: Noted, session: str, **other: object) -> None:
    given = {"kind": "study", "door": "web", "object_id": UUID(int=5), **other}
    service.note_access(
        conn,
        KEY,
        agent(session=session),
        owner_group=HOME,
        now=NOW,
        noted=noted,
        **given,  # type: ignore[arg-type]
    )


def test_reading_again_in_one_session_is_noted_once(app_conn: Connection) -> None:
    see_as(app_conn, frozenset({HOME}))
    noted = Noted()
    for _ in range(3):
        note_read(app_conn, noted, "session:1")
    note_read(app_conn, Noted(), "session:1")
    assert service.verify(app_conn, KEY, HOME).count == 1
    note_read(app_conn, noted, "session:2")
    note_read(app_conn, noted, "session:1", door="dicomweb")
    note_read(app_conn, noted, "session:1", object_id=UUID(int=6))
    note_read(app_conn, noted, "session:1", kind="report")
    assert service.verify(app_conn, KEY, HOME).count == 5


def test_changes_and_lists_are_noted_each_time(app_conn: Connection) -> None:
    see_as(app_conn, frozenset({HOME}))
    for _ in range(2):
        note_read(app_conn, Noted(), "session:1", action="U")
        note_read(app_conn, Noted(), "session:1", object_id=None)
    assert service.verify(app_conn, KEY, HOME).count == 4


def test_a_device_is_named_with_its_conversation(app_conn: Connection) -> None:
    peer = PeerId(uuid4())
    see_as(app_conn, frozenset({HOME}))
    for conversation in ("1", "1", "2"):
        who = Agent.of_peer(peer, "CT 1", HOME, conversation)
        service.note_access(
            app_conn, KEY, who, door="dicom", kind="study", owner_group=HOME,
            object_id=UUID(int=5), now=NOW, noted=Noted(),
        )  # fmt: skip
    links = service.events(app_conn, EventQuery(door="dicom"))
    assert [link.event.agent.session for link in links] == [
        f"peer:{peer}:2",
        f"peer:{peer}:1",
    ]


def test_frames_asked_for_at_once_leave_one_event_and_writers_at_once_one_chain(
    fresh: Databases,
) -> None:
    def work(n: int) -> None:
        with transaction(fresh.app, frozenset({HOME})) as conn:
            note_read(conn, Noted(), "session:1")
            service.note_all(conn, KEY, [event(n, AWAY), event(n, HOME)])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(24)))
    with transaction(fresh.app, frozenset({HOME, AWAY})) as conn:
        home, away = (service.verify(conn, KEY, group) for group in (HOME, AWAY))
        assert (home.ok, home.count, away.ok, away.count) == (True, 25, True, 24)


def test_events_page_without_gaps_and_filters_narrow(app_conn: Connection) -> None:
    fill(app_conn, 7)
    seen: list[int] = []
    before: Place | None = None
    while page := service.events(app_conn, EventQuery(), 3, before):
        seen += [link.seq for link in page]
        last = page[-1]
        before = Place(last.event.at, last.event.owner_group, last.seq)
    assert seen == [7, 6, 5, 4, 3, 2, 1]

    def count(**query: object) -> int:
        return len(service.events(app_conn, EventQuery(**query)))  # type: ignore[arg-type]

    assert count(since=NOW + timedelta(seconds=2), until=NOW + timedelta(seconds=4)) == 2
    assert count(user_name="a. PERS") == 7
    assert count(user_name="%") == 0
    assert count(action="R") == 0
    assert count(kind="report", door="web", owner_group=HOME) == 7
