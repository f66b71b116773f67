"""A place that is a folder: a file for each blob, synced, under two levels of its digest."""

import hashlib
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from confrere.files.paths import name_blob, path_of, shelf_path, sync_folder
from confrere.files.places import Blob, Room
from confrere.kernel.errors import Unavailable

CHUNK = 1 << 20
DAMAGED_BYTES = "these bytes are not what their name says: they are not kept"


class FolderPlace:
    """See `Place`. Several processes may share the folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def keep(self, digest: bytes, source: BinaryIO, size: int) -> None:
        """Write, check, sync and name a file, unless it is here."""
        if self.size_of(digest) == size:
            return
        fresh = self.root / "incoming" / secrets.token_hex(16)
        found = hashlib.sha256()
        try:
            fresh.parent.mkdir(parents=True, exist_ok=True)
            with fresh.open("xb") as target:
                while data := source.read(CHUNK):
                    found.update(data)
                    target.write(data)
                target.flush()
                os.fdatasync(target.fileno())
            if found.digest() != digest:
                raise Unavailable(DAMAGED_BYTES)
            name_blob(self.root, fresh, digest)
            sync_folder(path_of(self.root, digest).parent)
        except OSError as error:
            raise _unreachable(error) from error
        finally:
            with suppress(OSError):
                fresh.unlink(missing_ok=True)

    def stream(self, digest: bytes) -> BinaryIO | None:
        """Open a file."""
        return _opened(path_of(self.root, digest))

    def size_of(self, digest: bytes) -> int | None:
        """Look at the file."""
        with suppress(FileNotFoundError, NotADirectoryError):
            return path_of(self.root, digest).stat().st_size
        return None

    def remove(self, digest: bytes) -> None:
        """Remove the file."""
        path_of(self.root, digest).unlink(missing_ok=True)

    def listed(self, after: str = "") -> Iterator[Blob]:
        """Walk the folders in order."""
        for folder in sorted((self.root / "blobs").glob("??")):
            if folder.name < after[:2]:
                continue
            for path in sorted(folder.iterdir()):
                if (name := folder.name + path.name) > after:
                    with suppress(FileNotFoundError):  # it was moved meanwhile
                        yield _blob(path, name)

    def shelve(self, shelf: str, digest: bytes) -> bool:
        """Move the file; its time is then that of the move."""
        source, target = path_of(self.root, digest), shelf_path(self.root, shelf, digest)
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            source.rename(target)
        except FileNotFoundError:
            return False
        os.utime(target)
        sync_folder(target.parent)
        sync_folder(source.parent)
        return True

    def take_back(self, shelf: str, digest: bytes) -> bool:
        """Move the file back."""
        source = shelf_path(self.root, shelf, digest)
        try:
            name_blob(self.root, source, digest)
        except FileNotFoundError:
            return False
        sync_folder(path_of(self.root, digest).parent)
        return True

    def shelf(self, shelf: str) -> Iterator[Blob]:
        """List the files of a shelf."""
        folder = self.root / shelf
        for path in sorted(folder.iterdir()) if folder.exists() else ():
            with suppress(FileNotFoundError):
                yield _blob(path, path.name)

    def stream_shelved(self, shelf: str, digest: bytes) -> BinaryIO | None:
        """Open a file of a shelf."""
        return _opened(shelf_path(self.root, shelf, digest))

    def drop(self, shelf: str, digest: bytes) -> None:
        """Remove a file of a shelf."""
        shelf_path(self.root, shelf, digest).unlink(missing_ok=True)

    def room(self) -> Room:
        """What the file system says."""
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            told = shutil.disk_usage(self.root)
        except OSError as error:
            raise _unreachable(error) from error
        return Room(told.free, told.total)


def _opened(path: Path) -> BinaryIO | None:
    try:
        return path.open("rb")
    except FileNotFoundError:
        return None


def _blob(path: Path, name: str) -> Blob:
    told = path.stat()
    return Blob(bytes.fromhex(name), told.st_size, datetime.fromtimestamp(told.st_mtime, UTC))


def _unreachable(error: OSError) -> Unavailable:
    return Unavailable(
        f"the folder of the image store can't be written ({error.strerror}): look at its disk"
    )
