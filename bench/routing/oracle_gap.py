"""How much of the gap between the baseline (b) and the hindsight bound is closed, pooled.

    python bench/routing/oracle_gap.py [shared folder]

One Wednesday of nine seeds, as the simulator's own oracle_r.py does; `live` is the product's
policy as the live dispatcher has it, where nobody is interrupted. Needs scipy and highspy.
"""

import sys
from dataclasses import replace
from multiprocessing import Pool as Processes
from typing import Any

import numpy as np
import shared

shared.open_path(sys.argv[1] if len(sys.argv) > 1 else "")

from confrere.worklist.policy import Policy

SEEDS = tuple(range(11, 20))
PUBLISHED = 3  # the first ones are those of the published table
DAY = 2
WHO = ("b", "reference", "ours", "live")
LIVE = replace(Policy(), put_aside_after=np.inf)


def one(seed: int) -> tuple[int, float, dict[str, float]]:
    """Give a seed's bound and each dispatcher's cost J of the day."""
    from oracle import bound
    from scenario import generate, load

    parameters: dict[str, Any] = {"seed": seed, "days": DAY + 2}
    least = bound(generate(load(parameters)), True, DAY)
    span = (DAY * 1440.0, (DAY + 1) * 1440.0)
    costs = {}
    for who in WHO:
        run, policy = ("ours", LIVE) if who == "live" else (who, None)
        costs[who] = float(shared.measure(parameters, run, policy, span=span)["J"])
    return seed, float(least["J"]), costs


def main() -> None:
    """Print the table."""
    with Processes(2) as processes:
        rows = list(processes.imap(one, SEEDS))
    for seed, least, costs in rows:
        print(seed, f"bound {least:.1f}", {who: round(cost, 1) for who, cost in costs.items()})
    for some in (rows[:PUBLISHED], rows):
        least = np.mean([row[1] for row in some])
        base = np.mean([row[2]["b"] for row in some])
        for who in WHO[1:]:
            cost = np.mean([row[2][who] for row in some])
            closed = 100 * (base - cost) / (base - least)
            print(f"{len(some)} seeds, {who}: J {cost:.1f}, gap closed {closed:.1f} %")


if __name__ == "__main__":
    main()
