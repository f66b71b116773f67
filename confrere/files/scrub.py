"""Re-read blobs: find what changed, keep it from being served, mend it from a copy."""

import hashlib
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from confrere.files.folder_place import CHUNK
from confrere.files.paths import DAMAGED, path_of
from confrere.files.places import Place
from confrere.kernel.errors import Unavailable

Pause = Callable[[float], None]


def is_whole(place: Place, digest: bytes, bytes_per_second: int, pause: Pause) -> bool:
    """Re-read a blob at a bounded rate; False when its content is not what its name says.

    Also False when the disk can't read it; True when it is gone meanwhile. Raises Unavailable
    when the place can't be reached.
    """
    try:
        stream = place.stream(digest)
    except Unavailable:
        place.room()  # it can't be reached, or else these bytes are not what was stored
        return False
    if stream is None:
        return True
    try:
        with stream:
            _of_the_disk(stream)
            return _digest(stream, bytes_per_second, pause) == digest
    except OSError:
        return False


def _digest(stream: BinaryIO, bytes_per_second: int, pause: Pause) -> bytes:
    found = hashlib.sha256()
    while True:
        begun = time.monotonic()
        data = stream.read(CHUNK)
        if not data:
            return found.digest()
        found.update(data)
        pause(max(0.0, len(data) / bytes_per_second - (time.monotonic() - begun)))


def _of_the_disk(stream: BinaryIO) -> None:
    """Read a file from the disk, not from what the kernel remembers of it."""
    try:
        number = stream.fileno()
    except OSError:
        return
    os.posix_fadvise(number, 0, 0, os.POSIX_FADV_DONTNEED)


def damaged(place: Place) -> list[bytes]:
    """Return the digests of the blobs that were set aside."""
    return [one.digest for one in place.shelf(DAMAGED)]


def mend(place: Place, replica: Path, digest: bytes) -> bool:
    """Put a blob that was set aside back from a replica; False when that has no whole copy."""
    source = path_of(replica, digest)
    try:
        with source.open("rb") as stream:
            place.keep(digest, stream, source.stat().st_size)
    except (FileNotFoundError, Unavailable):
        return False
    place.drop(DAMAGED, digest)
    return True
