"""A place that speaks S3: Amazon's, or a store of the own house such as Ceph or Garage.

Objects are named as files in a folder are, under the prefix. Small ones are put with
If-None-Match, so that of two writers one writes; bytes and digest are compared before a put
and after a read.
"""

import hashlib
import io
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar, cast

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, NotSupportedError
from obstore.store import S3Store

from confrere.files.folder_place import CHUNK, DAMAGED_BYTES
from confrere.files.places import Blob, Room
from confrere.kernel.errors import Unavailable

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig

WHOLE = 16 << 20  # up to here a read takes all and compares the digest
LISTED = 1000  # objects in one answer
WAIT = timedelta(seconds=30)
RETRIES: "RetryConfig" = {"max_retries": 3, "retry_timeout": timedelta(seconds=20)}
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Bucket:
    """Where objects lie and how to get in. Without a key, the machine's own role is asked."""

    name: str
    prefix: str = ""
    endpoint: str = ""  # empty: Amazon's of the region
    region: str = "us-east-1"
    key_id: str = ""
    secret: str = ""


class ObjectPlace:
    """See `Place`. Safe to share among threads.

    Opened at its first use, which must be in the process that goes on with it: the client's
    threads do not live on in a forked child.
    """

    def __init__(self, bucket: Bucket) -> None:
        self.bucket = bucket
        self._lock = threading.Lock()
        self._store: S3Store | None = None

    def keep(self, digest: bytes, source: BinaryIO, size: int) -> None:
        """Put an object unless it is here with its size; a large one goes in parts."""
        name = self._name(digest)
        if size > WHOLE:
            self._keep_large(digest, source, size)
            return
        content = source.read(size + 1)
        if hashlib.sha256(content).digest() != digest:
            raise Unavailable(DAMAGED_BYTES)
        try:
            self._ask(lambda store: obstore.put(store, name, content, mode="create"))
        except AlreadyExistsError:
            if self.size_of(digest) != size:  # what is there is not whole
                self._ask(lambda store: obstore.put(store, name, content))
        except NotSupportedError:  # a store without conditional puts
            if self.size_of(digest) != size:
                self._ask(lambda store: obstore.put(store, name, content))

    def _keep_large(self, digest: bytes, source: BinaryIO, size: int) -> None:
        """What was put is read no more: it is whole or absent, and its bytes were hashed."""
        if self.size_of(digest) == size:
            return
        start, found = source.tell(), hashlib.sha256()
        while data := source.read(CHUNK):
            found.update(data)
        if found.digest() != digest:
            raise Unavailable(DAMAGED_BYTES)
        source.seek(start)
        pieces = iter(lambda: source.read(8 * CHUNK), b"")
        self._ask(lambda store: obstore.put(store, self._name(digest), pieces))

    def stream(self, digest: bytes) -> BinaryIO | None:
        """Read a small object whole and compare it; a large one by ranges, as it is asked for."""
        return self._opened(self._name(digest), digest)

    def size_of(self, digest: bytes) -> int | None:
        """Ask for its head."""
        try:
            return self._ask(lambda store: obstore.head(store, self._name(digest)))["size"]
        except FileNotFoundError:
            return None

    def remove(self, digest: bytes) -> None:
        """Delete an object."""
        with suppress(FileNotFoundError):
            self._ask(lambda store: obstore.delete(store, self._name(digest)))

    def listed(self, after: str = "") -> Iterator[Blob]:
        """List by pages, from behind a name."""
        offset = f"blobs/{after[:2]}/{after[2:]}" if after else None
        yield from self._listed("blobs/", offset)

    def shelve(self, shelf: str, digest: bytes) -> bool:
        """Copy and delete; its time is then that of the copy."""
        return self._renamed(self._name(digest), f"{shelf}/{digest.hex()}")

    def take_back(self, shelf: str, digest: bytes) -> bool:
        """Copy back and delete."""
        return self._renamed(f"{shelf}/{digest.hex()}", self._name(digest))

    def shelf(self, shelf: str) -> Iterator[Blob]:
        """List what is under a shelf's name."""
        yield from self._listed(f"{shelf}/", None)

    def stream_shelved(self, shelf: str, digest: bytes) -> BinaryIO | None:
        """Open an object of a shelf."""
        return self._opened(f"{shelf}/{digest.hex()}", digest)

    def drop(self, shelf: str, digest: bytes) -> None:
        """Delete an object of a shelf."""
        with suppress(FileNotFoundError):
            self._ask(lambda store: obstore.delete(store, f"{shelf}/{digest.hex()}"))

    def room(self) -> Room:
        """A bucket has no end; that it answers is what is asked."""
        self._ask(lambda store: next(iter(obstore.list(store, "blobs/", chunk_size=1)), None))
        return Room(None, None)

    def _name(self, digest: bytes) -> str:
        name = digest.hex()
        return f"blobs/{name[:2]}/{name[2:]}"

    def _opened(self, name: str, digest: bytes) -> BinaryIO | None:
        try:
            told = self._ask(lambda store: obstore.get(store, name))
            size = told.meta["size"]
            if size > WHOLE:
                return cast("BinaryIO", _Ranges(self, name, size))
            content = self._ask(lambda _store: bytes(told.bytes()))
        except FileNotFoundError:
            return None
        if hashlib.sha256(content).digest() != digest:
            raise Unavailable(
                "this object's bytes are not what was stored, so they are not shown; a scrub "
                "mends it from a replica, or its sender sends it again"
            )
        return io.BytesIO(content)

    def range(self, name: str, start: int, length: int) -> bytes:
        """Read a range of an object that is here."""
        return self._ask(
            lambda store: bytes(obstore.get_range(store, name, start=start, length=length))
        )

    def _renamed(self, source: str, target: str) -> bool:
        try:
            self._ask(lambda store: obstore.rename(store, source, target))
        except FileNotFoundError:
            return False
        return True

    def _listed(self, prefix: str, offset: str | None) -> Iterator[Blob]:
        pages = self._ask(
            lambda store: obstore.list(store, prefix, offset=offset, chunk_size=LISTED)
        )
        while page := self._ask(lambda _store: next(pages, None)):
            for one in page:
                with suppress(ValueError):  # a stranger's object
                    digest = bytes.fromhex(one["path"].removeprefix(prefix).replace("/", ""))
                    yield Blob(digest, one["size"], one["last_modified"])

    def _ask(self, what: Callable[[S3Store], Answer]) -> Answer:
        """Ask the store; Unavailable with words for people, never with the store's own."""
        try:
            return what(self._client())
        except (AlreadyExistsError, NotSupportedError, FileNotFoundError):
            raise
        except (BaseError, OSError, ValueError) as error:
            raise Unavailable(
                f"the object store does not answer as it should ({type(error).__name__}): look "
                "at its address, its bucket and the key; what came is kept here meanwhile"
            ) from error

    def _client(self) -> S3Store:
        with self._lock:
            if self._store is None:
                self._store = _open(self.bucket)
            return self._store


