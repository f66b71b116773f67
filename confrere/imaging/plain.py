"""Open a stored object as little endian, not deflated: two legacy syntaxes are undone."""

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, cast

from confrere.files.folder import BlobStore
from confrere.imaging.elements import (
    LONG_FORM,
    MAX_DEPTH,
    PIXEL_DATA,
    UNDEFINED,
    Element,
    Encoding,
    read_header,
)
from confrere.imaging.layout import ITEM, ITEM_END, SEQUENCE_END, size_of
from confrere.imaging.syntaxes import BIG, DEFLATED, UNDONE
from confrere.imaging.whole import Hopper
from confrere.kernel.errors import Invalid

CHUNK = 1 << 20
IN_MEMORY = 16 << 20
FREE = 64 << 20  # what any object may inflate to, however well it packs
MOST_RATIO = 200
MOST = 2 << 30
BITS_ALLOCATED = 0x00280100
BIG_ENDIAN = Encoding(implicit=False, big=True)
WORDS = {
    **dict.fromkeys((b"US", b"SS", b"OW", b"AT"), 2),
    **dict.fromkeys((b"UL", b"SL", b"FL", b"OF", b"OL"), 4),
    **dict.fromkeys((b"FD", b"OD", b"OV", b"SV", b"UV"), 8),
}


@contextmanager
def open_plain(blobs: BlobStore, digest: bytes, syntax: str) -> Iterator[BinaryIO]:
    """Open a stored data set; deflated and big endian ones come as explicit little endian."""
    with blobs.open(digest) as stored:
        if syntax not in UNDONE:
            yield stored
            return
        with undone(stored, syntax) as stream:
            yield stream


@contextmanager
def undone(stored: BinaryIO, syntax: str) -> Iterator[BinaryIO]:
    """Rewrite a deflated or big-endian data set into a temporary file."""
    with SpooledTemporaryFile(IN_MEMORY) as spool:
        target = cast("BinaryIO", spool)
        if syntax == DEFLATED:
            inflate(stored, target)
        elif syntax == BIG:
            to_little(stored, target)
        target.seek(0)
        yield target


def inflate(source: BinaryIO, target: BinaryIO) -> None:
    """Inflate with bounds on ratio and size, so that a small bomb stays small.

    Raises Invalid. Source: PS3.5 A.5 (a raw deflate stream, maybe padded with a NUL).
    """
    most = min(MOST, max(FREE, size_of(source) * MOST_RATIO))
    source.seek(0)
    unpack = zlib.decompressobj(-zlib.MAX_WBITS)
    written = 0
    data = source.read(CHUNK)
    while data and not unpack.eof:
        try:
            plain = unpack.decompress(data, CHUNK)
        except zlib.error:
            raise Invalid("the deflated data set is damaged; send it again") from None
        written += target.write(plain)
        if written > most:
            raise Invalid("the deflated data set grows too large; send it uncompressed")
        data = unpack.unconsumed_tail or source.read(CHUNK)
    if not unpack.eof:
        raise Invalid("the deflated data set ends early; send it again")


def to_little(stream: BinaryIO, target: BinaryIO) -> None:
    """Rewrite explicit big endian as explicit little endian: every length stays as it is."""
    size = size_of(stream)
    _swap(_Swapping(stream, target, Hopper(stream, size), {}), 0, size, 0)


@dataclass(frozen=True, slots=True)
class _Swapping:
    stream: BinaryIO
    target: BinaryIO
    source: Hopper
    words: dict[int, int]  # tag -> bytes a word, where the VR does not say


def _swap(files: _Swapping, at: int, end: int, depth: int) -> int:
    """Rewrite elements up to `end`, or to a delimiter; return where they end."""
    if depth > 2 * MAX_DEPTH:
        raise Invalid(f"sequences are nested deeper than {MAX_DEPTH}: flatten them")
    while at < end:
        element = read_header(files.source, at, BIG_ENDIAN)
        _head(files.target, element)
        at = element.value
        if element.tag in (ITEM_END, SEQUENCE_END):
            return at
        undefined = element.length == UNDEFINED
        if undefined and element.tag == PIXEL_DATA:
            raise Invalid("compressed pixel data can't be big endian: have it sent again")
        stop = end if undefined else at + element.length
        files.source.beyond(stop, element.tag)
        if element.vr == b"SQ" or element.tag == ITEM or undefined:
            at = _swap(files, at, stop, depth + 1)
        else:
            _value(files, element)
            at = stop
    return at


def _head(target: BinaryIO, element: Element) -> None:
    group, number = divmod(element.tag, 1 << 16)
    tag = group.to_bytes(2, "little") + number.to_bytes(2, "little")
    if not element.vr:
        target.write(tag + element.length.to_bytes(4, "little"))
    elif element.vr in LONG_FORM:
        target.write(tag + element.vr + b"\0\0" + element.length.to_bytes(4, "little"))
    else:
        target.write(tag + element.vr + element.length.to_bytes(2, "little"))


def _value(files: _Swapping, element: Element) -> None:
    files.stream.seek(element.value)
    if element.tag == BITS_ALLOCATED:
        bits = int.from_bytes(files.stream.read(2), "big")
        files.stream.seek(element.value)
        # writers swap a 32-bit pixel as a whole, though it is OW
        files.words[PIXEL_DATA] = max(2, bits // 8)
    word = WORDS.get(element.vr, 1)
    if element.vr == b"OW":
        word = files.words.get(element.tag, word)
    left = element.length
    while left:
        data = files.stream.read(min(CHUNK, left))
        files.target.write(_swapped(data, word))
        left -= len(data)


def _swapped(data: bytes, word: int) -> bytes:
    whole = len(data) - len(data) % word
    swapped = bytearray(data)
    for place in range(word):
        swapped[place:whole:word] = data[word - 1 - place : whole : word]
    return bytes(swapped)
