"""The product's dispatcher at a size that no pool has yet: time per decision, exactness, memory.

    python bench/routing/scale.py [--readers 10000] [--open 100000] [--partners 6]

Groups of 12 readers with 7 sites and 8 service lines each; every group reads for some partners.
CPU time of the thread, since the machine may be shared. `next` is the choice alone; `take`
reports it; `arrival` lets a study wait and looks for an idle reader; every tenth step a reader
becomes idle.
"""

import argparse
import gc
import resource
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from confrere.worklist.ordering import Choice
from confrere.worklist.pacts import Agreement
from confrere.worklist.policy import ED, INPATIENT, ROUTINE, STAT, Policy, ring_of
from confrere.worklist.queues import Service, Study
from confrere.worklist.routing import Pool

GROUP, SITES, NOW, LONG = 12, 7, 1000.0, 1e9
LIMITS = {STAT: 30.0, ED: 60.0, INPATIENT: 240.0, ROUTINE: 1440.0}
LEVELS, MIX = list(LIMITS), [0.07, 0.33, 0.20, 0.40]
LINES = [
    Service("general", advanced=False, minutes=2, rvu=0.2),
    Service("general", advanced=False, minutes=6, rvu=1.0),
    Service("general", advanced=False, minutes=9, rvu=1.8),
    Service("neuro", advanced=True, minutes=12, rvu=2.0),
    Service("body", advanced=True, minutes=10, rvu=1.8),
    Service("msk", advanced=True, minutes=9, rvu=1.4),
    Service("chest", advanced=True, minutes=3, rvu=0.8),
    Service("breast", advanced=True, minutes=15, rvu=2.4),
]