class _Ranges(io.RawIOBase):
    """A large object, read as it is asked for, a piece ahead."""

    def __init__(self, place: ObjectPlace, name: str, size: int) -> None:
        self._place, self._name, self._size = place, name, size
        self._at = self._from = 0
        self._piece = b""

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, buffer: Any) -> int:
        wanted = min(len(buffer), self._size - self._at)
        if wanted <= 0:
            return 0
        inside = self._at - self._from
        if not 0 <= inside < len(self._piece):
            length = min(max(wanted, CHUNK), self._size - self._at)
            self._piece = self._place.range(self._name, self._at, length)
            self._from, inside = self._at, 0
        data = self._piece[inside : inside + wanted]
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)

    def read(self, size: int | None = -1) -> bytes:
        """Read as a file does: all that was asked for, up to the end."""
        left = self._size - self._at if size is None or size < 0 else size
        pieces = []
        while left > 0 and (piece := super().read(min(left, 8 * CHUNK))):
            pieces.append(piece)
            left -= len(piece)
        return b"".join(pieces)


def _open(bucket: Bucket) -> S3Store:
    options: dict[str, Any] = {"region": bucket.region}
    if bucket.endpoint:
        options["endpoint"] = bucket.endpoint
    if bucket.key_id:
        options |= {"access_key_id": bucket.key_id, "secret_access_key": bucket.secret}
    client: ClientConfig = {
        "allow_http": bucket.endpoint.startswith("http://"),
        "timeout": WAIT,
        "connect_timeout": timedelta(seconds=5),
    }
    return S3Store(
        bucket.name, prefix=bucket.prefix or None, client_options=client,
        retry_config=RETRIES, **options,
    )  # fmt: skip
