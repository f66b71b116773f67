"""Rewrite an object as explicit little endian, uncompressed, for clients that ask for it."""

from collections.abc import Iterator
from io import BytesIO
from typing import BinaryIO

import pydicom
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian

from confrere.files.folder import BlobStore
from confrere.imaging.coercing import open_sent
from confrere.imaging.elements import encoding_of
from confrere.imaging.fenced import SHARED, WHOLE, Job
from confrere.imaging.layout import size_of
from confrere.imaging.model import Instance
from confrere.imaging.plain import CHUNK
from confrere.imaging.syntaxes import NATIVE, is_video, served
from confrere.kernel.errors import Invalid

LARGEST = 512 << 20  # bytes of pixels, decompressed


def decompressed(blobs: BlobStore, instance: Instance) -> Iterator[bytes]:
    """Yield the object as a file (PS3.10); raises Invalid before the first piece.

    Colours come as RGB. Read whole into memory, so refused above LARGEST.
    """
    syntax = served(instance.transfer_syntax)
    if is_video(syntax):
        raise Invalid("video can't be sent uncompressed: accept transfer-syntax=*")
    with open_sent(blobs, instance) as stream:
        if size_of(stream) > LARGEST:
            raise Invalid("this object is too large to be sent uncompressed: ask by frame")
        stream.seek(0)
        made = SHARED.run(Job(WHOLE, b"", stream.read(), syntax))
    for at in range(0, len(made), CHUNK):
        yield made[at : at + CHUNK]


def undone(content: bytes, syntax: str) -> bytes:
    """Rewrite a data set as a file; decodes here, so only behind the fence. Raises Invalid."""
    target = BytesIO()
    _write(_read(BytesIO(content), syntax), syntax, target)
    return target.getvalue()


def _read(stream: BinaryIO, syntax: str) -> Dataset:
    encoding = encoding_of(syntax)
    try:
        data = pydicom.filereader.read_dataset(stream, encoding.implicit, not encoding.big)
    except Exception as error:
        raise Invalid("the data set can't be parsed: have the object sent again") from error
    pixels = (int(data.get(keyword) or 1) for keyword in ("Rows", "Columns", "NumberOfFrames"))
    size = int(data.get("SamplesPerPixel") or 1) * int(data.get("BitsAllocated") or 8) // 8
    for one in pixels:
        size *= one
    if size > LARGEST:
        raise Invalid("this object is too large to be sent uncompressed: ask by frame")
    return data


def _write(data: Dataset, syntax: str, target: BinaryIO) -> None:
    data.file_meta = FileMetaDataset()
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
    data.file_meta.TransferSyntaxUID = UID(syntax)
    try:
        if syntax not in NATIVE and "PixelData" in data:
            data.decompress(generate_instance_uid=False)
        data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        data.save_as(target, implicit_vr=False, little_endian=True, enforce_file_format=True)
    except Exception as error:
        raise Invalid("this object can't be decoded: accept transfer-syntax=*") from error
