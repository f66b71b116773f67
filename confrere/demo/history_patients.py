"""The invented patients of the synthetic history, and which of them had which exam. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from confrere.demo import catalogue, persons, places
from confrere.demo.history import Arrivals, Flags, Ints

_CHILDREN = 0.12
_ADULT, _OLD_ENOUGH_FOR_MAMMOGRAMS = 18, 38
_YEAR = 365.25
_LOYALTY = 1.6  # over 1: some patients come more often than others


@dataclass(frozen=True, slots=True)
class Crowd:
    """Patients in the order of their sites; `born` counts days before the build."""

    site: Ints
    female: Flags
    born: Ints
    given: Ints
    family: Ints
    postal: Ints


def crowd(rng: np.random.Generator, count: int) -> Crowd:
    """Draw the patients."""
    shares = np.array([one.share for one in places.SITES])
    site = np.sort(rng.choice(len(places.SITES), count, p=shares / shares.sum()))
    female = rng.random(count) < 0.54  # noqa: PLR2004 - women have more exams
    child = rng.random(count) < _CHILDREN
    grown = np.clip(rng.normal(57, 19, count), _ADULT + 1, 97)
    years = np.where(child, rng.uniform(0.1, 16.5, count), grown)
    names = np.where(female, len(persons.GIVEN_FEMALE), len(persons.GIVEN_MALE))
    return Crowd(
        site.astype(np.int64), female, (years * _YEAR).astype(np.int64),
        (rng.random(count) * names).astype(np.int64),
        rng.integers(0, len(persons.FAMILY), count), rng.integers(0, 6, count),
    )  # fmt: skip


def attend(people: Crowd, seen: Arrivals, rng: np.random.Generator) -> Ints:
    """Choose each exam's patient: of its site, and of the age and sex that the exam is for."""
    chosen = np.zeros(seen.site.size, dtype=np.int64)
    years = people.born / _YEAR
    fit = {
        "peds": years < _ADULT,
        "breast": people.female & (years > _OLD_ENOUGH_FOR_MAMMOGRAMS),
        "pelvis": people.female & (years > _ADULT),
        "": years > _ADULT,
    }
    kinds = np.array([_fit(one) for one in catalogue.PROCEDURES])[seen.procedure]
    for number in range(len(places.SITES)):
        for kind, fits in fit.items():
            mine = (seen.site == number) & (kinds == kind)
            pool = np.flatnonzero(fits & (people.site == number))
            luck = rng.random(int(mine.sum())) ** _LOYALTY
            chosen[mine] = pool[(luck * pool.size).astype(np.int64)]
    return chosen


def _fit(plan: catalogue.ProcedurePlan) -> str:
    if plan.subspecialty in ("peds", "breast"):
        return plan.subspecialty
    return "pelvis" if plan.word == "USPELVIS" else ""


def columns(people: Crowd, now: datetime) -> dict[str, list[str]]:
    """What the table of patients holds of them, in text."""
    today = now.date()
    births = [(today - timedelta(days=int(days))).isoformat() for days in people.born]
    women, men = persons.GIVEN_FEMALE, persons.GIVEN_MALE
    sites = [places.SITES[number] for number in people.site]
    return {
        "assigner": [site.assigner for site in sites],
        "mrn": [f"{1 + s}{200_000 + n}" for n, s in enumerate(people.site)],
        "family": [persons.FAMILY[n] for n in people.family],
        "given": [
            (women if woman else men)[n]
            for woman, n in zip(people.female, people.given, strict=True)
        ],
        "birth_date": births,
        "sex": ["F" if woman else "M" for woman in people.female],
        "postal_code": [
            site.postal_codes[n % len(site.postal_codes)]
            for site, n in zip(sites, people.postal, strict=True)
        ],
    }
