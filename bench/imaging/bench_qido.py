"""QIDO-RS over HTTP under row-level security, with many studies in the index.

    python bench/imaging/bench_qido.py [--studies 20000,1000000] [--asked 200] [--orthanc 20000]

The house is the whole process tree; each search is one request on a kept connection, signed in
by token, audited as always. `--orthanc N` also fills Debian's Orthanc with N small studies and
asks it the same; without it only we are measured.
"""

# ruff: noqa: E402 - runs standalone, so it must find the package first
import argparse
import http.client
import random
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parent)]

from web_house import NAMES, fill, house
from web_orthanc import filled

Maker = Callable[[random.Random, int], str]


def _day(dice: random.Random) -> str:
    year, month, day = dice.randint(2016, 2025), dice.randint(1, 12), dice.randint(1, 20)
    return f"{year}{month:02d}{day:02d}-{year}{month:02d}{day + 7:02d}"


SEARCHES: dict[str, Maker] = {
    "PatientID": lambda dice, n: f"PatientID=P{dice.randrange(n // 3):08d}",
    "accession": lambda dice, n: f"AccessionNumber=A{dice.randrange(n):09d}",
    "7 days + modality": lambda dice, _n: (
        f"StudyDate={_day(dice)}&ModalitiesInStudy=CT&limit=50"
    ),
    "name prefix": lambda dice, _n: f"PatientName={dice.choice(NAMES)[:3]}*&limit=50",
    "page of 100": lambda dice, _n: f"limit=100&offset={100 * dice.randrange(10)}",
}


def ask(
    port: int, path: str, headers: dict[str, str], made: Maker, n: int, times: int
) -> list[float]:
    """Milliseconds of each of so many searches, sorted; the first few warm up."""
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    dice, taken = random.Random(7), []
    for _ in range(times + 5):
        url = f"{path}/studies?{made(dice, n)}"
        started = time.perf_counter()
        link.request("GET", url, headers=headers)
        answer = link.getresponse()
        answer.read()
        taken.append((time.perf_counter() - started) * 1000)
        if answer.status not in (200, 204):
            raise RuntimeError(f"{answer.status} for {url}")
    return sorted(taken[5:])


def show(server: str, n: int, kind: str, taken: list[float]) -> None:
    """One line of the table."""
    p95 = taken[int(len(taken) * 0.95) - 1]
    print(
        f"| {server} | {n} | {kind} | {statistics.median(taken):.2f} | {p95:.2f} |", flush=True
    )


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser()
    options.add_argument("--studies", default="20000")
    options.add_argument("--asked", type=int, default=200)
    options.add_argument("--orthanc", type=int, default=0)
    chosen = options.parse_args()
    print("| server | studies | search | p50 ms | p95 ms |\n|---|---|---|---|---|")
    for n in map(int, chosen.studies.split(",")):
        with house() as made:
            fill(made, n)
            held = {"authorization": f"Bearer {made.tokens['lakeshore radiologist']}"}
            held["accept"] = "application/dicom+json"
            for kind, search in SEARCHES.items():
                taken = ask(made.ports["http"], "/dicom-web", held, search, n, chosen.asked)
                show("confrere", n, kind, taken)
    if chosen.orthanc:
        with filled(chosen.orthanc) as port:
            for kind, search in SEARCHES.items():
                taken = ask(port, "/dicom-web", {}, search, chosen.orthanc, chosen.asked // 4)
                show("Orthanc", chosen.orthanc, kind, taken)


if __name__ == "__main__":
    main()
