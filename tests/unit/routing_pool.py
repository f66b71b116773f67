"""A small collaborative for the dispatcher's tests: three groups, eight readers, four services."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from confrere.worklist.pacts import Agreement
from confrere.worklist.policy import Policy, ring_of
from confrere.worklist.queues import Service, Study
from confrere.worklist.routing import Pool

SERVICES = {
    "xr": Service("general", advanced=False, minutes=2, rvu=0.2),
    "ct": Service("general", advanced=False, minutes=9, rvu=1.8),
    "mr-brain": Service("neuro", advanced=True, minutes=12, rvu=2.2),
    "mr-knee": Service("msk", advanced=True, minutes=9, rvu=1.4),
}
SITES = {"ash": "north", "birch": "north", "cedar": "south", "dale": "west"}
READERS = {
    "ann": ("north", "neuro"),
    "ben": ("north", "general"),
    "cleo": ("north", "msk"),
    "dan": ("south", "neuro"),
    "eve": ("south", "general"),
    "fay": ("west", "msk"),
    "gus": ("west", "neuro"),
    "hal": ("west", "general"),
}
LEVELS = ("stat", "ed", "inpatient", "routine")
LIMITS = {"stat": 30.0, "ed": 60.0, "inpatient": 240.0, "routine": 1440.0}
OPEN = Agreement(overflow=0.5, match_any_hour=True, id="pact")


def rings_of(reader: str, sites: Iterable[str] = SITES) -> dict[tuple[str, str, bool], int]:
    group, fellowship = READERS[reader]
    return {
        (site, key, urgent): ring_of(
            own=SITES[site] == group,
            matched=fellowship == service.subspecialty,
            advanced=service.advanced,
        )
        for site in sites
        for key, service in SERVICES.items()
        for urgent in (False, True)
    }


def pool_of(policy: Policy | None = None, *, on: Iterable[str] = READERS) -> Pool:
    """All groups agree with all; the named readers are on duty from minute 0 on."""
    pool = Pool(policy or Policy())
    for site, owner in SITES.items():
        pool.set_site(site, owner)
    for key, service in SERVICES.items():
        pool.set_service(key, service)
    for owner in ("north", "south", "west"):
        for reading in ("north", "south", "west"):
            if owner != reading:
                pool.set_agreement(0, owner, reading, OPEN)
    for reader, (group, _) in READERS.items():
        pool.set_reader(reader, group)
        pool.set_rings(reader, rings_of(reader))
    for reader in on:
        pool.signed_on(0, reader, until=10_000)
    return pool


def study(
    number: int, site: str, service: str, level: str, at: float = 0.0, **more: object
) -> Study:
    known = Study(number, site, service, level, at + LIMITS[level])
    return replace(known, **more)


def scan(pool: Pool, now: float, reader: str) -> set[int]:
    """The best studies for a reader, found by weighing every single one: the oracle."""
    one = pool.presence.reader(reader)
    every = pool.ordering.visible(one, now)
    if not len(every):
        return set()
    mood = pool.ordering.terms(one, every, now).mood
    scores: dict[int, float] = {}
    for key in pool.queues.studies:
        if pool.may_take(now, reader, key):
            q, found = pool.queues.waiting_study(key)
            ring, pact = one.place(int(pool.queues.lane[q]))
            at = [np.array([x], np.int32) for x in (q, ring, pact)]
            single = type(every)(at[0], at[1], at[2], np.array([found.due]))
            scores[key] = float(pool.ordering.terms(one, single, now, mood).total[0])
    top = max(scores.values())
    return {key for key, score in scores.items() if score >= top - 1e-9}
