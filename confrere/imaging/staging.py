"""Read a file that a person brought into the blob store, and say what it is.

Nothing of it reaches a patient before a person has said whose it is.
"""

import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

from pydicom import dcmread

from confrere.files.folder import BlobStore
from confrere.imaging.examining import examine
from confrere.imaging.head import NeedMore
from confrere.imaging.outside import BAD, SKIPPED, STAGED, said_by
from confrere.imaging.part10 import split_part10
from confrere.kernel.errors import Invalid

CHUNK = 1 << 20
HEAD = 128 << 10
LARGEST_FILE = 4 << 30
MOST_FILES = 100_000
MOST_RATIO = 300  # what a member of a ZIP may grow to, times its packed size, beyond FREE
FREE = 64 << 20
DIRECTORY = "1.2.840.10008.1.3.10"  # Media Storage Directory Storage: a DICOMDIR
LONGEST_PATH = 300
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError)


@dataclass(frozen=True, slots=True)
class Staged:
    """One file read: `named` are the files that it, being a DICOMDIR, says are there."""

    values: dict[str, Any]
    named: tuple[str, ...] = field(default=())


def stage(blobs: BlobStore, stream: BinaryIO) -> Staged:
    """Keep a file's data set durably and describe it; what can't be used says why."""
    try:
        head = stream.read(HEAD)
    except _DAMAGED:
        return _left(BAD, "the ZIP is damaged here")
    try:
        meta, start = split_part10(head)
    except (Invalid, NeedMore):
        return _left(SKIPPED, "not a DICOM file")
    if meta.sop_class == DIRECTORY:
        return Staged(
            {"state": SKIPPED, "reason": "the directory of the medium"}, _named(head, stream)
        )
    kept = _keep(blobs, head[start:], stream)
    if isinstance(kept, str):
        return _left(BAD, kept)
    digest, size = kept
    try:
        found = examine(blobs, digest, meta.transfer_syntax)
    except Invalid as error:
        return Staged(
            {"state": BAD, "reason": str(error)[:300], "digest": digest, "size": size}
        )
    return Staged({
        "state": STAGED, "digest": digest, "size": size, "said": said_by(found),
        "transfer_syntax": meta.transfer_syntax, "study_uid": found.study_instance,
        "sop_uid": found.sop_instance,
    })  # fmt: skip


def _keep(blobs: BlobStore, first: bytes, stream: BinaryIO) -> tuple[bytes, int] | str:
    """Keep a data set durably: its digest and size, or why that can't be."""
    incoming = blobs.begin()
    try:
        incoming.write(first)
        while incoming.size <= LARGEST_FILE and (piece := stream.read(CHUNK)):
            incoming.write(piece)
    except _DAMAGED:
        incoming.discard()
        return "the ZIP is damaged here"
    except BaseException:
        incoming.discard()
        raise
    if incoming.size > LARGEST_FILE:
        incoming.discard()
        return f"it is over {LARGEST_FILE >> 30} GiB"
    return incoming.keep(), incoming.size


def in_zip(stream: BinaryIO, known: frozenset[str]) -> Iterator[tuple[str, BinaryIO | str]]:
    """Walk over a ZIP's files that are not `known`: name, and the open file or why it can't be.

    Names are only shown; nothing is unpacked to a path. Raises Invalid for what is no ZIP.
    """
    try:
        archive = zipfile.ZipFile(stream)
    except (zipfile.BadZipFile, ValueError, OSError):
        raise Invalid("this is no ZIP file, or it is damaged: make it again", "file") from None
    with archive:
        members = [one for one in archive.infolist() if not one.is_dir()]
        if len(members) > MOST_FILES:
            raise Invalid(f"the ZIP has over {MOST_FILES} files: import it in parts", "file")
        for one in members:
            name = shown(one.filename)
            if name in known:
                continue
            if one.file_size > max(FREE, MOST_RATIO * one.compress_size):
                yield name, "it would grow too much when unpacked"
                continue
            try:
                with archive.open(one) as member:
                    yield name, member  # type: ignore[misc]  # reads like any binary file
            except (RuntimeError, NotImplementedError, zipfile.BadZipFile, EOFError):
                yield name, "it is encrypted or damaged in the ZIP"


def in_folder(folder: Path, known: frozenset[str]) -> Iterator[tuple[str, Path]]:
    """Walk over a folder's files that are not `known`; links are not followed."""
    for path in sorted(folder.rglob("*")):
        name = shown(path.relative_to(folder).as_posix())
        if path.is_file() and not path.is_symlink() and name not in known:
            yield name, path


def shown(name: str) -> str:
    """Make a medium's own name of a file fit to be kept and shown."""
    return name.replace("\0", "").strip()[-LONGEST_PATH:] or "(no name)"


def _left(state: str, reason: str) -> Staged:
    return Staged({"state": state, "reason": reason[:300]})


def _named(head: bytes, stream: BinaryIO) -> tuple[str, ...]:
    """The files a DICOMDIR refers to (PS3.3 F.3.2.2), as paths; none where it can't be read."""
    try:
        data = dcmread(BytesIO(head + stream.read(FREE)))
        records = data.get("DirectoryRecordSequence") or []
        ids = [one.get("ReferencedFileID") for one in records]
    except Exception:  # noqa: BLE001 - pydicom raises what the bytes provoke
        return ()
    parts = [[one] if isinstance(one, str) else list(one) for one in ids if one]
    return tuple("/".join(map(str, each)) for each in parts[:MOST_FILES])
