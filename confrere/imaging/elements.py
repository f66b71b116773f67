"""Bounded walk over DICOM elements without a DICOM toolkit (PS3.5 section 7). Pure.

Nothing is recursed into by the interpreter: nesting is an explicit stack of at most MAX_DEPTH
sequences. Lengths are checked against what is there before anything is read.
"""

from dataclasses import dataclass
from functools import lru_cache
from struct import Struct
from typing import Protocol

from pydicom._dicom_dict import DicomDictionary

from confrere.kernel.errors import Invalid

MAX_DEPTH = 64
UNDEFINED = 0xFFFFFFFF
PIXEL_DATA = 0x7FE00010
_ITEMS_GROUP = 0xFFFE  # items and delimiters
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_HEADER, _EXTRA = 8, 4  # bytes of an element's header, and of the long form's length after it
LONG_FORM = frozenset(
    (b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV")
)
_SHORT = frozenset(
    (b"AE", b"AS", b"AT", b"CS", b"DA", b"DS", b"DT", b"FD", b"FL", b"IS", b"LO", b"LT", b"PN")
) | frozenset((b"SH", b"SL", b"SS", b"ST", b"TM", b"UI", b"UL", b"US"))


@dataclass(frozen=True, slots=True)
class Encoding:
    """How elements are written: VR implied by the tag or spelt out, which byte first."""

    implicit: bool
    big: bool = False


IMPLICIT_LITTLE = Encoding(implicit=True)


def encoding_of(transfer_syntax: str) -> Encoding:
    """Find the encoding of a transfer syntax; compressed ones are explicit little (PS3.5 A.4).

    Raises Invalid for the deflated syntax, whose bytes are not elements until inflated.
    """
    if transfer_syntax == "1.2.840.10008.1.2.1.99":
        message = "Transfer syntax is deflated: send it as explicit VR little endian"
        raise Invalid(message, "TransferSyntaxUID")
    if transfer_syntax == "1.2.840.10008.1.2":
        return IMPLICIT_LITTLE
    return Encoding(implicit=False, big=transfer_syntax == "1.2.840.10008.1.2.2")


class Source(Protocol):
    """Bytes to walk over."""

    def at(self, position: int, count: int) -> tuple[bytes | bytearray | memoryview, int]:
        """Return a block holding `count` bytes from `position` on, and where in it they start.

        Raises what fits when they are not there.
        """

    def beyond(self, position: int, field: int) -> None:
        """Raise what fits when `position` lies past the last byte."""


@dataclass(frozen=True, slots=True)
class Element:
    """One element's header; `value` is where its value begins."""

    tag: int
    vr: bytes  # empty when implicit
    value: int
    length: int


class Seen(Protocol):
    """Who looks at the values that a walk hops over."""

    want: frozenset[int]
    stop: int  # the walk ends before the first tag that is not less

    def keep(self, tag: int, begin: int, end: int) -> None:
        """Take one wanted value, `block[begin:end]`."""


class _Structs:
    def __init__(self, order: str) -> None:
        self.tag_vr = Struct(order + "HH2sH").unpack_from
        self.tag_length = Struct(order + "HHI").unpack_from
        self.length = Struct(order + "I").unpack_from


_LITTLE, _BIG = _Structs("<"), _Structs(">")


def read_header(source: Source, at: int, encoding: Encoding) -> Element:
    """Read one element's or item's header; raises Invalid where no known VR stands."""
    structs = _BIG if encoding.big else _LITTLE
    block, p = source.at(at, _HEADER)
    if encoding.implicit:
        group, element, length = structs.tag_length(block, p)
        return Element(group << 16 | element, b"", at + _HEADER, length)
    group, element, vr, length = structs.tag_vr(block, p)
    tag = group << 16 | element
    if vr in _SHORT:
        return Element(tag, vr, at + _HEADER, length)
    if group == _ITEMS_GROUP:  # has no VR in any syntax (PS3.5 7.5)
        return Element(tag, b"", at + _HEADER, structs.length(block, p + 4)[0])
    if vr not in LONG_FORM:
        message = (
            f"Element {name(tag)} has no known value representation: send it as explicit VR"
        )
        raise Invalid(message, name(tag))
    block, p = source.at(at + _HEADER, _EXTRA)
    return Element(tag, vr, at + _HEADER + _EXTRA, structs.length(block, p)[0])


def hop(
    block: bytes | bytearray | memoryview,
    at: int,
    limit: int,
    encoding: Encoding,
    seen: Seen | None = None,
) -> int:
    """Hop over the plain elements that lie whole in `block` between `at` and `limit`.

    The fast path of every walk: stops, without judging, at the first element that nests, has a
    long header, does not fit, or that `seen` wants to stop at.
    """
    structs = _BIG if encoding.big else _LITTLE
    implicit, sequences = encoding.implicit, _sequences()
    want, stop = (seen.want, seen.stop) if seen is not None else (frozenset[int](), 1 << 32)
    while at + _HEADER <= limit:
        if implicit:
            group, element, length = structs.tag_length(block, at)
        else:
            group, element, vr, length = structs.tag_vr(block, at)
            if vr not in _SHORT:
                return at
        tag = group << 16 | element
        after = at + _HEADER + length
        if (
            after > limit
            or tag >= stop
            or (implicit and (group == _ITEMS_GROUP or tag in sequences))
        ):
            return at
        if tag in want and seen is not None:
            seen.keep(tag, at + _HEADER, after)
        at = after
    return at


def name(tag: int) -> str:
    """Write a tag as people do: (7FE0,0010)."""
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X})"


