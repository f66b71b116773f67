"""WADO-RS: a whole CT study and single frames, ours and Orthanc's by turns.

    python bench/imaging/bench_web.py --slice CT.dcm [--rounds 5]

`--slice` is any uncompressed CT slice of 16 bits; the study is 300 of it. Both hold the same
files, both answer over HTTP on loopback; ours is signed in and audited.
"""

# ruff: noqa: E402 - runs standalone, so it must find the package first
import argparse
import http.client
import statistics
import sys
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parent)]

from web_house import house
from web_orthanc import give, orthanc
from web_study import STUDY, slices, store, urls

WHOLE = 'multipart/related; type="application/dicom"; transfer-syntax=*'
FRAME = "multipart/related; type=application/octet-stream; transfer-syntax=*"
BLOCK = 1 << 20


def study(port: int, headers: dict[str, str]) -> float:
    """MB/s of one whole study."""
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    started, size = time.perf_counter(), 0
    link.request("GET", f"/dicom-web/studies/{STUDY}", headers=headers | {"accept": WHOLE})
    answer = link.getresponse()
    while got := len(answer.read(BLOCK)):
        size += got
    return size / 1e6 / (time.perf_counter() - started)


def frames(port: int, headers: dict[str, str]) -> list[float]:
    """Milliseconds of each frame, one after the other on one connection, sorted."""
    link, taken = http.client.HTTPConnection("127.0.0.1", port, timeout=60), []
    for url in urls():
        started = time.perf_counter()
        link.request("GET", f"/dicom-web{url}", headers=headers | {"accept": FRAME})
        answer = link.getresponse()
        answer.read()
        taken.append((time.perf_counter() - started) * 1000)
        if answer.status != 200:
            raise RuntimeError(f"{answer.status} for {url}")
    return sorted(taken)


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser()
    options.add_argument("--slice", type=Path, required=True)
    options.add_argument("--rounds", type=int, default=5)
    chosen = options.parse_args()
    files = list(slices(chosen.slice))
    rates: dict[str, list[float]] = {"confrere": [], "Orthanc": []}
    waits: dict[str, list[float]] = {"confrere": [], "Orthanc": []}
    worst: dict[str, list[float]] = {"confrere": [], "Orthanc": []}
    with house() as made, orthanc() as other:
        token = made.tokens["lakeshore radiologist"]
        store(made.url, token, files)
        give(other, files)
        held = {"authorization": f"Bearer {token}"}
        servers = {"confrere": (made.ports["http"], held), "Orthanc": (other, {})}
        for round_ in range(chosen.rounds + 1):
            for name, (port, headers) in servers.items():
                rate, taken = study(port, headers), frames(port, headers)
                if round_:  # the first one warms the page cache
                    rates[name].append(rate)
                    waits[name].append(statistics.median(taken))
                    worst[name].append(taken[int(len(taken) * 0.95)])
    print("| server | study MB/s median (min..max) | frame p50 ms | frame p95 ms |")
    print("|---|---|---|---|")
    for name, got in rates.items():
        spread = f"{statistics.median(got):.0f} ({min(got):.0f}..{max(got):.0f})"
        middle, high = statistics.median(waits[name]), statistics.median(worst[name])
        print(f"| {name} | {spread} | {middle:.2f} | {high:.2f} |")


if __name__ == "__main__":
    main()
