"""A quarter of synthetic offers, declines and claims out of turn, reader by reader. Pure.

Most take what comes. One reader prefers what pays for the minute, one has only just begun:
so that the page shows what it says, and where it says nothing.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from statistics import fmean, pvariance
from uuid import UUID

import numpy as np

from confrere.demo import catalogue, people
from confrere.demo.catalogue import ProcedurePlan
from confrere.demo.people import ReaderPlan
from confrere.kernel.ids import GroupId, ReaderId
from confrere.worklist.choices_made import Choice

DAYS, OFFERS, FEW = 85, (90, 170), 7
_OUT_OF_TURN, _DECLINES = 0.14, 0.06
_REASONS = ("busy", "competence", "technical", "leaving", "conflict")
_WEIGHTS = (0.42, 0.27, 0.16, 0.11, 0.04)
CHOOSER, BEGINNER = "okafor", "bennett"  # keys of readers
_OPEN = (3, 9)  # exams open at a claim out of turn


def draw(
    now: datetime, seed: int, readers: Mapping[str, ReaderId], groups: Mapping[str, GroupId]
) -> list[Choice]:
    """Draw every reader's choices; the same arguments give the same."""
    rng = np.random.default_rng((seed, 2))
    made: list[Choice] = []
    for plan in people.RADIOLOGISTS:
        if plan.duty != people.AWAY and plan.key in readers:
            own = (readers[plan.key], groups[plan.group])
            made += _choices(plan, own, now, rng)
    return made


def _choices(
    plan: ReaderPlan, own: tuple[ReaderId, GroupId], now: datetime, rng: np.random.Generator
) -> Iterator[Choice]:
    read = _reads(plan)
    rates = np.array([_rate(one) for one in read])
    number = FEW if plan.key == BEGINNER else int(rng.integers(*OFFERS))
    for _ in range(number):
        at = now - timedelta(minutes=float(rng.uniform(60, DAYS * 1440)))
        item = UUID(bytes=rng.bytes(16), version=4)
        if rng.random() < _OUT_OF_TURN:
            yield _out_of_turn(plan, own, read, item, at, rng)
            continue
        n = int(rng.integers(len(read)))
        poor = rates[n] < np.median(rates)
        chance = _DECLINES * (7 if poor else 0.5) if plan.key == CHOOSER else _DECLINES
        reason = str(rng.choice(_REASONS, p=_WEIGHTS)) if rng.random() < chance else ""
        yield _choice(read[n], own, item, at, reason)


def _out_of_turn(
    plan: ReaderPlan, own: tuple[ReaderId, GroupId], read: list[ProcedurePlan], item: UUID,
    at: datetime, rng: np.random.Generator,
) -> Choice:  # fmt: skip
    open_then = [read[int(n)] for n in rng.integers(len(read), size=int(rng.integers(*_OPEN)))]
    rates = [_rate(one) for one in open_then]
    picked = open_then[int(np.argmax(rates)) if plan.key == CHOOSER else 0]
    reader, group = own
    return Choice(
        item, reader, group, Decimal(str(picked.wrvu)), picked.minutes, "", at, False,
        len(rates), fmean(rates), pvariance(rates),
    )  # fmt: skip


def _choice(
    one: ProcedurePlan, own: tuple[ReaderId, GroupId], item: UUID, at: datetime, reason: str
) -> Choice:
    reader, group = own
    return Choice(item, reader, group, Decimal(str(one.wrvu)), one.minutes, reason, at)


def _reads(plan: ReaderPlan) -> list[ProcedurePlan]:
    mine = set(plan.subspecialties)
    found = [one for one in catalogue.PROCEDURES if one.subspecialty in mine]
    return found or list(catalogue.PROCEDURES)


def _rate(one: ProcedurePlan) -> float:
    return float(one.wrvu) / one.minutes
