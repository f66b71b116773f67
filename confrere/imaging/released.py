"""One stored instance made into a de-identified file, or held with reasons.

`examine` says what a person must look at; `de_identified` makes the file once that is settled.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pydicom
from pydicom import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import correct_ambiguous_vr, write_dataset

import confrere.imaging.datasets  # noqa: F401 - keeps pydicom from quoting values
from confrere.files.folder import BlobStore
from confrere.imaging.blackout import blackout, drop_hidden_bits
from confrere.imaging.coercing import coerce
from confrere.imaging.confidentiality import Options
from confrere.imaging.deidentifying import deidentify, patient_of
from confrere.imaging.elements import encoding_of
from confrere.imaging.part10 import part10_prefix
from confrere.imaging.plain import open_plain
from confrere.imaging.pseudonyms import Pseudonyms
from confrere.imaging.risks import Box, Risk, has_pixels, known_boxes, risks
from confrere.imaging.syntaxes import EXPLICIT, NATIVE, served
from confrere.kernel.errors import Invalid

LARGEST = 1 << 30  # bytes of one object that are read into memory


@dataclass(frozen=True, slots=True)
class Made:
    """A de-identified file, its new UIDs and how many attributes each action took."""

    content: bytes
    study_uid: str
    series_uid: str
    sop_uid: str
    subject: str
    actions: Counter[str]
    blacked_out: int


def read_whole(
    blobs: BlobStore, digest: bytes, syntax: str, coerced: Mapping[str, Any] | None = None
) -> Dataset:
    """Read a stored data set with its pixels, as corrected; raises Invalid."""
    encoding = encoding_of(served(syntax))
    with open_plain(blobs, digest, syntax) as stream:
        stream.seek(0, 2)
        if stream.tell() > LARGEST:
            raise Invalid("this object is too large to be de-identified here", "PixelData")
        stream.seek(0)
        try:
            data = pydicom.filereader.read_dataset(stream, encoding.implicit, not encoding.big)
            if coerced is not None:
                coerce(data, coerced)
        except Exception as error:
            raise Invalid("the data set can't be parsed; leave this object out") from error
    return data


def examine(data: Dataset, options: Options, syntax: str) -> tuple[Risk, ...]:
    """Say why a person must look first; an object that can't be read is a risk itself."""
    return risks(data, options, served(syntax))


def de_identified(
    data: Dataset, syntax: str, options: Options, key: bytes, *,
    boxes: Sequence[Box] = (), reviewed: bool = False,
) -> Made:  # fmt: skip
    """Make the file of one data set, which is used up; raises Invalid.

    `boxes` are a person's; those known by the device are blacked out as well. `reviewed` says
    that a person saw the picture: only then, or where boxes were known, may the file say that
    nothing is burned in (PS3.15 E.3.1).
    """
    names = Pseudonyms(key, patient_of(data))
    syntax = served(syntax)
    all_boxes = (*(known_boxes(data) if options.pixels and has_pixels(data) else ()), *boxes)
    if "PixelData" in data and drop_hidden_bits(data, syntax) is False:
        _refuse_hidden(data, syntax)
    syntax = blackout(data, syntax, all_boxes)
    try:
        actions = deidentify(data, options, names)
    except Exception as error:
        raise Invalid("an attribute can't be decoded; leave this object out") from error
    if has_pixels(data) and options.pixels and (reviewed or all_boxes):
        data.BurnedInAnnotation = "NO"
    if options.faces and reviewed and has_pixels(data):
        data.RecognizableVisualFeatures = "NO"
    return Made(
        _file(data, syntax), str(data.get("StudyInstanceUID") or ""),
        str(data.get("SeriesInstanceUID") or ""), str(data.get("SOPInstanceUID") or ""),
        names.subject, actions, len(all_boxes),
    )  # fmt: skip


def _refuse_hidden(data: Dataset, syntax: str) -> None:
    """Refuse compressed pixels with an overlay in their unused bits: no viewer shows them."""
    if syntax in NATIVE:
        return
    for group in range(0x6000, 0x6020, 2):
        position = data.get((group, 0x0102))
        if position is not None and position.value and (group, 0x3000) not in data:
            raise Invalid(
                "an overlay hides in compressed pixels: reject this object", "Overlay"
            )


def _file(data: Dataset, syntax: str) -> bytes:
    """Write with a preamble of zeros and a file meta group of our own (PS3.10 7.1)."""
    stored = EXPLICIT if syntax in NATIVE else syntax
    out = DicomBytesIO()
    out.is_implicit_VR, out.is_little_endian = False, True
    sop_class, sop_uid = (
        str(data.get("SOPClassUID") or ""),
        str(data.get("SOPInstanceUID") or ""),
    )
    if not sop_class or not sop_uid:
        raise Invalid("the object lacks its SOP class or instance UID; leave it out")
    try:
        write_dataset(out, correct_ambiguous_vr(data, is_little_endian=True))
    except Exception as error:
        raise Invalid("the cleaned object can't be written; leave it out") from error
    return part10_prefix(sop_class, sop_uid, stored, "") + out.getvalue()
