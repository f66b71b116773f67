"""`confrere simulate`: last month again, under changes."""

import argparse
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from confrere.cli.connection import system_connection
from confrere.cli.output import say
from confrere.kernel.errors import Invalid
from confrere.network.model import Directory
from confrere.settings import load
from confrere.wiring import simulating
from confrere.worklist.changes import Absent, Admit, Change, Hold, Without
from confrere.worklist.gaps import Gap
from confrere.worklist.replaying import last_month
from confrere.worklist.simulation import Outcome


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    made = commands.add_parser(
        "simulate", help="replay a month of arrivals with changes to the collaborative"
    )
    made.add_argument("--from", dest="since", type=date.fromisoformat, help="first day")
    made.add_argument("--to", dest="until", type=date.fromisoformat, help="last day")
    made.add_argument("--hold", type=float, help="factor on how long advanced exams wait")
    made.add_argument("--evenness", action="store_true", help="even work first, no holds")
    made.add_argument("--without", action="append", default=[], help="an agreement's title")
    made.add_argument("--absent", action="append", default=[], help="a reader's name")
    made.add_argument("--admit", action="append", default=[], help="READER@SITE code")
    made.add_argument("--plan", action="store_true", help="rank licences and privileges")
    made.set_defaults(run=_run)


def _run(asked: argparse.Namespace) -> int:
    now = datetime.now(UTC)
    starts, ends = last_month(now)
    if asked.since:
        starts = datetime.combine(asked.since, time(), UTC)
    if asked.until:
        ends = datetime.combine(asked.until, time(), UTC) + timedelta(days=1)
    with system_connection(load()) as conn:
        period = simulating.load(conn, starts, ends, now)
    if not period.exams:
        raise Invalid(f"no exam is on record from {starts:%Y-%m-%d} to {ends:%Y-%m-%d}", "from")
    changes = _changes(asked, period.directory)
    say(f"{len(period.exams)} exams, {starts:%Y-%m-%d} to {ends:%Y-%m-%d}")
    base = simulating.run(period)
    outcomes = [("as it is", base.outcome)]
    if changes:
        outcomes.append(("changed", simulating.run(period, changes).outcome))
    _table(outcomes)
    if asked.plan:
        _plan(simulating.planned(period, base), period.directory)
    return 0


def _changes(asked: argparse.Namespace, directory: Directory) -> list[Change]:
    found: list[Change] = []
    if asked.hold is not None or asked.evenness:
        found.append(Hold(1.0 if asked.hold is None else asked.hold, evenness=asked.evenness))
    titles = {one.title.casefold(): one.id for one in directory.agreements}
    names = {one.name.casefold(): one.id for one in directory.readers.values()}
    codes = {one.code.casefold(): one.id for one in directory.sites.values()}
    found += [Without(_known(titles, one, "agreement")) for one in asked.without]
    found += [Absent(_known(names, one, "reader")) for one in asked.absent]
    for one in asked.admit:
        reader, _, site = one.rpartition("@")
        found.append(Admit(_known(names, reader, "reader"), _known(codes, site, "site")))
    return found


def _known(known: dict[str, Any], name: str, what: str) -> Any:
    found = known.get(name.strip().casefold())
    if found is None:
        raise Invalid(
            f"there is no {what} {name!r}; there are: {', '.join(sorted(known))}", what
        )
    return found


def _table(outcomes: Sequence[tuple[str, Outcome]]) -> None:
    say(
        f"{'':10s} {'late %':>7s} {'match %':>8s} {'cross %':>8s} {'spread':>7s} {'unread':>7s}"
    )
    for name, one in outcomes:
        say(f"{name:10s} {one.late:7.2f} {one.match:8.1f} {one.cross:8.1f} "
            f"{one.evenness:7.3f} {one.unread:7d}")  # fmt: skip
        for level in one.levels:
            say(f"  {level.name:10s} {level.exams:6d} exams, late {level.late:5.2f} %, median "
                f"{level.median:6.1f} min, p90 {level.p90:6.1f} min")  # fmt: skip


def _plan(found: Sequence[Gap], directory: Directory) -> None:
    say("What would unlock the most unmet reading:")
    for number, gap in enumerate(found, 1):
        reader, site = directory.readers[gap.reader], directory.sites[gap.site]
        say(f"{number:3d}. {reader.name} at {site.name} ({site.code}): {gap.exams} exams, "
            f"{gap.late} of them late, {gap.minutes} min; {'; '.join(gap.remedies)}")  # fmt: skip
    if not found:
        say("  nothing: every unmet exam lacks a reader on duty, or more than a credential")
