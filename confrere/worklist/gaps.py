"""The gap planner: which licence or privilege would unlock the most unmet reading. Pure.

Unmet is what a replay left late, unread, or read outside the subspecialty although advanced. A
reader who is on duty in time, reads such exams, and lacks nothing at the exam's site but
a licence, privileges or cover, could have read it.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from confrere.kernel.ids import ReaderId, SiteId
from confrere.network.model import Directory
from confrere.worklist.case import case_in
from confrere.worklist.eligibility import eligibility
from confrere.worklist.policy import PARTNER_MATCH
from confrere.worklist.pooling import minutes_of
from confrere.worklist.replaying import Exam
from confrere.worklist.simulation import Duty, Replayed

FIXABLE = frozenset({"LIC_PATIENT", "PRIV", "PROXY_OK", "COVER"})


@dataclass(frozen=True, slots=True)
class Gap:
    """What a reader lacks at a site, and what it would unlock in the period."""

    reader: ReaderId
    site: SiteId
    lacks: tuple[str, ...]  # rules
    remedies: tuple[str, ...]
    exams: int
    minutes: int
    late: int  # of the exams


def unmet(exams: Sequence[Exam], found: Replayed) -> list[tuple[Exam, bool]]:
    """The exams that a replay served badly, and whether they were late; by time, as replayed."""
    came = sorted(exams, key=lambda one: one.at)
    due = np.array([one.due for one in found.arrivals])
    late = (found.reader < 0) | (found.done > due)
    unmatched = (found.ring > PARTNER_MATCH) & np.array([one.advanced for one in came], bool)
    return [(came[n], bool(late[n])) for n in np.flatnonzero(late | unmatched).tolist()]


def gaps(
    directory: Directory, badly: Sequence[tuple[Exam, bool]], duties: Sequence[Duty],
    now: datetime, most: int = 20,
) -> list[Gap]:  # fmt: skip
    """Rank readers by sites: late exams that they could have read first, then minutes."""
    rosters: dict[ReaderId, list[tuple[float, float]]] = defaultdict(list)
    for duty in sorted(duties, key=lambda one: one.starts):
        rosters[duty.reader].append((duty.starts, duty.ends))
    by_kind: dict[tuple[SiteId, object], list[tuple[Exam, bool]]] = defaultdict(list)
    for exam, late in badly:
        by_kind[exam.site, exam.service].append((exam, late))
    unlocked: dict[tuple[ReaderId, SiteId], list[tuple[Exam, bool]]] = defaultdict(list)
    lacking: dict[tuple[ReaderId, SiteId], dict[str, str]] = defaultdict(dict)
    for (site, _), some in by_kind.items():
        for reader, lacks in _lacking(directory, some[0][0], now).items():
            mine = [one for one in some if _there(rosters.get(reader, []), one[0])]
            if mine:
                unlocked[reader, site] += mine
                lacking[reader, site] |= lacks
    found = [_gap(key, unlocked[key], lacking[key]) for key in unlocked]
    return sorted(found, key=lambda g: (-g.late, -g.minutes, str(g.reader), str(g.site)))[:most]


def _lacking(
    directory: Directory, exam: Exam, now: datetime
) -> Mapping[ReaderId, Mapping[str, str]]:
    """Readers of the exam's subspecialty who lack only what can be obtained: rule -> remedy."""
    item, found = exam.as_item(), {}
    for reader in directory.readers.values():
        reads = reader.certificates if exam.advanced else reader.subspecialties
        if not reader.active or exam.subspecialty not in reads:
            continue
        fails = [v for v in eligibility(case_in(directory, item, reader, now)) if not v.holds]
        if fails and {one.rule for one in fails} <= FIXABLE:
            found[reader.id] = {one.rule: one.remedy or one.because for one in fails}
    return found


def _there(roster: Sequence[tuple[float, float]], exam: Exam) -> bool:
    """Say whether a reader is on duty at some time before the exam is due."""
    start, due = minutes_of(exam.at), minutes_of(exam.due)
    at = bisect_right(roster, (due, float("inf")))
    return any(ends > start for _, ends in roster[max(0, at - 3) : at])


def _gap(
    key: tuple[ReaderId, SiteId], some: Sequence[tuple[Exam, bool]], lacks: Mapping[str, str]
) -> Gap:
    rules = sorted(lacks)
    return Gap(
        *key, tuple(rules), tuple(lacks[rule] for rule in rules), len(some),
        sum(exam.minutes for exam, _ in some), sum(late for _, late in some),
    )  # fmt: skip
