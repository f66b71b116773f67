"""The index values at the head of a data set, by a struct walk; no pixel is touched.

Strict where identity hangs on it (the four UIDs), tolerant elsewhere: what breaks a rule is
kept as well as can be and reported as a Problem.
"""

import re
from dataclasses import dataclass
from typing import Final, Literal

from confrere.imaging.elements import (
    UNDEFINED,
    Element,
    encoding_of,
    hop,
    name,
    read_header,
    skip_value,
)
from confrere.imaging.text import charsets, decode
from confrere.imaging.whole import check_whole
from confrere.kernel.errors import Invalid

_MAX_UID = 64
_LONGEST_TEXT = 1024  # bytes of one value that are read; the longest VR here has 64 characters
_UID = re.compile(r"[0-9]+(?:\.[0-9]+)*")
_DATE = re.compile(r"\d{8}")
_TIME = re.compile(r"\d{2}(?:\d{2}(?:\d{2}(?:\.\d{1,6})?)?)?")


class NeedMore(Exception):
    """The bytes given end before the head does: hand over a longer head."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One value that breaks a rule but does not stop filing; the message quotes no value."""

    field: str
    message: str


@dataclass(frozen=True, slots=True)
class Head:
    """Index values of one instance; texts are decoded and without padding, empty when absent.

    Dates are DA (YYYYMMDD), times TM (HHMMSS.FFFFFF, local to `timezone_offset`), the name is PN
    (PS3.5 6.2).
    """

    sop_class: str
    sop_instance: str
    study_instance: str
    series_instance: str
    character_set: str = ""
    timezone_offset: str = ""
    study_date: str = ""
    series_date: str = ""
    acquisition_date: str = ""
    content_date: str = ""
    study_time: str = ""
    series_time: str = ""
    acquisition_time: str = ""
    content_time: str = ""
    accession_number: str = ""
    modality: str = ""
    manufacturer: str = ""
    institution: str = ""
    referring_physician: str = ""
    study_description: str = ""
    series_description: str = ""
    patient_name: str = ""
    patient_id: str = ""
    patient_id_issuer: str = ""
    birth_date: str = ""
    sex: str = ""
    body_part: str = ""
    study_id: str = ""
    series_number: int | None = None
    instance_number: int | None = None
    frames: int | None = None
    rows: int | None = None
    columns: int | None = None
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class _Wanted:
    attribute: str  # of Head
    keyword: str  # of the standard, for messages
    vr: str
    longest: int = 64  # characters (PS3.5 table 6.2-1)


_WANTED: Final[dict[int, _Wanted]] = {
    0x00080005: _Wanted("character_set", "SpecificCharacterSet", "CS", 256),
    0x00080016: _Wanted("sop_class", "SOPClassUID", "UI"),
    0x00080018: _Wanted("sop_instance", "SOPInstanceUID", "UI"),
    0x00080020: _Wanted("study_date", "StudyDate", "DA"),
    0x00080021: _Wanted("series_date", "SeriesDate", "DA"),
    0x00080022: _Wanted("acquisition_date", "AcquisitionDate", "DA"),
    0x00080023: _Wanted("content_date", "ContentDate", "DA"),
    0x00080030: _Wanted("study_time", "StudyTime", "TM"),
    0x00080031: _Wanted("series_time", "SeriesTime", "TM"),
    0x00080032: _Wanted("acquisition_time", "AcquisitionTime", "TM"),
    0x00080033: _Wanted("content_time", "ContentTime", "TM"),
    0x00080050: _Wanted("accession_number", "AccessionNumber", "SH", 16),
    0x00080060: _Wanted("modality", "Modality", "CS", 16),
    0x00080070: _Wanted("manufacturer", "Manufacturer", "LO"),
    0x00080080: _Wanted("institution", "InstitutionName", "LO"),
    0x00080090: _Wanted("referring_physician", "ReferringPhysicianName", "PN", 194),
    0x00080201: _Wanted("timezone_offset", "TimezoneOffsetFromUTC", "SH", 16),
    0x00081030: _Wanted("study_description", "StudyDescription", "LO"),
    0x0008103E: _Wanted("series_description", "SeriesDescription", "LO"),
    0x00100010: _Wanted("patient_name", "PatientName", "PN", 194),
    0x00100020: _Wanted("patient_id", "PatientID", "LO"),
    0x00100021: _Wanted("patient_id_issuer", "IssuerOfPatientID", "LO"),
    0x00100030: _Wanted("birth_date", "PatientBirthDate", "DA"),
    0x00100040: _Wanted("sex", "PatientSex", "CS", 16),
    0x00180015: _Wanted("body_part", "BodyPartExamined", "CS", 16),
    0x0020000D: _Wanted("study_instance", "StudyInstanceUID", "UI"),
    0x0020000E: _Wanted("series_instance", "SeriesInstanceUID", "UI"),
    0x00200010: _Wanted("study_id", "StudyID", "SH", 16),
    0x00200011: _Wanted("series_number", "SeriesNumber", "IS"),
    0x00200013: _Wanted("instance_number", "InstanceNumber", "IS"),
    0x00280008: _Wanted("frames", "NumberOfFrames", "IS"),
    0x00280010: _Wanted("rows", "Rows", "US"),
    0x00280011: _Wanted("columns", "Columns", "US"),
}


