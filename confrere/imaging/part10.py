"""DICOM files (PS3.10 section 7.1): the part before the data set, read and written."""

import struct
from dataclasses import dataclass

from confrere.imaging.elements import Encoding, read_header
from confrere.imaging.head import Bytes, NeedMore
from confrere.kernel.errors import Invalid

# 2.25 + UUID as a decimal (PS3.5 B.2); constant, so that peers can recognise this software.
IMPLEMENTATION_CLASS = "2.25.69212606198204530632723077196991115333"
IMPLEMENTATION_VERSION = "CONFRERE_1"

_PREAMBLE = 128
_MAGIC = b"DICM"
_META_GROUP = 2
_MAX_META = 64 * 1024  # bytes; a real one has a few hundred
_TEXTS = frozenset((0x02, 0x03, 0x10, 0x16))  # elements of group 0002 that FileMeta shows
_EXPLICIT_LITTLE = Encoding(implicit=False)


@dataclass(frozen=True, slots=True)
class FileMeta:
    """What the file meta information says; empty where it says nothing."""

    sop_class: str
    sop_instance: str
    transfer_syntax: str
    source_aet: str


def split_part10(head: bytes) -> tuple[FileMeta, int]:
    """Read the preamble and file meta information; also where the data set begins.

    The group length is not trusted: the group's elements are walked. The preamble's content is
    ignored (it can be an executable: CVE-2019-11687). Raises Invalid when this is no DICOM file,
    NeedMore when `head` ends within the group.
    """
    if len(head) < _PREAMBLE + len(_MAGIC):
        raise NeedMore
    if head[_PREAMBLE : _PREAMBLE + 4] != _MAGIC:
        raise Invalid("This is no DICOM file: bytes 128 to 131 are not DICM", "Preamble")
    values: dict[int, str] = {}
    source = Bytes(head[: _MAX_META + _PREAMBLE], complete=len(head) > _MAX_META + _PREAMBLE)
    at = _PREAMBLE + len(_MAGIC)
    while not source.ended(at):
        if int.from_bytes(source.at(at, 2)[0][at : at + 2], "little") != _META_GROUP:
            break
        element = read_header(source, at, _EXPLICIT_LITTLE)
        at = element.value + element.length
        source.beyond(at, element.tag)
        if (number := element.tag & 0xFFFF) in _TEXTS:
            values[number] = head[element.value : at].decode("latin-1").strip(" \0")
    meta = FileMeta(
        sop_class=values.get(0x02, ""),
        sop_instance=values.get(0x03, ""),
        transfer_syntax=values.get(0x10, ""),
        source_aet=values.get(0x16, ""),
    )
    if not meta.transfer_syntax:
        raise Invalid("File says no transfer syntax: write it again", "TransferSyntaxUID")
    return meta, at


def part10_prefix(
    sop_class: str,
    sop_instance: str,
    transfer_syntax: str,
    source_aet: str,
) -> bytes:
    """Build what stands before a data set in a file: zero preamble, DICM, group 0002."""
    group = b"".join(
        (
            struct.pack("<HH2sHI", 2, 0x01, b"OB", 0, 2) + b"\0\1",
            _element(0x02, b"UI", sop_class),
            _element(0x03, b"UI", sop_instance),
            _element(0x10, b"UI", transfer_syntax),
            _element(0x12, b"UI", IMPLEMENTATION_CLASS),
            _element(0x13, b"SH", IMPLEMENTATION_VERSION),
            _element(0x16, b"AE", source_aet) if source_aet else b"",
        )
    )
    length = struct.pack("<HH2sHI", 2, 0, b"UL", 4, len(group))
    return bytes(_PREAMBLE) + _MAGIC + length + group


def _element(number: int, vr: bytes, text: str) -> bytes:
    value = text.encode("ascii")
    if len(value) % 2:
        value += b"\0" if vr == b"UI" else b" "
    return struct.pack("<HH2sH", 2, number, vr, len(value)) + value
