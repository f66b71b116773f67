"""Last month again: from facts in the database to outcomes, and a plan that keeps its word."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import Connection

from confrere.analytics import service as analytics
from confrere.analytics.model import ExamFact
from confrere.cli import parser
from confrere.cli.simulating import _changes
from confrere.kernel.errors import Invalid, NotFound
from confrere.kernel.ids import ReaderId, SiteId
from confrere.network import service as network
from confrere.wiring import simulating
from confrere.worklist.changes import Absent, Admit, Hold, Without, policy_with
from confrere.worklist.replaying import last_month
from tests.integration.world import NOW, World, build

STARTS, ENDS = last_month(NOW)


def came(world: World, number: int, at: datetime, priority: str, minutes: int) -> ExamFact:
    return ExamFact(
        world.owner, None, None, world.site, f"S{number}", "CT", "head", "neuro", priority, "E",
        at, at, "order status", at, at, at, None, at + timedelta(minutes=30),
        at + timedelta(minutes=minutes), world.neuro, world.partner, "confrere",
        Decimal("0.85"), synthetic=True,
    )  # fmt: skip


def furnished(conn: Connection) -> World:
    """A busy afternoon for the one neuroradiologist with a licence."""
    world = build(conn)
    noon = datetime(STARTS.year, STARTS.month, 14, 18, tzinfo=UTC)
    facts = [
        came(world, n, noon + timedelta(minutes=2 * n), "ed" if n % 2 else "inpatient",
             60 if n % 2 else 240)
        for n in range(40)
    ]  # fmt: skip
    analytics.record(conn, facts)
    return world


def test_the_month_is_the_calendar_month_before() -> None:
    assert last_month(datetime(2026, 1, 5, 3, tzinfo=UTC)) == (
        datetime(2025, 12, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC),
    )  # fmt: skip


def test_the_plans_first_suggestion_shortens_the_backlog(conn: Connection) -> None:
    world = furnished(conn)
    period = simulating.load(conn, STARTS, ENDS, NOW)
    assert len(period.exams) == 40
    assert {one.minutes for one in period.exams} == {8}
    told: list[float] = []
    base = simulating.run(period, tell=told.append)
    assert told[-1] == 1.0
    assert base.outcome.exams == 40
    assert base.outcome.late > 0
    assert base.outcome.cross == 100.0
    plan = simulating.planned(period, base)
    first = plan[0]
    assert (first.reader, first.site) == (world.unlicensed, world.site)
    assert "LIC_PATIENT" in first.lacks
    assert first.late > 0
    better = simulating.run(period, [Admit(first.reader, first.site)])
    assert better.outcome.late < base.outcome.late
    assert better.outcome.late_minutes < base.outcome.late_minutes


def test_without_the_agreement_nobody_reads_them(conn: Connection) -> None:
    world = furnished(conn)
    period = simulating.load(conn, STARTS, ENDS, NOW)
    alone = simulating.run(period, [Without(world.agreement)])
    assert alone.outcome.unread == 40
    gone = simulating.run(period, [Absent(world.neuro)])
    assert gone.outcome.unread == 40


def test_what_is_not_there_is_named(conn: Connection) -> None:
    world = furnished(conn)
    period = simulating.load(conn, STARTS, ENDS, NOW)
    nowhere, nobody = SiteId(world.neuro), ReaderId(world.site)
    for wrong in (Admit(world.neuro, nowhere), Absent(nobody), Without(world.agreement.__class__(int=9))):  # type: ignore[arg-type] # fmt: skip
        with pytest.raises(NotFound):
            simulating.run(period, [wrong])
    with pytest.raises(Invalid, match="between 0 and 3"):
        policy_with([Hold(-1)])


def test_the_command_line_names_what_it_knows(conn: Connection) -> None:
    world = furnished(conn)
    directory = network.directory(conn, NOW)
    title = directory.agreements[0].title
    asked = parser().parse_args(
        ["simulate", "--hold", "0.5", "--without", title.upper(), "--admit", "Ulrich, Uma@lmh"]
    )
    assert _changes(asked, directory) == [
        Hold(0.5), Without(world.agreement), Admit(world.unlicensed, world.site)
    ]  # fmt: skip
    with pytest.raises(Invalid, match="there is no reader 'Nobody'"):
        _changes(parser().parse_args(["simulate", "--absent", "Nobody"]), directory)
