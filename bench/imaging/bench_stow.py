"""STOW-RS into the running product and into Debian's Orthanc, turn by turn.

    python bench/imaging/bench_stow.py [--rounds 5] [--instances 100] [--request 20]
        [--kinds ct,mr] [--folder /on/the/file/system]

One connection posts `--instances` objects, `--request` of them in each request. Ours answers when
blobs and index rows are synced.
"""

# ruff: noqa: E402 - runs standalone, so it must find the package first
import argparse
import http.client
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parent)]

from bench_store import Rates, report
from sender import CLASSES, EXPLICIT, instance
from servers import STARTERS, Server, installed

from confrere.dicomweb.multipart import closing, part_head
from confrere.imaging.part10 import part10_prefix

BOUNDARY = "confrere-bench"


def bodies(kind: str, count: int, each: int) -> list[bytes]:
    """Multipart bodies of one new study."""
    study = uuid4().int % 10**9
    made = []
    for start in range(0, count, each):
        parts = []
        for number in range(start, min(start + each, count)):
            uid, data = instance(kind, study, number)
            head = part_head(
                BOUNDARY, {"Content-Type": "application/dicom"}, first=number == start
            )
            parts.append(head + part10_prefix(CLASSES[kind], uid, EXPLICIT, "BENCH") + data)
        made.append(b"".join((*parts, closing(BOUNDARY))))
    return made


def rate(server: Server, kind: str, count: int, each: int) -> float:
    """Instances per second."""
    made, where = bodies(kind, count, each), urlsplit(server.stow)
    headers = {
        "Content-Type": f'multipart/related; type="application/dicom"; boundary={BOUNDARY}',
        "Accept": "application/dicom+json",
    } | ({"Authorization": f"Bearer {server.token}"} if server.token else {})
    link = http.client.HTTPConnection(where.hostname or "", where.port, timeout=120)
    link.connect()
    begun = time.perf_counter()
    for body in made:
        link.request("POST", where.path, body, headers)
        answer = link.getresponse()
        said = answer.read()
        if answer.status != 200:
            raise SystemExit(f"{server.name} answered {answer.status}: {said[:200]!r}")
    spent = time.perf_counter() - begun
    link.close()
    return count / spent


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--instances", type=int, default=100)
    options.add_argument("--request", type=int, default=20)
    options.add_argument("--kinds", default="ct,mr")
    options.add_argument("--folder", type=Path, help="on the file system to measure")
    chosen = options.parse_args()
    rates: Rates = {}
    with ExitStack() as running:
        servers = []
        for name in installed():
            folder = running.enter_context(tempfile.TemporaryDirectory(dir=chosen.folder))
            servers.append(running.enter_context(STARTERS[name](Path(folder))))
        for number in range(chosen.rounds + 1):
            for kind in chosen.kinds.split(","):
                for server in servers:
                    server.settle()
                    got = rate(server, kind, chosen.instances, chosen.request)
                    if number:
                        rates.setdefault(("stow", kind, 1, server.name), []).append(got)
    report(rates)
    for server in servers:
        print(f"\n{server.name} syncs: {server.syncs}")


if __name__ == "__main__":
    main()