_ELEMENTS, _ITEMS, _FRAGMENTS = range(3)


@dataclass(slots=True)
class _Frame:
    kind: int
    end: int | None  # None: until the delimiter
    encoding: Encoding
    field: int  # the tag to blame


def skip_value(source: Source, element: Element, encoding: Encoding) -> int:
    """Where the next element begins, after walking through what is nested in this one."""
    frame = _nested(element, encoding)
    if frame is None:
        after = element.value + element.length
        source.beyond(after, element.tag)
        return after
    return _walk(source, element.value, [frame])


def walk_all(source: Source, start: int, size: int, encoding: Encoding) -> None:
    """Walk over all elements from `start` to `size`; raises Invalid on what does not fit."""
    _walk(source, start, [_Frame(_ELEMENTS, size, encoding, 0)])


def _nested(element: Element, encoding: Encoding) -> _Frame | None:
    """Find the frame that an element's value opens, or None when it is to be hopped over.

    UN of defined length is opaque; of undefined length it holds implicit little endian items
    (PS3.5 6.2.2 note 4).
    """
    undefined = element.length == UNDEFINED
    end = None if undefined else element.value + element.length
    tag, vr = element.tag, element.vr
    if vr == b"SQ" or (not vr and (tag in _sequences() or (undefined and tag != PIXEL_DATA))):
        return _Frame(_ITEMS, end, encoding, tag)
    if not undefined:
        return None
    if vr == b"UN":
        return _Frame(_ITEMS, None, IMPLICIT_LITTLE, tag)
    if vr in {b"OB", b"OW"} or not vr:
        return _Frame(_FRAGMENTS, None, encoding, tag)
    raise Invalid(f"Element {name(tag)} has no length: send it with one", name(tag))


@lru_cache(maxsize=1)
def _sequences() -> frozenset[int]:
    return frozenset(tag for tag, entry in DicomDictionary.items() if entry[0] == "SQ")


def _walk(source: Source, at: int, stack: list[_Frame]) -> int:
    """Walk until the stack is empty; returns where that is."""
    while stack:
        top = stack[-1]
        if top.end is not None and at >= top.end:
            if at > top.end:
                raise _broken(top.field, "is longer than what holds it")
            stack.pop()
            continue
        if top.kind == _ELEMENTS:
            block, p = source.at(at, _HEADER)
            limit = len(block) if top.end is None else min(len(block), p + top.end - at)
            hopped = hop(block, p, limit, top.encoding) - p
            if hopped:
                at += hopped
                continue
        element = read_header(source, at, top.encoding)
        if top.kind == _ELEMENTS:
            at = _step_element(source, element, stack)
        else:
            at = _step_item(source, element, stack)
        if len(stack) > 2 * MAX_DEPTH + 1:
            raise _broken(top.field, f"is nested more than {MAX_DEPTH} deep")
    return at


def _step_element(source: Source, element: Element, stack: list[_Frame]) -> int:
    top = stack[-1]
    if element.tag == _ITEM_END and top.end is None:
        stack.pop()
        return element.value
    if element.tag >> 16 == _ITEMS_GROUP:
        raise _broken(top.field or element.tag, "has an item where an element belongs")
    frame = _nested(element, top.encoding)
    if frame is not None:
        if frame.end is not None:
            source.beyond(frame.end, element.tag)
        stack.append(frame)
        return element.value
    after = element.value + element.length
    source.beyond(after, element.tag)
    return after


def _step_item(source: Source, item: Element, stack: list[_Frame]) -> int:
    top = stack[-1]
    if item.tag == _SEQUENCE_END and top.end is None:
        stack.pop()
        return item.value
    if item.tag != _ITEM:
        raise _broken(top.field, "has an element where an item belongs")
    undefined = item.length == UNDEFINED
    after = item.value + item.length
    if top.kind == _FRAGMENTS:
        if undefined:
            raise _broken(top.field, "has a fragment without length")
        source.beyond(after, top.field)
        return after
    if not undefined:
        source.beyond(after, top.field)
    stack.append(_Frame(_ELEMENTS, None if undefined else after, top.encoding, top.field))
    return item.value


def _broken(tag: int, what: str) -> Invalid:
    return Invalid(
        f"Element {name(tag)} {what}: the data set is damaged, send it again", name(tag)
    )