def build(readers: int, partners: int, rng: np.random.Generator) -> tuple[Pool, int]:
    """Make groups, agreements and readers, all of them on duty and busy."""
    pool, groups = Pool(Policy()), max(1, readers // GROUP)
    for key, service in enumerate(LINES):
        pool.set_service(key, service)
    for site in range(groups * SITES):
        pool.set_site(site, site // SITES)
    lanes = np.array(
        [
            [[pool.lane(s, k, urgent) for urgent in (False, True)] for k in range(len(LINES))]
            for s in range(groups * SITES)
        ]
    )
    advanced = np.array([line.advanced for line in LINES])
    for reader in range(readers):
        group = min(reader // GROUP, groups - 1)
        fellowship = int(rng.integers(3, len(LINES)))
        able = ~advanced | (rng.random(len(LINES)) < 0.6)
        able[fellowship] = True
        matched = np.arange(len(LINES)) == fellowship
        chosen: dict[int, int] = {}
        for owner in [group, *rng.integers(0, groups, partners).tolist()]:
            if owner != group:
                terms = Agreement(overflow=0.5, match_any_hour=True, hours=None)
                pool.set_agreement(NOW, owner, group, terms)
            rings = [
                ring_of(own=owner == group, matched=bool(m), advanced=bool(a))
                for m, a in zip(matched, advanced, strict=True)
            ]
            for site in range(owner * SITES, (owner + 1) * SITES):
                if owner != group and rng.random() > 0.6:
                    continue
                for k in np.flatnonzero(able).tolist():
                    chosen[int(lanes[site, k, 0])] = chosen[int(lanes[site, k, 1])] = rings[k]
        pool.set_reader(reader, group, float(np.exp(rng.normal(0, 0.15))))
        numbers = np.fromiter(chosen, np.int32, len(chosen))
        pool.set_lanes(reader, numbers, np.fromiter(chosen.values(), np.int32, len(chosen)))
        pool.roster_changed(NOW, reader, [(NOW + 600, NOW + 1100)])
        if rng.random() < 0.4:
            pool.signed_on(NOW, reader, LONG)
    return pool, groups * SITES


def study(number: int, sites: int, now: float, age: float, rng: np.random.Generator) -> Study:
    """Draw a study that arrived `age` shares of its limit ago."""
    level = LEVELS[int(rng.choice(4, p=MIX))]
    due = now + (1 - age) * LIMITS[level]
    return Study(number, int(rng.integers(sites)), int(rng.integers(len(LINES))), level, due)


def scan(pool: Pool, now: float, reader: int, every: list[tuple[int, int, float]]) -> bool:
    """Say whether `next` gives what weighing every open study gives."""
    one = pool.presence.reader(reader)
    rings, pacts = (np.full(len(pool.queues.due), x, np.int32) for x in (9, 0))
    rings[one.queues], pacts[one.queues] = one.queue_rings, one.queue_pacts
    q = np.array([row[1] for row in every], np.int32)
    due = np.array([row[2] for row in every])
    at = np.flatnonzero(rings[q] < 9)
    some = Choice(q[at], rings[q[at]], pacts[q[at]], due[at])
    opened = np.flatnonzero(pool.rings.open(some.q, some.ring, some.pact, some.due, now))
    given = pool.next(now, reader)
    if not len(opened):
        return given is None
    mood = pool.ordering.terms(one, pool.ordering.visible(one, now), now).mood
    total = pool.ordering.terms(one, some.only(opened), now, mood).total
    best = {every[at[k]][0] for k in opened[total >= total.max() - 1e-9].tolist()}
    return given in best


class Clock:
    """Collects the CPU time of calls."""

    def __init__(self) -> None:
        self.took: dict[str, list[float]] = {}

    def __call__(self, name: str, call: Callable[[], Any]) -> Any:
        """Call, and note how long it took."""
        start = time.thread_time()
        found = call()
        self.took.setdefault(name, []).append(time.thread_time() - start)
        return found

    def show(self) -> None:
        """Print microseconds."""
        for name, values in self.took.items():
            us = 1e6 * np.array(values)
            spread = " ".join(f"p{p} {np.percentile(us, p):.0f}" for p in (50, 99, 99.9))
            print(f"  {name:8s} us CPU {spread} max {us.max():.0f} (n {len(us)})")


class Hours:
    """Lets readers choose and studies arrive, in turn."""

    def __init__(self, pool: Pool) -> None:
        self.pool, self.clock, self.now = pool, Clock(), NOW

    def finish(self, reader: int) -> None:
        """A reader signs what they hold."""
        for key in list(self.pool.presence.reader(reader).holding):
            self.clock("done", partial(self.pool.read_done, self.now, reader, key))

    def begin(self, reader: int) -> None:
        """A reader takes the best study."""
        chosen = self.clock("next", partial(self.pool.next, self.now, reader))
        if chosen is not None:
            self.clock("take", partial(self.pool.taken, self.now, reader, chosen))

    def arrive(self, coming: Study) -> None:
        """A study comes, and is given to whom it is proposed for."""
        found = self.clock("arrival", partial(self.pool.arrived, self.now, coming))
        for one in found:
            self.pool.taken(self.now, one.reader, one.study, put_aside=one.put_aside)

    def upgrade(self, key: int) -> None:
        """A waiting study becomes STAT."""
        if key in self.pool.queues.studies:
            due = self.now + LIMITS[STAT]
            self.clock("upgrade", partial(self.pool.upgraded, self.now, key, STAT, due))


def drive(pool: Pool, sites: int, steps: int, first: int, rng: np.random.Generator) -> Clock:
    """Let everybody on duty read; every tenth step leaves a reader idle for an arrival."""
    hours = Hours(pool)
    on = np.flatnonzero(pool.presence.on[: len(pool.presence.rows)])
    for reader in on.tolist():
        hours.begin(reader)
    hours.clock.took.clear()
    for step in range(steps):
        hours.now += 0.0015
        reader = int(rng.choice(on))
        hours.finish(reader)
        if step % 10:
            hours.begin(reader)
        hours.arrive(study(first + step, sites, hours.now, 0.0, rng))
        if step % 20 == 0:
            hours.upgrade(int(rng.integers(first)))
    return hours.clock


def main() -> None:
    """Build, check, measure."""
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ask.add_argument("--readers", type=int, default=10_000)
    ask.add_argument("--open", type=int, default=100_000)
    ask.add_argument("--partners", type=int, default=6)
    ask.add_argument("--steps", type=int, default=20_000)
    asked = ask.parse_args()
    rng = np.random.default_rng(0)
    start = time.process_time()
    pool, sites = build(asked.readers, asked.partners, rng)
    facts = time.process_time() - start
    coming = [study(k, sites, NOW, float(rng.random() * 1.05), rng) for k in range(asked.open)]
    start = time.process_time()
    pool.arrived(NOW, *coming)
    load = time.process_time() - start
    queues = np.array([len(one.queues) for one in pool.presence.rows])
    print(
        f"{asked.readers} readers, {asked.open} open, {asked.partners} partners: queues "
        f"{len(pool.queues.due)}, per reader mean {queues.mean():.0f} max {queues.max()}; "
        f"facts {facts:.1f} s, loading studies {load:.1f} s CPU"
    )
    every = [(key, q, found.due) for key, (q, found) in pool.queues.studies.items()]
    tried = rng.integers(0, asked.readers, 200).tolist()
    wrong = sum(not scan(pool, NOW, reader, every) for reader in tried)
    print(f"  differ from a scan of all open studies: {wrong} of 200")
    gc.collect()
    gc.freeze()
    gc.disable()
    drive(pool, sites, asked.steps, asked.open, rng).show()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"  memory {peak:.0f} MB")


if __name__ == "__main__":
    main()
