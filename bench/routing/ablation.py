"""What each part of the policy is worth: J with it taken away, paired by seed.

    python bench/routing/ablation.py [shared folder]

Five groups and networks of three, seeds that no other table uses. Difference of the
simulator's cost J to the whole policy, and its standard error: above zero, the part pays.
"""

import sys
from collections.abc import Iterator
from dataclasses import replace
from multiprocessing import Pool as Processes
from typing import Any

import numpy as np
import shared

shared.open_path(sys.argv[1] if len(sys.argv) > 1 else "")

from confrere.worklist.policy import ED, INPATIENT, ROUTINE, Policy

WHOLE = Policy()
SHORTER = {ED: 0.80, INPATIENT: 0.35, ROUTINE: 0.25}  # the holds of policy r+1
PARTS = {
    "whole": WHOLE,
    "no worth of a match": replace(WHOLE, match_worth=0.0),
    "no scarcity": replace(WHOLE, scarce=0.0),
    "guard only when late": replace(WHOLE, guard_minutes=np.inf),
    "no acute reserve": replace(WHOLE, reserve=0.0),
    "no interruption for a match": replace(WHOLE, put_aside_match=np.inf),
    "no interruption": replace(WHOLE, put_aside_after=np.inf),
    "shorter holds": replace(
        WHOLE,
        levels=tuple(replace(x, hold=SHORTER.get(x.name, x.hold)) for x in WHOLE.levels),
    ),
}
SIZES = ((14, 11, 6), (12, 10, 9), (9, 7, 6), (16, 9, 6), (8, 8, 8), (10, 6, 5))
FIVE, THREE = "five groups", "three groups"

Key = tuple[str, int, str]


def jobs() -> Iterator[Key]:
    """List every part, network and seed."""
    for part in PARTS:
        yield from ((FIVE, seed, part) for seed in range(201, 207))
        yield from ((THREE, seed, part) for seed in range(243, 255))


def one(key: Key) -> tuple[Key, float]:
    """Give J of one run."""
    network, seed, part = key
    parameters: dict[str, Any] = {"seed": seed, "days": 4}
    if network == THREE:
        sizes = SIZES[seed % len(SIZES)]
        parameters |= {
            "days": 5,
            "group_sizes": list(sizes),
            "studies_per_day": 50 * sum(sizes),
        }
    return key, float(shared.measure(parameters, "ours", PARTS[part])["J"])


def main() -> None:
    """Run all, print the table."""
    keys = list(jobs())
    with Processes(2) as processes:
        found = dict(processes.imap(one, keys))
    for network in (FIVE, THREE):
        seeds = sorted({seed for where, seed, _ in keys if where == network})
        whole = np.array([found[network, seed, "whole"] for seed in seeds])
        print(f"{network}: {len(seeds)} seeds, J {whole.mean():.1f}")
        for part in list(PARTS)[1:]:
            worse = np.array([found[network, seed, part] for seed in seeds]) - whole
            error = worse.std(ddof=1) / len(seeds) ** 0.5
            print(f"  {part:28s} {worse.mean():+6.2f} +- {error:.2f}")


if __name__ == "__main__":
    main()
