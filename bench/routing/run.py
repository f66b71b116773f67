"""The six public scenarios through the product's dispatcher, against the reference and (b).

    python bench/routing/run.py [shared folder]

Needs the simulator beside the project, and scipy, which the simulator's baselines import.
"""

import json
import sys
from multiprocessing import Pool as Processes
from typing import Any

import numpy as np
import shared

FOLDER = shared.open_path(sys.argv[1] if len(sys.argv) > 1 else "")


def one(job: tuple[str, str, dict[str, Any]]) -> tuple[str, str, dict[str, Any]]:
    """Run one scenario with one dispatcher."""
    name, who, parameters = job
    return name, who, shared.measure(parameters, who)


def main() -> None:
    """Run all, print the table."""
    files = sorted((FOLDER / "scenarios" / "public").glob("*.json"))
    jobs = []
    for file in files:
        parameters = json.loads(file.read_text(encoding="utf-8"))
        del parameters["targets"]
        jobs += [(file.stem, who, parameters) for who in ("b", "reference", "ours")]
    with Processes(2) as processes:
        found = {(name, who): measured for name, who, measured in processes.imap(one, jobs)}
    print("scenario              J: b   ref  ours  ours/ref  late % S E I O          match  "
          "cross  p99 us  wrong")  # fmt: skip
    ratios = []
    for file in files:
        b, reference, ours = (found[file.stem, who] for who in ("b", "reference", "ours"))
        ratios.append(ours["J"] / reference["J"])
        p50, p99 = 1e6 * np.percentile(ours["latencies"], (50, 99))
        print(
            f"{file.stem:21s} {b['J']:5.1f} {reference['J']:5.1f} {ours['J']:5.1f}     "
            f"{ratios[-1]:5.3f}  {shared.breaches(ours)}  {ours['match']:5.1f}  "
            f"{ours['cross']:5.1f}  {p50:.0f}/{p99:.0f}  {ours['violations']}"
        )
    print(f"ours/ref on average {np.mean(ratios):.3f}, worst {max(ratios):.3f}")


if __name__ == "__main__":
    main()
