"""How much of the gap between the baseline (b) and the hindsight bound is closed, pooled.

    python bench/routing/oracle_gap.py [shared folder]

One Wednesday of nine seeds, as the simulator's own oracle_r.py does. Needs scipy and highspy.
"""

import sys
from multiprocessing import Pool as Processes
from typing import Any

import numpy as np
import shared

shared.open_path(sys.argv[1] if len(sys.argv) > 1 else "")

SEEDS = tuple(range(11, 20))  # the first three are the ones of the published table
DAY = 2
WHO = ("b", "reference", "ours")


def one(seed: int) -> tuple[int, float, dict[str, float]]:
    """Give a seed's bound and each dispatcher's cost J of the day."""
    from oracle import bound
    from scenario import generate, load

    parameters: dict[str, Any] = {"seed": seed, "days": DAY + 2}
    least = bound(generate(load(parameters)), True, DAY)
    span = (DAY * 1440.0, (DAY + 1) * 1440.0)
    costs = {who: float(shared.measure(parameters, who, span=span)["J"]) for who in WHO}
    return seed, float(least["J"]), costs


def main() -> None:
    """Print the table."""
    with Processes(2) as processes:
        rows = list(processes.imap(one, SEEDS))
    for seed, least, costs in rows:
        print(seed, f"bound {least:.1f}", {who: round(cost, 1) for who, cost in costs.items()})
    least = np.mean([row[1] for row in rows])
    base = np.mean([row[2]["b"] for row in rows])
    for who in WHO[1:]:
        cost = np.mean([row[2][who] for row in rows])
        print(f"{who}: J {cost:.1f}, gap closed {100 * (base - cost) / (base - least):.1f} %")


if __name__ == "__main__":
    main()
