"""Who read the synthetic exams, and how long that took. Pure."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np

from confrere.demo import catalogue, people, places
from confrere.demo.agreements import AGREEMENTS, SUSPENDED_DAYS_AGO, AgreementPlan
from confrere.demo.history import PRIORITIES, Arrivals, Flags, Ints, Reals
from confrere.network.agreements import IN_FORCE, SUSPENDED

_MEDIAN = np.array([11.0, 19.0, 34.0, 48.0, 128.0, 430.0])  # minutes, by PRIORITIES
_SPREAD = np.array([0.42, 0.48, 0.52, 0.58, 0.68, 0.72])
_SITE_PACE = np.linspace(0.88, 1.16, len(places.SITES))
_NIGHT, _WEEKEND, _MISSING = 1.22, 1.12, 1.75  # slower by
_LENT, _LENT_MISSING = 0.8, 0.5  # faster by, when another group's subspecialist reads
_RAMP_DAYS, _FIRST, _FULL = 45, 0.2, 0.7  # part of the covered exams that go to the other group
MIGRATION_SITE, MIGRATION_DAYS, _MIGRATION = "CRM", (-152, -143), 2.7
_ACQUISITION = {"CT": 9, "MR": 32, "CR": 4, "US": 21, "MG": 11, "NM": 45, "PT": 38}  # minutes
_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Reads:
    """Instants in seconds since 1970, UTC, in the order in which they happen.

    `reader` is an index into RADIOLOGISTS; `preliminary` is -1 where there was none.
    """

    reader: Ints
    ordered: Ints
    first_image: Ints
    offered: Ints
    claimed: Ints
    preliminary: Ints
    final: Ints


def read_all(seen: Arrivals, now: datetime, rng: np.random.Generator) -> Reads:
    """Read every exam."""
    groups = [one.code for one in places.GROUPS]
    owner = np.array([groups.index(one.group) for one in places.SITES])[seen.site]
    words = sorted({one.subspecialty for one in catalogue.PROCEDURES})
    kind = np.array([words.index(p.subspecialty) for p in catalogue.PROCEDURES])[seen.procedure]
    reader, missing = _own_readers(owner, kind, words, rng)
    lent = np.zeros(owner.size, dtype=bool)
    for plan in AGREEMENTS:
        chosen = _covered(plan, seen, owner, kind, words, now, rng) & ~lent
        lent |= _lend(plan, chosen, seen, kind, words, reader, rng)
    minutes = _turnaround(seen, missing, lent, now, rng)
    return _instants(seen, reader, minutes, rng)


def _own_readers(
    owner: Ints, kind: Ints, words: list[str], rng: np.random.Generator
) -> tuple[Ints, Flags]:
    """Choose from the own group, its subspecialists first; say where it has none."""
    reader = np.zeros(owner.size, dtype=np.int64)
    missing = np.zeros(owner.size, dtype=bool)
    for number, group in enumerate(places.GROUPS):
        staff = _staff(group.code)
        for place, word in enumerate(words):
            mine = (owner == number) & (kind == place)
            apt = [n for n in staff if word in people.RADIOLOGISTS[n].subspecialties]
            general = [n for n in staff if "general" in people.RADIOLOGISTS[n].subspecialties]
            missing |= mine & (not apt)
            reader[mine] = rng.choice(apt or general or staff, int(mine.sum()))
    return reader, missing


def _staff(group: str) -> list[int]:
    return [
        number
        for number, one in enumerate(people.RADIOLOGISTS)
        if one.group == group and one.duty != people.AWAY
    ]


def _covered(
    plan: AgreementPlan, seen: Arrivals, owner: Ints, kind: Ints, words: list[str],
    now: datetime, rng: np.random.Generator,
) -> Flags:  # fmt: skip
    """Which exams an agreement covered and sent away, more of them as it settles in."""
    codes = [one.code for one in places.GROUPS]
    day = (seen.complete - int(now.timestamp())) / _DAY
    held = (owner == codes.index(plan.owner)) & (day >= plan.starts)
    if plan.state == SUSPENDED:
        held &= day < -SUSPENDED_DAYS_AGO
    elif plan.state != IN_FORCE:
        held &= False
    if plan.subspecialties:
        held &= np.isin(kind, [words.index(one) for one in plan.subspecialties])
    if plan.sites:
        numbers = [n for n, one in enumerate(places.SITES) if one.code in plan.sites]
        held &= np.isin(seen.site, numbers)
    if plan.priorities:
        held &= np.isin(seen.priority, [PRIORITIES.index(one) for one in plan.priorities])
    if plan.window:
        held &= np.isin(seen.hour, [hour for hour in range(24) if plan.covers_hour(hour)])
    part = _FIRST + (_FULL - _FIRST) * np.clip((day - plan.starts) / _RAMP_DAYS, 0, 1)
    sent: Flags = held & (rng.random(day.size) < part)
    return sent


def _lend(
    plan: AgreementPlan, chosen: Flags, seen: Arrivals, kind: Ints, words: list[str],
    reader: Ints, rng: np.random.Generator,
) -> Flags:  # fmt: skip
    """Give the chosen exams to readers of the other group who may read at that site."""
    given = np.zeros(chosen.size, dtype=bool)
    for number, site in enumerate(places.SITES):
        for place, word in enumerate(words):
            able = [n for n in _staff(plan.reading) if _may(people.RADIOLOGISTS[n], site, word)]
            mine = chosen & (seen.site == number) & (kind == place)
            if able and mine.any():
                reader[mine] = rng.choice(able, int(mine.sum()))
                given |= mine
    return given


def _may(reader: people.ReaderPlan, site: places.SitePlan, word: str) -> bool:
    return (
        site.code in reader.privileges
        and site.state in reader.states
        and bool({word, "general"} & set(reader.subspecialties))
    )


def _turnaround(
    seen: Arrivals, missing: Flags, lent: Flags, now: datetime, rng: np.random.Generator
) -> Reals:
    """Minutes from exam complete to final."""
    night = (seen.hour >= 23) | (seen.hour < 7)  # noqa: PLR2004 - hours of the night shift
    day = (seen.complete - int(now.timestamp())) / _DAY
    place = [one.code for one in places.SITES].index(MIGRATION_SITE)
    moving = (seen.site == place) & (day >= MIGRATION_DAYS[0]) & (day < MIGRATION_DAYS[1])
    pace = _SITE_PACE[seen.site] * (0.95 + 0.1 * seen.age)
    pace = pace * np.where(night, _NIGHT, 1) * np.where(seen.weekend, _WEEKEND, 1)
    pace = pace * np.where(missing & ~lent, _MISSING, 1)
    pace = pace * np.where(lent, np.where(missing, _LENT_MISSING, _LENT), 1)
    pace = pace * np.where(moving, _MIGRATION, 1)
    noise = rng.standard_normal(day.size) * _SPREAD[seen.priority]
    minutes: Reals = np.maximum(_MEDIAN[seen.priority] * pace * np.exp(noise), 1.5)
    return minutes


def _instants(seen: Arrivals, reader: Ints, minutes: Reals, rng: np.random.Generator) -> Reads:
    size = minutes.size
    wait = (minutes * 60).astype(np.int64)
    typical = np.array([one.minutes for one in catalogue.PROCEDURES])[seen.procedure]
    reading = typical * 60 * np.exp(rng.standard_normal(size) * 0.35)
    reading = np.minimum(reading, wait * 0.8).astype(np.int64)
    final = seen.complete + wait
    claimed = final - reading
    offered = seen.complete + (rng.random(size) * 0.5 * (claimed - seen.complete)).astype(int)
    scan = np.array([_ACQUISITION[p.modality] for p in catalogue.PROCEDURES])[seen.procedure]
    first = seen.complete - (scan * 60 * rng.uniform(0.6, 1.6, size)).astype(np.int64)
    hours = np.array([0.7, 3.0, 90.0])[seen.patient_class]  # from request to scanner
    ordered = first - (hours * 3600 * np.exp(rng.standard_normal(size) * 0.6)).astype(np.int64)
    group = np.array([one.group for one in people.RADIOLOGISTS])[reader]
    taught = (group == places.OAK) & (rng.random(size) < 0.08)  # noqa: PLR2004
    preliminary = np.where(taught, claimed + reading // 2, -1)
    return Reads(reader, ordered, first, offered, claimed, preliminary, final)
