"""A month of 90,000 exams replayed through the product's own policy: seconds.

    python bench/routing/month.py [shared folder]

The simulator's world of five groups and sixty readers, 3,000 exams a day for thirty days;
agreements at night only.
"""

import sys
import time
from typing import Any

import numpy as np
import shared

shared.open_path(sys.argv[1] if len(sys.argv) > 1 else "")

from adapter import LEVELS, rings_of

from confrere.worklist.policy import Policy
from confrere.worklist.queues import Service
from confrere.worklist.simulation import Arrival, Duty, Replay, Setting, outcome

DAYS = 30


def setting_of(world: Any) -> Setting:
    """Translate the simulator's world."""
    at_night, by_day = rings_of(world, night=True), rings_of(world, night=False)
    begins, ends = (60 * hour for hour in world.p["night"])
    turns = [(0.0, at_night)]
    for day in range(DAYS + 2):
        turns += [(1440.0 * day + ends, by_day), (1440.0 * day + begins, at_night)]
    return Setting(
        Policy(),
        {site: (owner, {}) for site, owner in enumerate(world.fac_grp.tolist())},
        {
            kind: Service(
                str(world.t_sub[kind]), bool(world.t_adv[kind]), float(world.t_min[kind]),
                float(world.t_rvu[kind]),
            )
            for kind in range(len(world.t_sub))
        },
        dict(enumerate(world.r_grp.tolist())),
        [Duty(int(reader), float(start), float(end)) for reader, start, end, _ in world.shifts],
        turns,
        dict(enumerate(world.speed.tolist())),
    )  # fmt: skip


def main() -> None:
    """Replay, and print what it came to."""
    from scenario import generate, load

    world = generate(load({"seed": 5, "days": DAYS}))
    limits = np.array([30.0, 60.0, 240.0, 1440.0])
    arrivals = [
        Arrival(at, site, kind, LEVELS[level], at + limits[level])
        for at, site, kind, level in zip(
            world.t.tolist(), world.fac.tolist(), world.typ.tolist(), world.prio.tolist(),
            strict=True,
        )
    ]  # fmt: skip
    setting = setting_of(world)
    start, cpu = time.perf_counter(), time.process_time()
    found = Replay(setting).run(arrivals)
    spent, used = time.perf_counter() - start, time.process_time() - cpu
    came = outcome(setting, found)
    print(f"{came.exams} exams in {spent:.1f} s ({used:.1f} s CPU): late {came.late:.2f} %, "
          f"match {came.match:.1f} %, cross {came.cross:.1f} %, unread {came.unread}")  # fmt: skip
    for level in came.levels:
        print(f"  {level.name:10s} {level.exams:6d} late {level.late:5.2f} %, "
              f"median {level.median:6.1f}, p90 {level.p90:6.1f} min")  # fmt: skip


if __name__ == "__main__":
    main()