class Bytes:
    """Bytes in memory as a source to walk over; `complete` when no more follow."""

    def __init__(self, data: bytes | bytearray | memoryview, *, complete: bool) -> None:
        self._data = data
        self._complete = complete

    def at(self, position: int, count: int) -> tuple[bytes | bytearray | memoryview, int]:
        """Return the bytes and `position`, if so many are there."""
        self.beyond(position + count, 0)
        return self._data, position

    def beyond(self, position: int, field: int) -> None:
        """Raise NeedMore, or Invalid when no more will come."""
        if position <= len(self._data):
            return
        if not self._complete:
            raise NeedMore
        where = name(field) if field else "DataSet"
        raise Invalid(f"Data set is cut short within {where}: send it again", where)

    def ended(self, position: int) -> bool:
        """Whether `position` is the last one and no more bytes follow."""
        return self._complete and position == len(self._data)


def read_head(
    data: bytes | bytearray | memoryview, transfer_syntax: str, *, complete: bool = False
) -> Head:
    """Read the index values from the first bytes of a data set, without file meta.

    16 KiB nearly always do. Raises NeedMore when they do not (unless `complete`: then what is
    missing is an error), Invalid when the head is damaged, nested too deep, or lacks one of its
    four UIDs.
    """
    return _walk(data, transfer_syntax, complete=complete)[0]


def read_whole(data: bytes | bytearray | memoryview, transfer_syntax: str) -> Head:
    """Read the index values of a whole data set and check it to its end, in one walk.

    Raises Invalid as `read_head` and `whole.check_whole` do.
    """
    head, at = _walk(data, transfer_syntax, complete=True)
    if at < len(data):
        check_whole(data, transfer_syntax, at)
    return head


def _walk(
    data: bytes | bytearray | memoryview, transfer_syntax: str, *, complete: bool
) -> tuple[Head, int]:
    """Read the head; also tell where the walk ended, at an element or at the end."""
    encoding = encoding_of(transfer_syntax)
    source = Bytes(data, complete=complete)
    kept = _Kept(data)
    at = 0
    while not source.ended(at := hop(data, at, len(data), encoding, kept)):
        element = read_header(source, at, encoding)
        if element.tag >= kept.stop:
            break
        at = skip_value(source, element, encoding)
        if element.tag in kept.want:
            kept.refuse_sequence(element)
            kept.keep(element.tag, element.value, at)
    return _head(kept.raw, "big" if encoding.big else "little"), at


def refuse_other(head: Head, sop_class: str, sop_instance: str) -> None:
    """Raise Invalid when a data set is not the instance that its C-STORE command announced."""
    for announced, found, keyword in (
        (sop_class, head.sop_class, "AffectedSOPClassUID"),
        (sop_instance, head.sop_instance, "AffectedSOPInstanceUID"),
    ):
        if announced != found:
            raise Invalid(f"{keyword} differs from the data set: send both alike", keyword)


