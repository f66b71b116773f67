"""Walk a stored data set's elements, reading their headers only."""

import os
from collections.abc import Iterator
from typing import BinaryIO

from confrere.imaging.elements import Element, Encoding, name, read_header, skip_value
from confrere.imaging.whole import Hopper
from confrere.kernel.errors import Invalid

ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD


def size_of(stream: BinaryIO) -> int:
    """Return the stream's length."""
    return stream.seek(0, os.SEEK_END)


def element_at(stream: BinaryIO, at: int, encoding: Encoding) -> Element | None:
    """Read the header at a place; None at the end."""
    size = size_of(stream)
    return read_header(Hopper(stream, size), at, encoding) if at < size else None


def walk(stream: BinaryIO, encoding: Encoding) -> Iterator[Element]:
    """Yield the top-level elements; raises Invalid on what can't be read.

    The caller may read values from the stream in between.
    """
    size = size_of(stream)
    source = Hopper(stream, size)
    at = 0
    while at < size:
        element = read_header(source, at, encoding)
        yield element
        at = skip_value(source, element, encoding)


def fragments(stream: BinaryIO, element: Element, encoding: Encoding) -> Iterator[Element]:
    """Yield the items of encapsulated pixel data, the offset table first (PS3.5 A.4)."""
    source = Hopper(stream, size_of(stream))
    at = element.value
    while (item := read_header(source, at, encoding)).tag != SEQUENCE_END:
        if item.tag != ITEM:
            where = name(element.tag)
            raise Invalid(f"{where} is damaged: have the object sent again", where)
        at = item.value + item.length
        source.beyond(at, element.tag)
        yield item
