"""Twelve months of synthetic exams, as columns. Pure: the same seed gives the same history.

Arrivals follow the hour, the weekday and the season; turnaround is lognormal with a median
that depends on priority, hour, site, and on who reads. Agreements show from the day they
start, and one site's PACS migration once made everyone wait.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from confrere.demo import catalogue, places
from confrere.orders.priorities import ED, INPATIENT, ROUTINE, STAT, STROKE, URGENT

Ints = NDArray[np.int64]
Reals = NDArray[np.float64]
Flags = NDArray[np.bool_]

EXAMS, DAYS, HOUR = 112_000, 365, 3600
EMERGENCY, INPATIENTS, OUTPATIENTS = 0, 1, 2
CLASSES = ("E", "I", "O")
PRIORITIES = (STROKE, STAT, ED, URGENT, INPATIENT, ROUTINE)
_CLASS_SHARES = {places.HOSPITAL: (0.42, 0.24, 0.34), places.CENTRE: (0.0, 0.0, 1.0)}
_HOURS = np.array([
    [2.2, 1.8, 1.5, 1.3, 1.2, 1.3, 1.8, 2.6, 3.6, 4.6, 5.4, 5.8,
     5.9, 5.8, 5.8, 5.9, 6.0, 6.1, 6.0, 5.7, 5.2, 4.6, 3.8, 2.9],
    [1.5, 1.3, 1.2, 1.8, 4.5, 6.5, 6.0, 5.5, 6.5, 7.0, 6.8, 6.0,
     5.0, 5.0, 5.0, 4.6, 4.0, 3.3, 2.8, 2.4, 2.2, 2.0, 1.8, 1.6],
    [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.3, 4.0, 9.0, 11.0, 11.0, 10.0,
     7.0, 9.0, 10.0, 9.0, 7.0, 3.5, 1.0, 0.2, 0.0, 0.0, 0.0, 0.0],
])  # fmt: skip
_WEEKDAYS = np.array([
    [1.06, 1.0, 0.98, 0.98, 1.0, 0.98, 1.0],
    [1.0, 1.05, 1.05, 1.05, 1.0, 0.72, 0.66],
    [1.05, 1.06, 1.05, 1.04, 0.95, 0.12, 0.03],
])  # fmt: skip
_WINTER = np.array([0.08, 0.06, 0.02])  # how much more of each class in January than in July
_GROWTH = 0.05  # over the year
_STROKE, _STAT_ED, _STAT_INPATIENT = 0.12, 0.10, 0.10
_URGENT_INPATIENT, _URGENT_OUTPATIENT = 0.18, 0.06


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Exams by the end of their acquisition. Indices are into SITES, PROCEDURES and so on."""

    site: Ints
    procedure: Ints
    patient_class: Ints
    priority: Ints
    complete: Ints  # seconds since 1970, UTC; ascending
    hour: Ints  # of the site's wall clock
    weekend: Flags
    age: Reals  # of the history at that moment, 0 to 1


def arrivals(now: datetime, rng: np.random.Generator, exams: int = EXAMS) -> Arrivals:
    """Draw the exams of the twelve months before `now`."""
    start = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    start -= timedelta(days=DAYS)
    site, patient_class, slot = _when(start, rng, exams)
    complete = int(start.timestamp()) + slot * HOUR + rng.integers(0, HOUR, slot.size)
    order = np.argsort(complete, kind="stable")
    site, patient_class, slot = site[order], patient_class[order], slot[order]
    hours, weekdays = _walls(start)
    zone = np.array([_zones().index(one.time_zone) for one in places.SITES])[site]
    procedure = _procedures(patient_class, rng)
    return Arrivals(
        site, procedure, patient_class, _priorities(patient_class, procedure, rng),
        complete[order], hours[zone, slot], weekdays[zone, slot] >= 5,  # noqa: PLR2004
        slot / (DAYS * 24),
    )  # fmt: skip


def _zones() -> list[str]:
    return sorted({one.time_zone for one in places.SITES})


def _walls(start: datetime) -> tuple[Ints, Ints]:
    """Local hour and weekday of every hour of the year, one row a zone."""
    at = [start + timedelta(hours=n) for n in range(DAYS * 24)]
    local = [[one.astimezone(ZoneInfo(zone)) for one in at] for zone in _zones()]
    hours = np.array([[one.hour for one in row] for row in local], dtype=np.int64)
    days = np.array([[one.weekday() for one in row] for row in local], dtype=np.int64)
    return hours, days


def _when(start: datetime, rng: np.random.Generator, exams: int) -> tuple[Ints, Ints, Ints]:
    hours, weekdays = _walls(start)
    passed = np.arange(DAYS * 24) / (DAYS * 24)
    since_january = start.timetuple().tm_yday / 365 + passed
    season = 1 + _WINTER[:, None] * np.cos(2 * np.pi * (since_january - 0.05))[None, :]
    chosen: list[tuple[Ints, Ints, Ints]] = []
    for number, plan in enumerate(places.SITES):
        zone = _zones().index(plan.time_zone)
        for kind, share in enumerate(_CLASS_SHARES[plan.kind]):
            weight = _HOURS[kind][hours[zone]] * _WEEKDAYS[kind][weekdays[zone]]
            weight = weight * season[kind] * (1 + _GROWTH * passed)
            count = round(exams * plan.share * share)
            slots = rng.choice(weight.size, count, p=weight / weight.sum()).astype(np.int64)
            chosen.append((np.full(count, number), np.full(count, kind), slots))
    site, patient_class, slot = (np.concatenate(part) for part in zip(*chosen, strict=True))
    return site, patient_class, slot


def _procedures(patient_class: Ints, rng: np.random.Generator) -> Ints:
    drawn = np.zeros(patient_class.size, dtype=np.int64)
    for kind in range(len(CLASSES)):
        weight = np.array([one.frequency[kind] for one in catalogue.PROCEDURES])
        mine = patient_class == kind
        drawn[mine] = rng.choice(weight.size, int(mine.sum()), p=weight / weight.sum())
    return drawn


def _priorities(patient_class: Ints, procedure: Ints, rng: np.random.Generator) -> Ints:
    luck = rng.random(patient_class.size)
    brain = np.array([one.word in ("CTHEAD", "CTAHEAD") for one in catalogue.PROCEDURES])
    emergency, inpatient = patient_class == EMERGENCY, patient_class == INPATIENTS
    outpatient = patient_class == OUTPATIENTS
    names = [
        PRIORITIES.index(one) for one in (STROKE, STAT, ED, STAT, URGENT, INPATIENT, URGENT)
    ]
    conditions = [
        emergency & brain[procedure] & (luck < _STROKE),
        emergency & (luck < _STAT_ED),
        emergency,
        inpatient & (luck < _STAT_INPATIENT),
        inpatient & (luck < _URGENT_INPATIENT),
        inpatient,
        outpatient & (luck < _URGENT_OUTPATIENT),
    ]
    return np.select(conditions, names, PRIORITIES.index(ROUTINE)).astype(np.int64)
