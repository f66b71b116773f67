"""Where blobs lie in a blob folder, and how names become durable there."""

import os
from pathlib import Path


def path_of(root: Path, digest: bytes) -> Path:
    """The path of a digest: two levels, so that no folder grows past some thousands."""
    name = digest.hex()
    return root / "blobs" / name[:2] / name[2:]


def name_blob(root: Path, path: Path, digest: bytes) -> None:
    """Give a synced file its name; its folder is the caller's to sync."""
    target = path_of(root, digest)
    if not target.parent.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        sync_folder(target.parent.parent)
    path.rename(target)


def damaged_path(root: Path, digest: bytes) -> Path:
    """Where a scrub puts a file whose content is not what its name says."""
    return root / "damaged" / digest.hex()


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
