"""Try changes to the collaborative on the arrivals of a period, with the policy's own code."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from confrere.analytics import service as analytics
from confrere.analytics.store_lending import Came
from confrere.database.engine import transaction
from confrere.kernel.errors import DomainError, Invalid
from confrere.kernel.ids import GroupId
from confrere.network import service as network
from confrere.network.model import Directory
from confrere.orders import service as orders
from confrere.orders.model import Procedure
from confrere.wiring.house import House
from confrere.worklist import trials
from confrere.worklist.changes import Change, changed, policy_with
from confrere.worklist.experiments import Experiment, from_data, gap_data, outcome_data
from confrere.worklist.gaps import Gap, gaps, unmet
from confrere.worklist.model import READING_MINUTES
from confrere.worklist.replaying import Exam, setting_of
from confrere.worklist.simulation import Outcome, Replay, Replayed, Setting, outcome

Tell = Callable[[float], None]
SAID_EVERY = 0.02  # a word of progress
SHOWN_GAPS = 12
Key = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Period:
    """What a replay starts from: the collaborative, and what came in a period."""

    directory: Directory
    exams: tuple[Exam, ...]
    starts: datetime
    ends: datetime
    now: datetime


@dataclass(frozen=True, slots=True)
class Run:
    """One replay, and what it came to."""

    setting: Setting
    found: Replayed
    outcome: Outcome


def load(conn: Connection, starts: datetime, ends: datetime, now: datetime) -> Period:
    """Load a period; its rosters are those on record for it, else the present fortnight."""
    directory = network.directory(conn, now)
    rostered = network.rostered_from(conn, directory, starts)
    lines: dict[Key, list[Procedure]] = defaultdict(list)
    for group in directory.groups:
        for line in orders.procedures(conn, group):
            lines[_key(group, line)].append(line)
    exams = tuple(_exam(one, lines) for one in analytics.came(conn, starts, ends))
    return Period(rostered, exams, starts, ends, now)


def _key(group: object, line: Procedure) -> Key:
    return group, line.modality, line.body_region, line.subspecialty, line.wrvu


def _exam(one: Came, lines: dict[Key, list[Procedure]]) -> Exam:
    """Measures keep no code: the map's line of the same kind and work tells the rest."""
    key = (one.owner_group, one.modality, one.body_region, one.subspecialty, one.wrvu)
    found = lines.get(key)
    line = found[0] if found else None
    return Exam(
        one.owner_group, one.site, one.at, one.due, one.priority, one.modality,
        one.subspecialty, line.minutes if line else READING_MINUTES.get(one.modality, 8),
        one.wrvu, line.advanced if line else False, line.certificates if line else (),
    )  # fmt: skip


def run(period: Period, changes: Sequence[Change] = (), tell: Tell = lambda _: None) -> Run:
    """Replay a period under changes."""
    directory = changed(period.directory, changes, period.now.date())
    setting, arrivals = setting_of(
        directory, period.exams, period.starts, period.ends, period.now, policy_with(changes)
    )
    found = Replay(setting).run(arrivals, tell)
    return Run(setting, found, outcome(setting, found))


def planned(period: Period, base: Run, most: int = 20) -> list[Gap]:
    """Rank which licence or privilege would unlock the most unmet reading."""
    badly = unmet(period.exams, base.found)
    return gaps(period.directory, badly, base.setting.duties, period.now, most)


def experiment(house: House, key: UUID) -> None:
    """Run a replay that was asked for: as it is, and changed; keep both, and the plan."""
    with transaction(house.system, frozenset()) as conn:
        asked = trials.get(conn, key)
        if asked.over:
            return
        period = load(conn, asked.starts_at, asked.ends_at, house.now())

    said = [0.0]

    def tell(done: float) -> None:
        if done - said[0] < SAID_EVERY:
            return
        said[0] = done
        with transaction(house.system, frozenset()) as conn:
            trials.advance(conn, key, done)

    try:
        result = _result(period, asked, tell)
    except DomainError as error:
        with transaction(house.system, frozenset()) as conn:
            trials.fail(conn, key, str(error), house.now())
        return
    with transaction(house.system, frozenset()) as conn:
        trials.finish(conn, key, result, house.now())


def _result(period: Period, asked: Experiment, tell: Tell) -> dict[str, Any]:
    if not period.exams:
        raise Invalid("no exam is on record in this period: choose another", "period")
    changes, owner = from_data(asked.asked), asked.owner_group
    base = run(period, (), lambda done: tell(done / (2 if changes else 1)))
    result = {
        "base": _both(base, owner),
        "gaps": _mine(planned(period, base, 200), period, owner),
    }
    if changes:
        other = run(period, changes, lambda done: tell(0.5 + done / 2))
        result["changed"] = _both(other, owner)
    return result


def _both(one: Run, owner: GroupId) -> dict[str, Any]:
    """All exams together, and those of the group that asked."""
    own = outcome(one.setting, one.found, owner)
    return {"all": outcome_data(one.outcome), "own": outcome_data(own)}


def _mine(found: Sequence[Gap], period: Period, owner: GroupId) -> list[dict[str, Any]]:
    """Of the plan what concerns a group: its own readers, and its own sites."""
    directory = period.directory
    return [
        gap_data(one)
        for one in found
        if owner in (directory.readers[one.reader].group, directory.sites[one.site].owner_group)
    ][:SHOWN_GAPS]
