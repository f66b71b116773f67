"""C-STORE into our door (a sink that writes and fdatasyncs a file) and into Debian's Orthanc.

    python bench/imaging/bench_store.py [--rounds 3] [--instances 150] [--kinds ct,mr] [--assoc 1,4]

The servers take turns, round by round, so that a slow spell of the machine hits both; medians and
ratios are printed. The sender is bare (no DICOM toolkit) and is the same for both. Orthanc runs
with TCP_NODELAY (without it, it stalls 40 ms per answer) and with its default durability; where
it is not installed, only our door is measured.
"""

# ruff: noqa: E402 - runs standalone, so it must find the package first
import argparse
import json
import multiprocessing
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parent)]

from sender import rate

from confrere.dimse.door import Door
from confrere.dimse.limits import Limits
from confrere.dimse.service import Admission, Outcome
from confrere.dimse.store import StoreRequest
from confrere.imaging.head import read_head
from confrere.imaging.part10 import part10_prefix


class FileSink:
    """Writes each data set to a new file, synced before the answer."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def begin(self, request: StoreRequest) -> "Writing":
        """Open a new file under a random name."""
        return Writing(self.folder / uuid4().hex, request)


class Writing:
    """One file on its way."""

    def __init__(self, path: Path, request: StoreRequest) -> None:
        self._syntax = request.transfer_syntax
        self._path, self._head = path, b""
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        prefix = part10_prefix(
            request.sop_class,
            request.sop_instance,
            request.transfer_syntax,
            request.calling_aet,
        )
        os.write(self._file, prefix)

    def write(self, view: memoryview) -> None:
        """Append; keep the first bytes for the index values."""
        if not self._head:
            self._head = bytes(view[:16384])
        while view:
            view = view[os.write(self._file, view) :]

    def finish(self) -> Outcome:
        """Read the index values, sync, answer."""
        read_head(self._head, self._syntax)
        os.fdatasync(self._file)
        os.close(self._file)
        return Outcome(0)

    def abort(self) -> None:
        """Remove what there is."""
        os.close(self._file)
        self._path.unlink()


def serve_door(folder: Path, ports: "multiprocessing.Queue[int]") -> None:
    """Run our door until killed."""
    door = Door("127.0.0.1", 0, Limits(), lambda _: Admission(), FileSink(folder))
    door.start()
    ports.put(door.address[1])
    time.sleep(timedelta(hours=1).total_seconds())


@contextmanager
def our_door(folder: Path) -> Iterator[int]:
    """Our door in a process of its own."""
    ports: multiprocessing.Queue[int] = multiprocessing.Queue()
    process = multiprocessing.Process(target=serve_door, args=(folder, ports))
    process.start()
    try:
        yield ports.get(timeout=20)
    finally:
        process.terminate()
        process.join()


@contextmanager
def orthanc(folder: Path) -> Iterator[int]:
    """Orthanc with its defaults, on a port of its own."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = {
        "StorageDirectory": str(folder),
        "IndexDirectory": str(folder),
        "DicomPort": port,
        "HttpServerEnabled": False,
        "DicomAlwaysAllowStore": True,
        "DicomCheckCalledAet": False,
        "Plugins": [],
        "MaximumPduLength": 131072,
    }
    path = folder / "orthanc.json"
    path.write_text(json.dumps(settings))
    process = subprocess.Popen(
        ["Orthanc", str(path)],
        env={**os.environ, "TCP_NODELAY": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.05)
        time.sleep(0.5)
        yield port
    finally:
        process.terminate()
        process.wait(20)


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--instances", type=int, default=150)
    options.add_argument("--kinds", default="ct,mr")
    options.add_argument("--assoc", default="1,4")
    options.add_argument(
        "--folder", type=Path, default=None, help="on the file system to measure"
    )
    chosen = options.parse_args()
    servers = {"confrere": our_door} | ({"orthanc": orthanc} if shutil.which("Orthanc") else {})
    rates: dict[tuple[str, int, str], list[float]] = {}
    for _ in range(chosen.rounds):
        for kind in chosen.kinds.split(","):
            for associations in map(int, chosen.assoc.split(",")):
                for name, server in servers.items():
                    with (
                        tempfile.TemporaryDirectory(dir=chosen.folder) as folder,
                        server(Path(folder)) as port,
                    ):
                        got = rate(port, kind, associations, chosen.instances)
                    rates.setdefault((kind, associations, name), []).append(got)
                    os.sync()
    report(rates)


def report(rates: dict[tuple[str, int, str], list[float]]) -> None:
    """Print medians, their spread and the ratio."""
    print("| data | associations | server | instances/s median (min..max) | ratio |")
    print("|---|---|---|---|---|")
    for (kind, associations, name), values in rates.items():
        middle = statistics.median(values)
        other = rates.get((kind, associations, "orthanc"))
        ratio = f"{middle / statistics.median(other):.1f}" if other else "-"
        spread = f"{middle:.0f} ({min(values):.0f}..{max(values):.0f})"
        print(f"| {kind} | {associations} | {name} | {spread} | {ratio} |")


if __name__ == "__main__":
    main()
