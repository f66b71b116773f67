"""A frame of a large object is one ranged read, once its places were found."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO
from uuid import UUID, uuid4

import pydicom
import pytest
from pydicom.encaps import encapsulate
from pydicom.uid import ExplicitVRLittleEndian

from confrere.files.folder import BlobStore
from confrere.imaging.frames import Frames
from confrere.imaging.model import Instance
from tests.dicomweb import NOW, image

COUNT = 500
RLE = "1.2.840.10008.1.2.5"


class Counted(io.BytesIO):
    reads = 0
    most = 0

    def read(self, size: int | None = -1) -> bytes:
        got = super().read(size)
        Counted.reads += 1
        Counted.most = max(Counted.most, len(got))
        return got


class Watched(BlobStore):
    """A store whose reads are counted."""

    @contextmanager
    def open(self, digest: bytes) -> Iterator[BinaryIO]:
        with super().open(digest) as stream:
            yield Counted(stream.read())


def stored(blobs: BlobStore, syntax: str, pixels: bytes) -> tuple[Instance, list[bytes]]:
    one = image(1, "1.2.3", NumberOfFrames=COUNT)
    one.PixelData = pixels
    frames = [bytes([n % 251]) * 32 for n in range(COUNT)]
    if syntax == RLE:
        one.PixelData = encapsulate(frames, has_bot=False)
        one["PixelData"].is_undefined_length = True
        one["PixelData"].VR = "OB"
    out = io.BytesIO()
    pydicom.dcmwrite(out, one, implicit_vr=False, little_endian=True)
    digest = blobs.put(out.getvalue())
    return Instance(
        id=uuid4(), owner_group=UUID(int=1), study_id=uuid4(), series_id=uuid4(),
        sop_uid="1.2.3", sop_class="", number=1, rows=4, columns=4, frames=COUNT,
        transfer_syntax=syntax, digest=digest, size=len(out.getvalue()), received_at=NOW,
    ), frames  # type: ignore[call-arg, arg-type]  # fmt: skip


@pytest.mark.parametrize("syntax", [str(ExplicitVRLittleEndian), RLE])
def test_a_frame_is_one_read_of_its_own_bytes(tmp_path: Path, syntax: str) -> None:
    read = Frames(Watched(tmp_path))
    frames = [bytes([n % 251]) * 32 for n in range(COUNT)]
    instance, _ = stored(BlobStore(tmp_path), syntax, b"".join(frames))
    assert read.stored(instance, 1) == frames[0]
    for number in (COUNT, 250, 2):
        Counted.reads = Counted.most = 0
        assert read.stored(instance, number) == frames[number - 1]
        assert (Counted.reads, Counted.most) == (1, 32)