class _Kept:
    """The raw wanted values, as the walk comes by them."""

    want = frozenset(_WANTED)
    stop = 0x00280012  # first tag after the last wanted one

    def __init__(self, data: bytes | bytearray | memoryview) -> None:
        self.raw: dict[int, bytes] = {}
        self._data = data

    def keep(self, tag: int, begin: int, end: int) -> None:
        """Take one value; raises Invalid for a second one, which readers would disagree on."""
        if tag in self.raw:
            keyword = _WANTED[tag].keyword
            raise Invalid(f"{keyword} stands twice: send it once", keyword)
        self.raw[tag] = bytes(self._data[begin : min(end, begin + _LONGEST_TEXT)])

    def refuse_sequence(self, element: Element) -> None:
        """Raise Invalid where a wanted element nests instead of having a value."""
        if element.length == UNDEFINED or element.vr == b"SQ":
            keyword = _WANTED[element.tag].keyword
            raise Invalid(f"{keyword} is a sequence: send it as a value", keyword)


def _head(raw: dict[int, bytes], order: Literal["big", "little"]) -> Head:
    problems: list[Problem] = []
    encodings = charsets(raw.get(0x00080005, b""))
    if encodings.unknown:
        problems.append(Problem("SpecificCharacterSet", "is unknown; read as Latin-1"))
    texts: dict[str, str] = {}
    numbers: dict[str, int | None] = {}
    for tag, wanted in _WANTED.items():
        value = raw.get(tag, b"")
        if not value and wanted.vr != "UI":
            continue
        if wanted.vr == "US":
            numbers[wanted.attribute] = _unsigned(value, wanted, order)
        elif wanted.vr == "IS":
            numbers[wanted.attribute] = _integer(value, wanted, problems)
        elif wanted.vr == "UI":
            texts[wanted.attribute] = _uid(value, wanted)
        else:
            read = decode(value, encodings.of(wanted.vr), person=wanted.vr == "PN")
            problems += [Problem(wanted.keyword, said) for said in read.problems]
            problems += _breaches(read.text, wanted)
            texts[wanted.attribute] = read.text
    return Head(**texts, **numbers, problems=tuple(problems))  # type: ignore[arg-type]


def _uid(value: bytes, wanted: _Wanted) -> str:
    """One trailing NUL or spaces are padding (PS3.5 9.1); anything else odd is refused."""
    text = value.decode("latin-1").removesuffix("\0").rstrip(" ")
    if not text:
        raise Invalid(f"{wanted.keyword} is missing: send it", wanted.keyword)
    if len(text) > _MAX_UID or _UID.fullmatch(text) is None:
        message = f"{wanted.keyword} must be digits and dots, at most 64: send such a one"
        raise Invalid(message, wanted.keyword)
    return text


def _unsigned(value: bytes, wanted: _Wanted, order: Literal["big", "little"]) -> int:
    if len(value) != 2:  # noqa: PLR2004 - bytes of an US value
        message = f"{wanted.keyword} must be one 16-bit number: send it as US"
        raise Invalid(message, wanted.keyword)
    return int.from_bytes(value, order)


def _integer(value: bytes, wanted: _Wanted, problems: list[Problem]) -> int | None:
    text = value.decode("latin-1").strip(" \0")
    if not text:
        return None
    if re.fullmatch(r"[+-]?[0-9]{1,11}", text) and -(2**31) <= int(text) < 2**31:
        return int(text)
    problems.append(Problem(wanted.keyword, "is not a whole number of 32 bits; left out"))
    return None


def _breaches(text: str, wanted: _Wanted) -> list[Problem]:
    if len(text) > wanted.longest:
        return [Problem(wanted.keyword, f"is longer than {wanted.longest} characters")]
    if wanted.vr == "DA" and text and _DATE.fullmatch(text) is None:
        return [Problem(wanted.keyword, "is not a date YYYYMMDD")]
    if wanted.vr == "TM" and text and _TIME.fullmatch(text) is None:
        return [Problem(wanted.keyword, "is not a time HHMMSS.FFFFFF")]
    return []
