"""The spool: everything readable at once, moved later, nothing lost or torn by a kill."""

import hashlib
import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from confrere.files import segments
from confrere.files.folder import BlobStore
from confrere.files.incoming import SMALL
from confrere.files.paths import path_of
from tests.acceptance.processes import wait_for

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def blobs(tmp_path: Path) -> Iterator[BlobStore]:
    """A store with a spool of four segments."""
    store = BlobStore(tmp_path)
    store.open_spool("door", 4 * segments.SEGMENT_BYTES)
    yield store
    store.close()


def named(root: Path) -> set[str]:
    return {p.parent.name + p.name for p in (root / "blobs").glob("??/*")}


def test_what_is_kept_is_read_at_once_by_every_process_and_gets_its_file_later(
    blobs: BlobStore, tmp_path: Path
) -> None:
    contents = [os.urandom(n * 1000 + 1) for n in range(40)]
    digests = [blobs.put(content) for content in contents]
    other = BlobStore(tmp_path)
    assert [other.read(digest) for digest in digests] == contents
    wait_for(lambda: len(named(tmp_path)) == 40, 10, lambda: "")
    assert [other.read(digest) for digest in digests] == contents
    assert digests == [hashlib.sha256(content).digest() for content in contents]


def streamed(blobs: BlobStore, content: bytes) -> bytes:
    """Write in pieces as they come over a wire."""
    incoming = blobs.begin()
    for at in range(0, len(content), 100_000):
        incoming.write(content[at : at + 100_000])
    with incoming.open() as stream:
        assert stream.read() == content
        stream.seek(len(content) // 2)
        assert stream.read(10) == content[len(content) // 2 :][:10]
    return incoming.keep()


@pytest.mark.parametrize("size", [SMALL, SMALL + 1, SMALL * 3 // 2, 10 << 20, (10 << 20) + 7])
def test_a_large_blob_is_streamed_into_a_segment(
    blobs: BlobStore, tmp_path: Path, size: int
) -> None:
    content = os.urandom(size)
    digest = streamed(blobs, content)
    assert digest == hashlib.sha256(content).digest()
    assert BlobStore(tmp_path).read(digest) == content
    assert not named(tmp_path)
    wait_for(lambda: len(named(tmp_path)) == 1, 10, lambda: "")
    assert path_of(tmp_path, digest).read_bytes() == content


def test_what_outgrows_a_segment_or_finds_none_gets_a_file(
    blobs: BlobStore, tmp_path: Path
) -> None:
    content = os.urandom(segments.SEGMENT_BYTES + 5)
    assert path_of(tmp_path, streamed(blobs, content)).read_bytes() == content
    under_way = [blobs.begin() for _ in range(4)]
    for n, one in enumerate(under_way):
        one.write(bytes([n]) * (SMALL + 9))
        one.write(bytes([n]) * 9)
    digests = [one.keep() for one in under_way[:3]]
    under_way[3].discard()
    assert [len(blobs.read(digest)) for digest in digests] == [SMALL + 18] * 3


NOTED = """
import os, sys
from pathlib import Path
from confrere.files.folder import BlobStore
store = BlobStore(Path(sys.argv[1]))
store.open_spool("door")
for content in (b"small", b"large" * (1 << 20)):
    incoming = store.begin()
    incoming.write(content)
    incoming.keep(note=b"of " + content[:5])
os._exit(9)
"""


def test_notes_are_told_once_to_who_comes_after_a_crash(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-c", NOTED, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False,
    )  # fmt: skip
    told: list[tuple[bytes, bytes, bytes]] = []
    for _ in range(2):
        after = BlobStore(tmp_path)
        after.open_spool("door", again=told.extend)
        after.close()
        assert sorted((len(content), note) for _, content, note in told) == [
            (5, b"of small"), (5 << 20, b"of large"),
        ]  # fmt: skip


def test_what_cannot_be_settled_is_not_moved(tmp_path: Path) -> None:
    store = BlobStore(tmp_path)
    store.open_spool("door")
    hindered = [OSError("no database")]

    def settle() -> None:
        if hindered:
            raise hindered[0]

    store.before_moving(settle)
    digest = store.put(b"x")
    time.sleep(1.5)
    assert not named(tmp_path)
    hindered.clear()
    store.close()
    assert named(tmp_path) == {digest.hex()}


def test_segments_are_used_again_and_a_full_spool_makes_way(tmp_path: Path) -> None:
    store = BlobStore(tmp_path)
    store.open_spool("door", 2 * segments.SEGMENT_BYTES)
    try:
        kept = {}
        for n in range(100):  # 100 MB through a spool of 64 MB
            content = n.to_bytes(4) * (SMALL // 4)
            kept[store.put(content)] = content
        assert all(store.read(digest) == content for digest, content in kept.items())
        assert len(list((tmp_path / "spool" / "door").glob("*.seg"))) <= 2
    finally:
        store.close()
    assert len(named(tmp_path)) == 100


def test_a_second_owner_of_a_spool_is_refused(blobs: BlobStore, tmp_path: Path) -> None:
    from confrere.files.spool import Spool  # noqa: PLC0415 - only here
    from confrere.kernel.errors import Unavailable  # noqa: PLC0415

    with pytest.raises(Unavailable):
        Spool(tmp_path / "spool" / "door", 1, lambda _: None)


def test_a_flipped_bit_in_the_spool_is_never_served(tmp_path: Path) -> None:
    store = BlobStore(tmp_path)
    store.open_spool("door")
    digest = store.put(b"x" * 5000)
    (segment,) = [p for p in (tmp_path / "spool" / "door").glob("*.seg") if p.stat().st_size
                  and b"CFSPOOL2" in p.read_bytes()[:8]]  # fmt: skip
    with segment.open("r+b") as file:
        file.seek(3000)
        file.write(b"y")
    assert store._spooled.read(digest) is None
    store.close()
    assert not named(tmp_path)


WRITER = """
    import sys, threading
    from pathlib import Path
    from confrere.files.folder import BlobStore
    store = BlobStore(Path(sys.argv[1]))
    store.open_spool("door", 64 << 20)
    def run(n):
        for k in range(400):
            content = (b"%d-%d " % (n, k)) * (k * 37 + 1)
            digest = store.put(content)
            print(digest.hex(), flush=True)
    threads = [threading.Thread(target=run, args=(n,)) for n in range(3)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    store.close()
"""


@pytest.mark.parametrize(
    "place", ["spool.appended:200", "spool.synced:300", "spool.moved:1", "blob.synced:1"]
)
def test_what_was_synced_before_a_kill_is_there_whole_after_it(
    tmp_path: Path, place: str
) -> None:
    text = textwrap.dedent(WRITER)
    if place.startswith("blob"):
        text = text.replace("37 +", "3700 +")
    died = subprocess.run(
        [sys.executable, "-c", text, str(tmp_path)],
        env={**os.environ, "CONFRERE_CRASH_AT": place, "PYTHONPATH": str(ROOT)},
        capture_output=True, check=False, text=True,
    )  # fmt: skip
    assert died.returncode == -9, died.stderr
    acknowledged = [bytes.fromhex(line) for line in died.stdout.split() if len(line) == 64]
    store = BlobStore(tmp_path)
    store.sweep()
    store.open_spool("door", 64 << 20)
    try:
        for digest in acknowledged:
            assert hashlib.sha256(store.read(digest)).digest() == digest
    finally:
        store.close()
    for name in named(tmp_path):
        digest = bytes.fromhex(name)
        assert hashlib.sha256(path_of(tmp_path, digest).read_bytes()).hexdigest() == name
    assert {digest.hex() for digest in acknowledged} <= named(tmp_path)
    assert not list((tmp_path / "incoming").iterdir())
