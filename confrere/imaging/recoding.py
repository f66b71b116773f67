"""An object's data set in the transfer syntax that a peer takes: as stored where that can be."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from tempfile import SpooledTemporaryFile
from threading import BoundedSemaphore
from typing import BinaryIO, cast

import pydicom
from pydicom.filebase import DicomFileLike
from pydicom.filewriter import write_dataset

from confrere.files.folder import BlobStore
from confrere.imaging.coercing import open_sent
from confrere.imaging.model import Instance
from confrere.imaging.part10 import split_part10
from confrere.imaging.plain import IN_MEMORY
from confrere.imaging.syntaxes import EXPLICIT, IMPLICIT, is_video, served
from confrere.imaging.transcoding import decompressed
from confrere.kernel.errors import Invalid

_HEAD = 64 * 1024
# an object is decoded whole in memory: one at a time, however many peers ask
_one_at_a_time = BoundedSemaphore(1)


def choose_sent(stored: str, accepted: Iterable[str]) -> str | None:
    """Pick the syntax to send in: the stored one, else explicit, else implicit little endian.

    None when the peer accepts neither, or when the object is a video, which has no such form.
    """
    able = frozenset(accepted)
    if stored in able:
        return stored
    if is_video(stored):
        return None
    return next((s for s in (EXPLICIT, IMPLICIT) if s in able), None)


def stored_as(instance: Instance) -> str:
    """In which syntax an object can go out without being decoded.

    What a person corrected is written anew, and so in a syntax that is served.
    """
    syntax = instance.transfer_syntax
    return syntax if instance.coerced is None else served(syntax)


@contextmanager
def coded(blobs: BlobStore, instance: Instance, syntax: str) -> Iterator[BinaryIO]:
    """Open the data set in `syntax`: the very bytes that came when it is the stored one.

    Of an object that a person corrected, what was corrected is said instead.

    Raises Invalid when the object can't be decoded or is too large for it.
    """
    if syntax == stored_as(instance):
        opened = blobs.open(instance.digest) if instance.coerced is None else None
        with opened or open_sent(blobs, instance) as stored:
            yield stored
        return
    with SpooledTemporaryFile(IN_MEMORY) as spool:
        target = cast("BinaryIO", spool)
        with _one_at_a_time:
            _recode(blobs, instance, syntax, target)
        yield target


def _recode(blobs: BlobStore, instance: Instance, syntax: str, target: BinaryIO) -> None:
    """Write into `target`, and leave it where the data set begins."""
    target.writelines(decompressed(blobs, instance))
    target.seek(0)
    _, start = split_part10(target.read(_HEAD))
    target.seek(start)
    if syntax == EXPLICIT:
        return
    try:
        data = pydicom.filereader.read_dataset(target, False, True)
        target.seek(0)
        target.truncate()
        written = DicomFileLike(target)
        written.is_implicit_VR = written.is_little_endian = True
        write_dataset(written, data)
    except Exception as error:
        raise Invalid("this object can't be written as implicit little endian") from error
    target.seek(0)
