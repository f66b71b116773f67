"""A CT of 300 slices in OHIF, headless Chromium, the application warm in the browser's cache.

    python bench/viewer/bench_viewer.py --slice CT.dcm [--rounds 5] [--line]

The viewer is the same for both, ours; from round to round it reads from us or from Debian's
Orthanc. `--line` puts browser and servers into two network namespaces joined at 50 Mbit/s and
20 ms (needs root; the rate is tbf's, the delay a relay's). Seconds from opening the address.
"""

# ruff: noqa: E402 - runs standalone, so it must find the package first
import argparse
import shutil
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from io import BytesIO
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parents[1]), str(HERE.parent / "imaging"), str(HERE)]

import pydicom
from line import slow_line
from playwright.sync_api import BrowserContext, Playwright, sync_playwright
from web_house import house
from web_orthanc import give, orthanc
from web_study import SLICES, STUDY, slices, store

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist",
]  # fmt: skip
ACROSS = "--disable-web-security"  # Orthanc lets no other origin's page read from it
PATIENCE = 90.0
WARMING = 3  # openings: the browser keeps compiled scripts from the second on
WARM_STUDY, WARM_SLICES = f"{STUDY}.9", 4


# the viewer's configuration is changed as it is set: a route of the browser's driver would
# switch its cache off, and the application would come anew each time
ELSEWHERE = """(() => { let kept; Object.defineProperty(window, "config", {
  get: () => kept,
  set: made => { kept = made; for (const one of made.dataSources) {
    const set = one.configuration; delete set.acceptHeader;
    for (const root of ["wadoUriRoot", "qidoRoot", "wadoRoot"]) set[root] = "OTHER/dicom-web";
  } } }); })();"""


def browser(
    play: Playwright, profile: str, token: str, url: str, prefix: list[str], *flags: str
) -> BrowserContext:
    """A browser that carries the token; `prefix` is what its process is started by."""
    launcher = Path(profile).parent / "chromium.sh"
    launcher.write_text(f'#!/bin/sh\nexec {" ".join([*prefix, CHROMIUM])} "$@"\n')
    launcher.chmod(0o700)
    made = play.chromium.launch_persistent_context(
        profile, executable_path=str(launcher), headless=True, bypass_csp=True,
        args=[*ARGUMENTS, *flags, f"--unsafely-treat-insecure-origin-as-secure={url}"],
        viewport={"width": 1600, "height": 950},
        extra_http_headers={"authorization": f"Bearer {token}"},
    )  # fmt: skip
    made.add_init_script((HERE / "watch.js").read_text())
    return made


def look(
    context: BrowserContext, url: str, other: str, line: str, study: str, count: int
) -> dict[str, Any]:
    """Open a study and wait until all frames are decoded; `other` names another archive."""
    context.add_init_script(f'localStorage.setItem("confrere-line", "{line}")')
    if other:
        context.add_init_script(ELSEWHERE.replace("OTHER", other))
    page = context.new_page()
    page.goto(f"{url}/ohif/viewer?StudyInstanceUIDs={study}", wait_until="commit")
    until = time.monotonic() + PATIENCE
    seen: dict[str, Any] = {}
    while time.monotonic() < until:
        time.sleep(0.25)
        seen = page.evaluate("window.watched") or {}
        if seen.get("first") and seen["decoded"] >= count:
            break
    return seen


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser()
    options.add_argument("--slice", type=Path, required=True)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--line", action="store_true")
    chosen = options.parse_args()
    files = list(slices(chosen.slice))
    small = [renamed(one) for one in files[:WARM_SLICES]]
    line = "slow" if chosen.line else "fast"
    got: dict[str, list[dict[str, Any]]] = {"confrere": [], "Orthanc": []}
    with ExitStack() as stack:
        made, other = stack.enter_context(house()), stack.enter_context(orthanc())
        token = made.tokens["lakeshore radiologist"]
        store(made.url, token, files + small)
        give(other, files + small)
        url, theirs, prefix = made.url, f"http://127.0.0.1:{other}", list[str]()
        if chosen.line:
            (url, theirs), prefix = stack.enter_context(slow_line(made.ports["http"], other))
        play = stack.enter_context(sync_playwright())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        servers = (("confrere", "", ()), ("Orthanc", theirs, (ACROSS,)))

        def opened(
            profile: Path, at: str, flags: tuple[str, ...], study: str, count: int
        ) -> dict[str, Any]:
            context = browser(play, str(profile), token, url, prefix, *flags)
            seen = look(context, url, at, line, study, count)
            context.close()
            return seen

        for name, at, flags in servers * WARMING:
            opened(folder / name, at, flags, WARM_STUDY, WARM_SLICES)
        for _ in range(chosen.rounds):
            for name, at, flags in servers:
                # the application is in the cache, this study's frames are not
                now = folder / "now"
                shutil.copytree(folder / name, now, ignore=shutil.ignore_patterns("Singleton*"))
                got[name].append(opened(now, at, flags, STUDY, SLICES))
                shutil.rmtree(now)
                print(name, got[name][-1], file=sys.stderr, flush=True)
    tell(got)


def renamed(file: bytes) -> bytes:
    """The same slice in another study, to warm the browser with."""
    made = pydicom.dcmread(BytesIO(file))
    made.StudyInstanceUID = WARM_STUDY
    made.SeriesInstanceUID = f"{WARM_STUDY}.1"
    made.SOPInstanceUID = f"{WARM_STUDY}.1.{made.InstanceNumber}"
    made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID
    out = BytesIO()
    made.save_as(out)
    return out.getvalue()


def tell(got: dict[str, list[dict[str, Any]]]) -> None:
    """Print the table: medians, the fastest and the slowest beside them."""
    heads = ("metadata", "first image", "all fetched", "all decoded")
    print(f"| archive | rounds | {' | '.join(f'{one} s' for one in heads)} | MB |")
    print("|---|---|---|---|---|---|---|")
    for name, rounds in got.items():
        cells = []
        for key in ("metadata", "first", "last", "lastDecoded"):
            values = sorted((one.get(key) or PATIENCE * 1000) / 1000 for one in rounds)
            cells.append(f"{statistics.median(values):.2f} ({values[0]:.2f}..{values[-1]:.2f})")
        size = statistics.median(one.get("bytes", 0) for one in rounds) / 1e6
        cells.append(f"{size:.1f}" if size else "not told")
        print(f"| {name} | {len(rounds)} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
