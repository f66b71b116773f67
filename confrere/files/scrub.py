"""Re-read blobs: find what changed on the disk, keep it from being served, mend it from a copy."""

import hashlib
import os
import secrets
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from confrere.files.folder import CHUNK
from confrere.files.paths import damaged_path, path_of, sync_folder

Pause = Callable[[float], None]


def digests(root: Path, after: str = "") -> Iterator[bytes]:
    """Yield the digests of a blob folder in their order, those behind `after` (hex) only."""
    for folder in sorted((root / "blobs").glob("??")):
        if folder.name < after[:2]:
            continue
        for path in sorted(folder.iterdir()):
            if (name := folder.name + path.name) > after:
                yield bytes.fromhex(name)


def is_whole(path: Path, digest: bytes, bytes_per_second: int, pause: Pause) -> bool:
    """Re-read a file at a bounded rate; False when its content is not what its name says.

    Also False when the disk can't read it; True when it is gone meanwhile.
    """
    found = hashlib.sha256()
    try:
        with path.open("rb", buffering=0) as file:
            os.posix_fadvise(
                file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED
            )  # the disk's, not ours
            while True:
                begun = time.monotonic()
                data = file.read(CHUNK)
                if not data:
                    return found.digest() == digest
                found.update(data)
                pause(max(0.0, len(data) / bytes_per_second - (time.monotonic() - begun)))
    except FileNotFoundError:
        return True
    except OSError:
        return False


def set_aside(root: Path, digest: bytes) -> None:
    """Keep a damaged file from being served: it is moved where only a repair looks."""
    target = damaged_path(root, digest)
    target.parent.mkdir(exist_ok=True)
    path_of(root, digest).rename(target)
    sync_folder(target.parent)
    sync_folder(path_of(root, digest).parent)


def damaged(root: Path) -> list[bytes]:
    """Return the digests of the blobs that were set aside."""
    folder = root / "damaged"
    return (
        sorted(bytes.fromhex(path.name) for path in folder.iterdir()) if folder.exists() else []
    )


def mend(root: Path, replica: Path, digest: bytes) -> bool:
    """Put a blob that was set aside back from a replica; False when that has no whole copy."""
    copy = root / "incoming" / secrets.token_hex(16)
    found = hashlib.sha256()
    try:
        with path_of(replica, digest).open("rb") as source, copy.open("xb") as target:
            while data := source.read(CHUNK):
                found.update(data)
                target.write(data)
            target.flush()
            os.fsync(target.fileno())
        if found.digest() != digest:
            return False
        path_of(root, digest).parent.mkdir(parents=True, exist_ok=True)
        copy.rename(path_of(root, digest))
        sync_folder(path_of(root, digest).parent)
        damaged_path(root, digest).unlink(missing_ok=True)
    except FileNotFoundError:
        return False
    finally:
        copy.unlink(missing_ok=True)
    return True
