"""The product's dispatcher behind the simulator's event interface. A translation, no policy.

    cd <shared>/bench/routing
    PYTHONPATH=<project>:<project>/bench/routing python accept.py scenarios/public adapter:Dispatcher

The simulator tells the raw world: licences, privileges, skills, agreements, the published
roster. Who may read what follows from them here, as eligibility does in the product.
"""

from dataclasses import replace
from typing import Any

import numpy as np

from confrere.worklist.pacts import Agreement
from confrere.worklist.policy import (
    ED,
    INPATIENT,
    PARTNER_ABLE,
    ROUTINE,
    STAT,
    Policy,
    ring_of,
)
from confrere.worklist.queues import Service, Study
from confrere.worklist.routing import Pool

LEVELS = (STAT, ED, INPATIENT, ROUTINE)  # by the simulator's numbers
HOUR, DAY = 60.0, 1440.0


def night_hours(begins: float, ends: float) -> Any:
    """Give an agreement's hours: every night, in hours of the simulator's one clock."""

    def hours(now: float) -> tuple[bool, float]:
        day, within = divmod(now, DAY)
        if within < ends * HOUR:
            return True, day * DAY + ends * HOUR
        if within < begins * HOUR:
            return False, day * DAY + begins * HOUR
        return True, (day + 1) * DAY + ends * HOUR

    return hours


class Dispatcher:
    """What accept.py drives."""

    policy = Policy()

    def load(self, state: Any) -> None:
        """Take in the raw world."""
        world = state.sc
        self.pool = pool = Pool(
            replace(
                self.policy,
                mismatch_slower=world.p["mismatch_slow"],
                overhead=world.p["overhead_min"],
            )
        )
        for site, owner in enumerate(world.fac_grp.tolist()):
            pool.set_site(site, owner)
        for kind in range(len(world.t_sub)):
            pool.set_service(
                kind,
                Service(
                    str(world.t_sub[kind]),
                    bool(world.t_adv[kind]),
                    float(world.t_min[kind]),
                    float(world.t_rvu[kind]),
                ),
            )
        self._agreements(world)
        self._readers(world, pooled=state.pooled)

    def _agreements(self, world: Any) -> None:
        night = night_hours(*world.p["night"])
        share = world.p["overflow_slack"]
        terms = Agreement(hours=night, overflow=share, match_any_hour=True)
        for owner, reading in np.argwhere(world.agree).tolist():
            if owner != reading:
                self.pool.set_agreement(0.0, owner, reading, terms)

    def _readers(self, world: Any, *, pooled: bool) -> None:
        sites, kinds = len(world.fac_grp), len(world.t_sub)
        lanes = np.array(
            [
                [
                    [self.pool.lane(s, k, urgent) for urgent in (False, True)]
                    for k in range(kinds)
                ]
                for s in range(sites)
            ]
        )
        rings = np.array(
            [
                [ring_of(own=own, matched=matched, advanced=bool(a)) for a in world.t_adv]
                for own in (False, True)
                for matched in (False, True)
            ]
        ).reshape(2, 2, kinds)
        shifts: dict[int, list[tuple[float, float]]] = {}
        for reader, begins, ends, _ in world.shifts:
            shifts.setdefault(reader, []).append((begins, ends))
        for reader, group in enumerate(world.r_grp.tolist()):
            own = world.fac_grp == group
            skill = world.skill[reader, world.t_sub]
            place = world.lic[reader, world.fac_state] & world.priv[reader]
            place &= own | (pooled & world.agree[world.fac_grp, group])
            routine = (skill > 0) | ~(world.t_cert | world.t_adv)
            able = np.stack([routine, (skill > 0) | ~world.t_cert], -1)
            may = place[:, None, None] & able[None]
            ring = rings[own.astype(int)][:, (skill == 2).astype(int), np.arange(kinds)]
            ring = np.repeat(ring[:, :, None], 2, 2)
            self.pool.set_reader(reader, group, float(world.speed[reader]))
            self.pool.set_lanes(reader, lanes[may], ring[may])
            self.pool.roster_changed(0.0, reader, shifts.get(reader, []))

    def study_arrived(
        self, now: float, study: int, site: int, kind: int, priority: int, due: float
    ) -> tuple[str, int] | None:
        """A study came, or was upgraded."""
        if study in self.pool.queues.studies:
            found = self.pool.upgraded(now, study, LEVELS[priority], due)
        else:
            found = self.pool.arrived(now, Study(study, site, kind, LEVELS[priority], due))
        if not found:
            return None
        self.put_aside = found[0].put_aside
        return ("preempt" if found[0].put_aside else "assign"), found[0].reader

    def reader_free(self, now: float, reader: int) -> int | None:
        """Name the next study for a reader."""
        self.put_aside = False
        study: int | None = self.pool.next(now, reader)
        return study

    def taken(self, now: float, reader: int, study: int) -> None:
        """The simulator carried a proposal out."""
        self.pool.taken(now, reader, study, put_aside=self.put_aside)

    def read_done(self, now: float, reader: int, study: int) -> None:
        """A reader finished."""
        self.pool.read_done(now, reader, study)

    def reader_on(self, now: float, reader: int, until: float) -> None:
        """A shift begins."""
        self.pool.signed_on(now, reader, until)

    def reader_off(self, now: float, reader: int) -> None:
        """A shift ends."""
        self.pool.signed_off(now, reader)


def rings_of(world: Any, *, night: bool) -> dict[int, dict[tuple[int, int, bool], int]]:
    """Say who may read what by day or at night: a partner's unmatched work is for the night."""
    found: dict[int, dict[tuple[int, int, bool], int]] = {}
    for reader, group in enumerate(world.r_grp.tolist()):
        mine: dict[tuple[int, int, bool], int] = {}
        for site, owner in enumerate(world.fac_grp.tolist()):
            own = owner == group
            placed = world.lic[reader, world.fac_state[site]] and world.priv[reader, site]
            if not placed or not (own or world.agree[owner, group]):
                continue
            for kind, sub in enumerate(world.t_sub):
                skill, advanced = int(world.skill[reader, sub]), bool(world.t_adv[kind])
                ring = ring_of(own=own, matched=skill == 2, advanced=advanced)
                for urgent in (False, True):
                    needs = world.t_cert[kind] or (advanced and not urgent)
                    if (skill > 0 or not needs) and (night or ring != PARTNER_ABLE):
                        mine[site, kind, urgent] = ring
        found[reader] = mine
    return found
