"""A full disk refuses what comes, keeps serving what is there, and takes more once it has room."""

import errno
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from confrere.dimse import status
from confrere.files.folder import BlobStore
from tests.acceptance.processes import wait_for
from tests.peers import absent


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 40 MiB: one spool segment fits."""
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=40m", "none", str(tmp_path)],
        check=False, capture_output=True,
    )  # fmt: skip
    if done.returncode:
        absent("right to mount a file system")
    yield tmp_path
    subprocess.run(["umount", "-l", str(tmp_path)], check=True)


def test_a_full_disk_refuses_and_recovers_by_itself(small_disk: Path) -> None:
    blobs = BlobStore(small_disk)
    blobs.open_spool("door")
    try:
        kept = {}
        full: OSError | None = None
        for n in range(200):
            content = n.to_bytes(4) * 250_000
            try:
                kept[blobs.put(content)] = content
            except OSError as error:
                full = error
                break
        assert full is not None
        assert full.errno == errno.ENOSPC
        assert status.outcome_of(full).status == 0xA700
        assert kept
        for digest, content in kept.items():
            assert blobs.read(digest) == content
        ballast = sorted((small_disk / "blobs").glob("??/*"), key=os.path.getmtime)
        moved = {path.parent.name + path.name for path in ballast}
        for path in ballast[:4]:
            path.unlink()
            kept.pop(bytes.fromhex(path.parent.name + path.name))
        if not moved:
            subprocess.run(["mount", "-o", "remount,size=120m", str(small_disk)], check=True)

        def takes_more() -> bool:
            try:
                kept[blobs.put(b"after the disk had room again")] = b""
            except OSError:
                return False
            return True

        wait_for(takes_more, 15, lambda: "")
    finally:
        subprocess.run(["mount", "-o", "remount,size=200m", str(small_disk)], check=True)
        blobs.close()
    for digest, content in kept.items():
        if content:
            assert BlobStore(small_disk).read(digest) == content
