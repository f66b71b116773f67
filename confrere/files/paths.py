"""Where blobs lie in a folder. No string from the wire ever becomes part of a path."""

import os
from pathlib import Path

DAMAGED, SWEPT = "damaged", "swept"  # shelves: out of use, and not gone yet


def path_of(root: Path, digest: bytes) -> Path:
    """The path of a digest: two levels, so that no folder grows past some thousands."""
    name = digest.hex()
    return root / "blobs" / name[:2] / name[2:]


def shelf_path(root: Path, shelf: str, digest: bytes) -> Path:
    """Where a blob lies that is out of use."""
    return root / shelf / digest.hex()


def damaged_path(root: Path, digest: bytes) -> Path:
    """Where a scrub puts a file whose content is not what its name says."""
    return shelf_path(root, DAMAGED, digest)


def name_blob(root: Path, path: Path, digest: bytes) -> None:
    """Give a synced file its name; its folder is the caller's to sync."""
    target = path_of(root, digest)
    if not target.parent.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        sync_folder(target.parent.parent)
    path.rename(target)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
