"""Identifiers of C-FIND, C-MOVE and C-GET and other small data sets: bytes to values and back.

Pure. A whole identifier is at most MOST_BYTES long, of MOST_KEYS elements and nested at most
MAX_LEVELS deep; each is checked before a value is read. Text is decoded by the data set's character set.
Source: PS3.5 sections 6.1, 6.2 and 7; PS3.4 C.2.2.2, C.4.1.1.3.1.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass

from pydicom._dicom_dict import DicomDictionary

from confrere.imaging.elements import (
    LONG_FORM,
    UNDEFINED,
    Element,
    Encoding,
    encoding_of,
    name,
    read_header,
    skip_value,
    walk_all,
)
from confrere.imaging.head import Bytes
from confrere.imaging.text import charsets, decode
from confrere.kernel.errors import Invalid

MOST_BYTES = 64 * 1024
MAX_LEVELS = 4  # sequences in sequences: the worklist has three
MOST_KEYS = 1024  # elements and items, sequences' own included: a full worklist query has 100
MOST_ELEMENTS = 100_000  # of what tells instead of asks: steps, commitment
CHARACTER_SET = 0x00080005
UTF_8 = "ISO_IR 192"
_ITEM = 0xFFFEE000
_FOLLOW_THE_SET = frozenset(("LO", "LT", "PN", "SH", "ST", "UC", "UT"))
_NUMBERS = {"US": "H", "SS": "h", "UL": "I", "SL": "i", "FL": "f", "FD": "d"}
_SHORT_MOST = 0xFFFE  # longest even length of the short form
_BINARY = frozenset(("OB", "OD", "OF", "OL", "OV", "OW", "UN", "AT", "SV", "UV"))

_FRAGMENTED = frozenset(("OB", "OW"))

Items = tuple["Identifier", ...]


@dataclass(frozen=True, slots=True)
class Value:
    """One element: text without padding, several values parted by backslashes; or items."""

    vr: str
    text: str = ""
    items: Items = ()


Identifier = Mapping[int, Value]


def vr_of(tag: int) -> str:
    """The value representation of a standard element; UN for all others."""
    known = str(DicomDictionary[tag][0]) if tag in DicomDictionary else "UN"
    return known[:2] if known != "US or SS" else "US"


def parse(
    data: bytes,
    transfer_syntax: str,
    *,
    most: int = MOST_BYTES,
    levels: int = MAX_LEVELS,
    keys: int = MOST_KEYS,
) -> Identifier:
    """Read a whole identifier; raises Invalid on damage, too much of it or a strange charset."""
    if len(data) > most:
        raise Invalid(f"Identifier is longer than {most} bytes: ask for less", "Identifier")
    encoding = encoding_of(transfer_syntax)
    walk_all(Bytes(data, complete=True), 0, len(data), encoding)
    return _Reader(keys).elements(data, encoding, b"", levels)


class _Reader:
    """Reads one identifier, so many elements and items of it at most."""

    def __init__(self, most: int) -> None:
        self._most, self._count = most, 0

    def elements(
        self, data: bytes, encoding: Encoding, charset: bytes, levels: int
    ) -> Identifier:
        source, at, found = Bytes(data, complete=True), 0, dict[int, Value]()
        while at < len(data):
            element = read_header(source, at, encoding)
            if element.tag >> 16 == _ITEM >> 16:  # the delimiter of an item without length
                break
            self._one_more()
            at = skip_value(source, element, encoding)
            vr = element.vr.decode("ascii") or vr_of(element.tag)
            raw = data[element.value : at]
            if element.tag == CHARACTER_SET:
                charset = raw
            if element.tag in found:
                raise Invalid(f"{name(element.tag)} comes twice", name(element.tag))
            if vr in _FRAGMENTED and element.length == UNDEFINED:
                value = Value(vr)
            elif vr == "SQ" or element.length == UNDEFINED:
                value = Value("SQ", items=self._items(raw, element, encoding, charset, levels))
            else:
                value = Value(vr, _text(raw, vr, charset, encoding))
            found[element.tag] = value
        return found

    def _items(
        self, raw: bytes, sequence: Element, encoding: Encoding, charset: bytes, levels: int
    ) -> Items:
        if not levels:
            raise Invalid(f"{name(sequence.tag)} is nested too deep", name(sequence.tag))
        inner = encoding
        if sequence.vr == b"UN":  # PS3.5 6.2.2 note 4
            inner = Encoding(implicit=True)
        source, at, found = Bytes(raw, complete=True), 0, []
        while at < len(raw):
            item = read_header(source, at, inner)
            if item.tag != _ITEM:
                break
            self._one_more()
            body = item.value
            endless = item.length == UNDEFINED
            at = _end_of_item(raw, body, inner) if endless else body + item.length
            found.append(self.elements(raw[body:at], inner, charset, levels - 1))
        return tuple(found)

    def _one_more(self) -> None:
        self._count += 1
        if self._count > self._most:
            raise Invalid(
                f"Identifier has over {self._most} elements: ask for less", "Identifier"
            )


def _end_of_item(raw: bytes, at: int, encoding: Encoding) -> int:
    source = Bytes(raw, complete=True)
    while True:
        element = read_header(source, at, encoding)
        if element.tag >> 16 == _ITEM >> 16:
            return element.value
        at = skip_value(source, element, encoding)


def _text(raw: bytes, vr: str, charset: bytes, encoding: Encoding) -> str:
    if vr in _NUMBERS:
        each = struct.calcsize("=" + _NUMBERS[vr])
        order = ">" if encoding.big else "<"
        count = len(raw) // each
        return "\\".join(
            str(n) for n in struct.unpack_from(f"{order}{count}{_NUMBERS[vr]}", raw)
        )
    if vr in _BINARY:
        return ""
    follows = charsets(charset).codec if vr in _FOLLOW_THE_SET else "iso8859"
    return decode(raw, follows, person=vr == "PN").text


def encode(values: Identifier, transfer_syntax: str, wanted: str = "") -> bytes:
    """Write a data set in tag order, with the character set that its text needs.

    `wanted` is the requester's character set: it is kept when it holds all the text, else
    text is written in UTF-8 (PS3.4 C.4.1.1.3.2 lets the provider choose).
    """
    encoding = encoding_of(transfer_syntax)
    charset, codec = _charset_for(values, wanted)
    whole = dict(values)
    whole.pop(CHARACTER_SET, None)
    if charset:
        whole[CHARACTER_SET] = Value("CS", charset)
    return _written(whole, encoding, codec)


def _charset_for(values: Identifier, wanted: str) -> tuple[str, str]:
    text = "".join(_texts(values))
    if text.isascii():
        return "", "ascii"
    known = charsets(wanted.encode("ascii", "replace"))
    if wanted and "\\" not in wanted and not known.unknown and "2022" not in wanted:
        try:
            text.encode(known.codec)
        except UnicodeError:
            return UTF_8, "utf8"
        return wanted, known.codec
    return UTF_8, "utf8"


def _texts(values: Identifier) -> list[str]:
    found = []
    for value in values.values():
        found.append(value.text)
        for item in value.items:
            found += _texts(item)
    return found


def _written(values: Identifier, encoding: Encoding, codec: str) -> bytes:
    return b"".join(_element(tag, values[tag], encoding, codec) for tag in sorted(values))


def _element(tag: int, value: Value, encoding: Encoding, codec: str) -> bytes:
    order = ">" if encoding.big else "<"
    if value.vr == "SQ":
        bodies = [_written(item, encoding, codec) for item in value.items]
        raw = b"".join(struct.pack(order + "HHI", 0xFFFE, 0xE000, len(b)) + b for b in bodies)
    else:
        raw = _raw(value, order, codec)
    where = struct.pack(order + "HH", tag >> 16, tag & 0xFFFF)
    if encoding.implicit:
        return where + struct.pack(order + "I", len(raw)) + raw
    vr = value.vr.encode("ascii")
    if vr in LONG_FORM:
        return where + vr + struct.pack(order + "HI", 0, len(raw)) + raw
    raw = raw[:_SHORT_MOST]
    return where + vr + struct.pack(order + "H", len(raw)) + raw


def _raw(value: Value, order: str, codec: str) -> bytes:
    if value.vr in _NUMBERS:
        numbers = [
            float(n) if value.vr[0] == "F" else int(n) for n in value.text.split("\\") if n
        ]
        return struct.pack(f"{order}{len(numbers)}{_NUMBERS[value.vr]}", *numbers)
    follows = codec if value.vr in _FOLLOW_THE_SET else "ascii"
    raw = value.text.encode(follows, "replace")
    if len(raw) % 2:
        raw += b"\0" if value.vr == "UI" else b" "
    return raw
