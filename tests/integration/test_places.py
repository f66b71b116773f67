"""Every place keeps the one promise: whole blobs under their digests, put once, read by ranges."""

import hashlib
import io
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import obstore
import pytest

from confrere.files.folder import BlobStore, path_of
from confrere.files.folder_place import FolderPlace
from confrere.files.object_place import WHOLE, Bucket, ObjectPlace
from confrere.files.opening import open_blobs
from confrere.files.paths import DAMAGED, SWEPT
from confrere.files.places import Place
from confrere.kernel.errors import NotFound, Unavailable
from confrere.settings import Settings
from tests.acceptance.processes import free_ports, wait_for
from tests.integration.s3_server import s3_server

CONTENT = bytes(range(256)) * 100
DIGEST = hashlib.sha256(CONTENT).digest()


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bucket]:
    with s3_server(tmp_path_factory.mktemp("s3")) as made:
        yield made


@pytest.fixture(params=["folder", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path, bucket: Bucket) -> Place:
    if request.param == "folder":
        return FolderPlace(tmp_path)
    return ObjectPlace(Bucket(
        bucket.name, f"p{os.urandom(4).hex()}", bucket.endpoint, bucket.region, "key", "secret"
    ))  # fmt: skip


def keep(place: Place, content: bytes) -> bytes:
    digest = hashlib.sha256(content).digest()
    place.keep(digest, io.BytesIO(content), len(content))
    return digest


def test_a_blob_is_kept_once_listed_and_read_by_ranges(place: Place) -> None:
    assert place.stream(DIGEST) is None
    assert place.size_of(DIGEST) is None
    for _ in range(2):
        assert keep(place, CONTENT) == DIGEST
    other = keep(place, b"another")
    assert place.size_of(DIGEST) == len(CONTENT)
    stream = place.stream(DIGEST)
    assert stream is not None
    with stream:
        stream.seek(300)
        assert stream.read(10) == CONTENT[300:310]
        stream.seek(-5, io.SEEK_END)
        assert stream.read() == CONTENT[-5:]
    first, second = sorted([DIGEST, other])
    assert [one.digest for one in place.listed()] == [first, second]
    assert [one.digest for one in place.listed(first.hex())] == [second]
    assert {one.size for one in place.listed()} == {len(CONTENT), 7}
    place.remove(DIGEST)
    place.remove(DIGEST)
    assert place.stream(DIGEST) is None


def test_bytes_that_are_not_what_their_name_says_are_refused(place: Place) -> None:
    with pytest.raises(Unavailable):
        place.keep(DIGEST, io.BytesIO(b"x" + CONTENT[1:]), len(CONTENT))
    assert place.stream(DIGEST) is None


def test_what_is_out_of_use_lies_on_a_shelf_and_can_come_back(place: Place) -> None:
    keep(place, CONTENT)
    assert place.shelve(SWEPT, DIGEST)
    assert not place.shelve(SWEPT, DIGEST)
    assert place.stream(DIGEST) is None
    assert [one.digest for one in place.shelf(SWEPT)] == [DIGEST]
    assert list(place.listed()) == []
    shelved = place.stream_shelved(SWEPT, DIGEST)
    assert shelved is not None
    with shelved:
        assert shelved.read() == CONTENT
    assert place.take_back(SWEPT, DIGEST)
    assert not place.take_back(SWEPT, DIGEST)
    assert place.size_of(DIGEST) == len(CONTENT)
    place.shelve(DAMAGED, DIGEST)
    place.drop(DAMAGED, DIGEST)
    place.drop(DAMAGED, DIGEST)
    assert list(place.shelf(DAMAGED)) == []


def test_a_large_object_goes_in_parts_and_is_read_where_it_is_asked_for(
    bucket: Bucket,
) -> None:
    place, content = ObjectPlace(bucket), os.urandom(WHOLE + 5_000_000)
    digest = keep(place, content)
    stream = place.stream(digest)
    assert stream is not None
    with stream:
        assert not isinstance(stream, io.BytesIO)
        stream.seek(WHOLE - 10)
        assert stream.read(2_000_000) == content[WHOLE - 10 : WHOLE + 1_999_990]
        assert stream.tell() == WHOLE + 1_999_990
        stream.seek(0)
        assert hashlib.sha256(stream.read()).digest() == digest
        assert stream.read(1) == b""
    place.remove(digest)


def test_two_writers_of_one_blob_are_both_served(bucket: Bucket) -> None:
    place = ObjectPlace(bucket)
    threads = [threading.Thread(target=keep, args=(place, CONTENT)) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert place.size_of(DIGEST) == len(CONTENT)
    place.remove(DIGEST)


def test_changed_bytes_of_an_object_are_never_served(bucket: Bucket) -> None:
    place = ObjectPlace(bucket)
    keep(place, CONTENT)
    name = f"blobs/{DIGEST.hex()[:2]}/{DIGEST.hex()[2:]}"
    obstore.put(place._client(), name, b"x" + CONTENT[1:])
    with pytest.raises(Unavailable, match="not what was stored"):
        place.stream(DIGEST)
    place.remove(DIGEST)


def test_a_store_that_does_not_answer_is_said_in_words_without_its_key(tmp_path: Path) -> None:
    port = free_ports("none")["none"]
    place = ObjectPlace(
        Bucket("images", "", f"http://127.0.0.1:{port}", "x", "key", "topsecret")
    )
    with pytest.raises(Unavailable, match="address, its bucket and the key") as told:
        place.room()
    assert "topsecret" not in str(told.value)


def test_a_store_elsewhere_gets_what_the_spool_held_and_what_was_too_large_for_it(
    bucket: Bucket, tmp_path: Path
) -> None:
    store = open_blobs(Settings(
        home=tmp_path, blob_url="s3://images/far", s3_endpoint=bucket.endpoint,
        s3_key_id="key", s3_secret="secret",
    ))  # fmt: skip
    store.open_spool("test")
    small, large = store.put(b"small"), store.put(os.urandom(34 << 20))
    assert store.read(small) == b"small"
    assert path_of(store.root, large).exists()
    far = store.far
    assert far is not None
    wait_for(lambda: far.size_of(small) == 5, 15, lambda: "the spool was not moved")
    assert not path_of(store.root, small).exists()
    assert store.forward(100) == 1
    assert not path_of(store.root, large).exists()
    assert far.size_of(large) == 34 << 20
    store.close()
    again = open_blobs(Settings(
        home=tmp_path / "elsewhere", blob_url="s3://images/far", s3_endpoint=bucket.endpoint,
        s3_key_id="key", s3_secret="secret",
    ))  # fmt: skip
    assert again.read(small) == b"small"
    assert again.secure(large)
    again.remove(small)
    assert far.size_of(small) is None


def test_while_the_store_is_away_what_came_waits_in_the_spool_and_is_read_from_it(
    tmp_path: Path,
) -> None:
    port = free_ports("none")["none"]
    away = ObjectPlace(Bucket("images", "", f"http://127.0.0.1:{port}", "x", "k", "s"))
    store = BlobStore(tmp_path, far=away)
    store.open_spool("test")
    digest = store.put(b"an image")
    assert store.read(digest) == b"an image"
    store.close()
    assert BlobStore(tmp_path, far=away).read(digest) == b"an image"


def test_reading_finds_what_lies_in_the_cold_place(tmp_path: Path) -> None:
    cold = FolderPlace(tmp_path / "cold")
    store = BlobStore(tmp_path / "near", cold=cold)
    keep(cold, CONTENT)
    assert store.read(DIGEST) == CONTENT
    cold.shelve(SWEPT, DIGEST)
    assert store.read(DIGEST) == CONTENT
    cold.drop(SWEPT, DIGEST)
    with pytest.raises(NotFound):
        store.read(DIGEST)


FORKS = """
import os, sys
from pathlib import Path
from confrere.files.opening import open_blobs
from confrere.settings import Settings
store = open_blobs(Settings(
    home=Path(sys.argv[1]), blob_url="s3://images/forked", s3_endpoint=sys.argv[2], s3_key_id="k", s3_secret="s"
))
store.sweep()  # what the parent does before it forks
child = os.fork()
if not child:
    os._exit(0 if store.main.size_of(bytes(32)) is None else 1)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_a_process_that_was_forked_reaches_the_store(bucket: Bucket, tmp_path: Path) -> None:
    command = [sys.executable, "-c", FORKS, str(tmp_path), bucket.endpoint]
    assert subprocess.run(command, timeout=60, check=False).returncode == 0
