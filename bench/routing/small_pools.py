"""Networks of three small groups, and whether acute work suffers there for matched work.

    python bench/routing/small_pools.py [shared folder]

For each size and seed: share of ED studies that are late under the priority baseline (b), the
reference, the product without what it does for acute work alone, and the product.
"""

import sys
from dataclasses import replace
from multiprocessing import Pool as Processes
from typing import Any

import numpy as np
import shared

shared.open_path(sys.argv[1] if len(sys.argv) > 1 else "")

from confrere.worklist.policy import Policy

SIZES = ((14, 11, 6), (12, 10, 9), (9, 7, 6), (16, 9, 6))
SEEDS = (71, 72, 73, 74, 75, 76)
PER_READER = 50  # studies a day
WHO = ("b", "reference", "plain", "ours")
PLAIN = replace(Policy(), reserve=0.0, guard_minutes=np.inf, scarce=0.0)

Key = tuple[tuple[int, ...], int, str]


def one(key: Key) -> tuple[Key, dict[str, Any]]:
    """Run one network with one dispatcher."""
    sizes, seed, who = key
    parameters = {
        "seed": seed,
        "days": 5,
        "group_sizes": list(sizes),
        "studies_per_day": PER_READER * sum(sizes),
    }
    policy = PLAIN if who == "plain" else None
    found = shared.measure(parameters, "ours" if who == "plain" else who, policy)
    del found["latencies"]
    return key, found


def main() -> None:
    """Run all, print the table."""
    keys: list[Key] = [(s, seed, who) for s in SIZES for seed in SEEDS for who in WHO]
    with Processes(2) as processes:
        found = dict(processes.imap(one, keys))
    print("groups      seed   ED late %: b   ref plain  ours  ours-b   J: b   ref plain  ours")
    excess = []
    for sizes in SIZES:
        for seed in SEEDS:
            row = [found[sizes, seed, who] for who in WHO]
            late = [float(each["ED"]["breach"]) for each in row]
            excess.append(late[3] - late[0])
            print(
                f"{'-'.join(map(str, sizes)):11s} {seed}          "
                + " ".join(f"{value:5.2f}" for value in late)
                + f"  {excess[-1]:+5.2f}  "
                + " ".join(f"{each['J']:5.1f}" for each in row)
            )
    for name in ("ED", "STAT", "IP"):
        means = [np.mean([found[s, k, who][name]["breach"] for s in SIZES for k in SEEDS]) for who in WHO]  # fmt: skip
        print(f"{name:4s} late %, mean: " + " ".join(f"{value:5.2f}" for value in means))
    for name in ("J", "match"):
        means = [np.mean([found[s, k, who][name] for s in SIZES for k in SEEDS]) for who in WHO]
        print(f"{name:5s} mean: " + " ".join(f"{value:5.1f}" for value in means))
    wrong = sum(each["violations"] for each in found.values())
    over = sum(value > 1 for value in excess)
    print(f"ED over (b) by more than 1 point: {over} of {len(excess)}; worst {max(excess):+.2f}; violations {wrong}")  # fmt: skip


if __name__ == "__main__":
    main()
