"""C-STORE into the running product and into Debian's Orthanc, turn by turn.

    python bench/imaging/bench_store.py [--rounds 5] [--instances 200] [--kinds ct,mr,cr]
        [--assoc 1,4] [--senders bare,storescu] [--folder /on/the/file/system]

Ours are the doors process as `confrere serve` runs it and its PostgreSQL: blob and index row are
synced before the answer. The servers take turns, round by round, so that a slow spell of the
machine hits both; medians, spread and ratio are printed. The bare sender (no DICOM toolkit) is the
same for both; `storescu` is DCMTK's, as it comes. Orthanc runs with TCP_NODELAY, without which it
stalls 40 ms an answer.
"""

# ruff: noqa: E402 - runs standalone, so it must find the package first
import argparse
import statistics
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parent)]

from sender import rate, storescu_rate
from servers import STARTERS, Server, installed

Rates = dict[tuple[str, str, int, str], list[float]]


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--instances", type=int, default=200)
    options.add_argument("--kinds", default="ct,mr,cr")
    options.add_argument("--assoc", default="1,4")
    options.add_argument("--senders", default="bare")
    options.add_argument("--servers", default=",".join(installed()))
    options.add_argument("--folder", type=Path, help="on the file system to measure")
    chosen = options.parse_args()
    rates: Rates = {}
    with ExitStack() as running:
        servers = []
        for name in chosen.servers.split(","):
            folder = running.enter_context(tempfile.TemporaryDirectory(dir=chosen.folder))
            servers.append(running.enter_context(STARTERS[name](Path(folder))))
        for number in range(chosen.rounds + 1):
            one_round(servers, chosen, rates if number else {})
    report(rates)
    for server in servers:
        print(f"\n{server.name} syncs: {server.syncs}")


def one_round(servers: list[Server], chosen: argparse.Namespace, rates: Rates) -> None:
    """Let each server take each load once; the first round warms up and is thrown away."""
    for sender in chosen.senders.split(","):
        measure = storescu_rate if sender == "storescu" else rate
        for kind in chosen.kinds.split(","):
            count = chosen.instances // 8 if kind == "cr" else chosen.instances
            for associations in map(int, chosen.assoc.split(",")):
                for server in servers:
                    server.settle()
                    got = measure(server.dicom, kind, associations, count)
                    key = (sender, kind, associations, server.name)
                    rates.setdefault(key, []).append(got)


def report(rates: Rates) -> None:
    """Print medians, their spread and the ratio."""
    print("| sender | data | associations | server | instances/s median (min..max) | ratio |")
    print("|---|---|---|---|---|---|")
    for (sender, kind, associations, name), values in rates.items():
        middle = statistics.median(values)
        other = rates.get((sender, kind, associations, "orthanc"))
        ratio = f"{middle / statistics.median(other):.1f}" if other else "-"
        spread = f"{middle:.0f} ({min(values):.0f}..{max(values):.0f})"
        print(f"| {sender} | {kind} | {associations} | {name} | {spread} | {ratio} |")


if __name__ == "__main__":
    main()
