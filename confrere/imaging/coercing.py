"""Open an object as it goes out: as stored, or with what was corrected said instead.

The corrected form names what it replaces in Original Attributes Sequence (0400,0561), so a
receiver sees what the images said when they came (PS3.3 section C.12.1.1.9).
"""

import copy
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from tempfile import SpooledTemporaryFile
from typing import Any, BinaryIO, cast

from pydicom import Dataset
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.filebase import DicomFileLike
from pydicom.filereader import read_dataset
from pydicom.filewriter import write_dataset
from pydicom.sequence import Sequence

from confrere.files.folder import BlobStore
from confrere.imaging.coercion import left_out
from confrere.imaging.datasets import PIXEL_TAGS
from confrere.imaging.elements import Encoding, encoding_of
from confrere.imaging.model import Instance
from confrere.imaging.plain import CHUNK, IN_MEMORY, open_plain
from confrere.imaging.syntaxes import served
from confrere.kernel.errors import Invalid

ORIGINALS = 0x04000561  # nothing behind it is ever coerced
SYSTEM = "CONFRERE"
UTF_8 = "ISO_IR 192"


@contextmanager
def open_sent(blobs: BlobStore, instance: Instance) -> Iterator[BinaryIO]:
    """Open a data set in `served` syntax, as it goes out. Raises Invalid when it can't be read.

    An object that nobody corrected comes as its very bytes. Of a corrected one the part before
    the pixels is held in memory, and the whole in a temporary file.
    """
    with open_plain(blobs, instance.digest, instance.transfer_syntax) as stream:
        if instance.coerced is None:
            yield stream
            return
        with SpooledTemporaryFile(IN_MEMORY) as spool:
            target = cast("BinaryIO", spool)
            _rewrite(
                stream, target, encoding_of(served(instance.transfer_syntax)), instance.coerced
            )
            target.seek(0)
            yield target


def coerce(data: Dataset, coercion: Mapping[str, Any]) -> None:
    """Say what was corrected in a parsed data set, and what was there before.

    Values beyond the data set's own character set make all of it UTF-8.
    """
    values: dict[str, str | None] = dict(coercion["values"])
    stored = {
        word: str(data.get(word) or "")
        for word in ("PatientID", "IssuerOfPatientID", "AccessionNumber")
    }
    values |= dict.fromkeys(left_out(values, stored))
    before = Dataset()
    for word, value in values.items():
        _say(data, before, word, value)
    if len(before):
        _note(data, before, coercion)


def _say(data: Dataset, before: Dataset, word: str, value: str | None) -> None:
    tag = tag_for_keyword(word)
    if tag is None:
        return
    if tag in data:
        if value is not None and str(data[tag].value or "") == value:
            return
        before[tag] = copy.deepcopy(data[tag])
        del data[tag]
    elif value is None:
        return
    else:  # was not there: an empty one says so
        before[tag] = DataElement(tag, dictionary_VR(tag), "")
    if value is not None:
        data[tag] = DataElement(tag, dictionary_VR(tag), value)


def _note(data: Dataset, before: Dataset, coercion: Mapping[str, Any]) -> None:
    item = Dataset()
    item.ModifiedAttributesSequence = Sequence([before])
    item.AttributeModificationDateTime = datetime.fromisoformat(coercion["at"]).strftime(
        "%Y%m%d%H%M%S+0000"
    )
    item.ModifyingSystem = SYSTEM
    item.SourceOfPreviousValues = coercion["source"]
    item.ReasonForTheAttributeModification = "CORRECT"
    earlier = list(data.OriginalAttributesSequence) if ORIGINALS in data else []
    data.OriginalAttributesSequence = Sequence([*earlier, item])


def _rewrite(
    stream: BinaryIO, target: BinaryIO, encoding: Encoding, coercion: Mapping[str, Any]
) -> None:
    plain = all(value is None or value.isascii() for value in coercion["values"].values())
    try:
        data = _head(stream, encoding, ORIGINALS if plain else None)
        rest = stream.tell()
        if not plain and str(data.get("SpecificCharacterSet") or "") != UTF_8:
            data.decode()
            data.SpecificCharacterSet = UTF_8
        coerce(data, coercion)
        written = DicomFileLike(target)
        written.is_implicit_VR, written.is_little_endian = encoding.implicit, True
        write_dataset(written, data)
    except Exception as error:
        raise Invalid(
            "this object was corrected, and can't be parsed: take the stored one from its sender"
        ) from error
    stream.seek(rest)
    shutil.copyfileobj(stream, target, CHUNK)


def _head(stream: BinaryIO, encoding: Encoding, last: int | None) -> Dataset:
    """Parse up to the pixels, or to what lies behind `last`; the stream is left there."""
    stream.seek(0)
    return read_dataset(
        stream,
        encoding.implicit,
        not encoding.big,
        stop_when=lambda tag, _vr, _length: (
            int(tag) in PIXEL_TAGS or (last is not None and int(tag) > last)
        ),
    )
