"""Where each frame of an object lies, so that it can be sent by byte range.

Source: PS3.3 C.7.6.3 (image pixel), PS3.5 section 8 and annex A.4 (encapsulation).
"""

from dataclasses import dataclass
from struct import unpack
from typing import BinaryIO

from confrere.imaging.elements import PIXEL_DATA, UNDEFINED, Element, Encoding
from confrere.imaging.layout import fragments, size_of, walk
from confrere.kernel.errors import Invalid, NotFound

FLOAT_PIXELS, DOUBLE_PIXELS = 0x7FE00008, 0x7FE00009
OFFSETS, LENGTHS = 0x7FE00001, 0x7FE00002
NUMBERS = {
    0x00280002: "samples",
    0x00280010: "rows",
    0x00280011: "columns",
    0x00280100: "bits",
}
LARGEST_TABLE = 64 << 20
MOST_FRAGMENTS = 1_000_000
SMALL = 64
STARTS = (b"\xff\xd8", b"\xff\x4f", b"\xff\x0a")  # JPEG and JPEG-LS, J2K and HTJ2K, JPEG XL

Range = tuple[int, int]  # offset, length


@dataclass(frozen=True, slots=True)
class PixelMap:
    """The frames of one object. `frames` is empty when their places are computed."""

    count: int
    frame_bits: int  # native only
    at: int
    frames: tuple[tuple[Range, ...], ...] = ()

    def ranges(self, number: int) -> tuple[Range, ...]:
        """Return the byte ranges of a frame, counted from 1; raises NotFound."""
        if not 1 <= number <= self.count:
            raise NotFound(f"this object has frames 1 to {self.count}")
        if self.frames:
            return self.frames[number - 1]
        start = (number - 1) * self.frame_bits
        first, last = start // 8, -(-(start + self.frame_bits) // 8)
        return ((self.at + first, last - first),)

    @property
    def native_size(self) -> int:
        """The bytes of all frames together, when they are native."""
        return -(-self.frame_bits * self.count // 8)

    def shift(self, number: int) -> int:
        """Return how many bits of a frame's first byte belong to the frame before."""
        return 0 if self.frames else (number - 1) * self.frame_bits % 8


def map_pixels(stream: BinaryIO, encoding: Encoding, *, video: bool = False) -> PixelMap:
    """Walk to the pixel data; raises NotFound when there is none, Invalid when it lies.

    A `video` is one frame: its stream can't be cut.
    """
    values: dict[str, int] = {"samples": 1, "frames": 1}
    photometric = b""
    tables: dict[int, Element] = {}
    for element in walk(stream, encoding):
        if element.tag in NUMBERS and element.length == 2:  # noqa: PLR2004 - US
            values[NUMBERS[element.tag]] = int.from_bytes(_small(stream, element), "little")
        elif element.tag == 0x00280008:  # noqa: PLR2004 - NumberOfFrames
            values["frames"] = _frames(_small(stream, element))
        elif element.tag == 0x00280004:  # noqa: PLR2004 - PhotometricInterpretation
            photometric = _small(stream, element).strip(b"\0 ")
        elif element.tag in (OFFSETS, LENGTHS):
            tables[element.tag] = element
        elif element.tag in (PIXEL_DATA, FLOAT_PIXELS, DOUBLE_PIXELS):
            if element.length == UNDEFINED:
                return _encapsulated(
                    stream, element, encoding, 1 if video else values["frames"], tables
                )
            return _native(element, values, photometric)
    raise NotFound("this object has no pixel data")


def read_frame(stream: BinaryIO, pixels: PixelMap, number: int) -> bytes:
    """Read one frame; frames of single bits are shifted to start at a byte."""
    parts = []
    for at, length in pixels.ranges(number):
        stream.seek(at)
        parts.append(stream.read(length))
    content = b"".join(parts)
    shift = pixels.shift(number)
    if not pixels.frames and pixels.frame_bits % 8:
        bits = (int.from_bytes(content, "little") >> shift) & ((1 << pixels.frame_bits) - 1)
        return bits.to_bytes(-(-pixels.frame_bits // 8), "little")
    return content


def _native(element: Element, values: dict[str, int], photometric: bytes) -> PixelMap:
    missing = {"rows", "columns", "bits"} - values.keys()
    if missing:
        raise Invalid("the image lacks Rows, Columns or BitsAllocated; have it sent again")
    samples = 2 if photometric == b"YBR_FULL_422" else values["samples"]
    bits = values["rows"] * values["columns"] * samples * values["bits"]
    if -(-bits * values["frames"] // 8) > element.length:
        raise Invalid("the pixel data is shorter than Rows, Columns and frames need")
    return PixelMap(values["frames"], bits, element.value)


def _encapsulated(
    stream: BinaryIO,
    element: Element,
    encoding: Encoding,
    count: int,
    tables: dict[int, Element],
) -> PixelMap:
    if OFFSETS in tables and LENGTHS in tables:
        frames = _extended(stream, tables, count, element.value)
        return PixelMap(count, 0, element.value, frames)
    items: list[Range] = []
    offsets: tuple[int, ...] | None = None
    for item in fragments(stream, element, encoding):
        if offsets is None:
            offsets = _basic(stream, item)
            continue
        items.append((item.value, item.length))
        if len(items) > MOST_FRAGMENTS:
            raise Invalid(f"the pixel data has more than {MOST_FRAGMENTS} fragments")
    frames = _grouped(stream, items, offsets or (), count)
    return PixelMap(count, 0, element.value, frames)


def _extended(
    stream: BinaryIO, tables: dict[int, Element], count: int, start: int
) -> tuple[tuple[Range, ...], ...]:
    """Read the extended offset table (PS3.3 C.7.6.3.1.8): one fragment a frame."""
    columns = []
    for tag in (OFFSETS, LENGTHS):
        element = tables[tag]
        if element.length != 8 * count or element.length > LARGEST_TABLE:
            raise Invalid("the extended offset table does not fit the number of frames")
        stream.seek(element.value)
        columns.append(unpack(f"<{count}Q", stream.read(element.length)))
    stream.seek(start + 4)
    # offsets count from behind the basic table's item, which is there though empty
    base = start + 8 + int.from_bytes(stream.read(4), "little")
    frames = tuple(
        ((base + offset + 8, length),) for offset, length in zip(*columns, strict=True)
    )
    size = size_of(stream)
    if any(at + length > size for ((at, length),) in frames):
        raise Invalid("the extended offset table points behind the pixel data")
    return frames


def _basic(stream: BinaryIO, item: Element) -> tuple[int, ...]:
    if item.length > LARGEST_TABLE or item.length % 4:
        raise Invalid("the basic offset table is damaged; have the object sent again")
    stream.seek(item.value)
    return unpack(f"<{item.length // 4}I", stream.read(item.length))


def _grouped(
    stream: BinaryIO, items: list[Range], offsets: tuple[int, ...], count: int
) -> tuple[tuple[Range, ...], ...]:
    """Share fragments among frames: one each, or by the offset table, or by their starts."""
    if len(items) == count:
        return tuple((item,) for item in items)
    if count == 1:
        return (tuple(items),)
    base = items[0][0] - 8 if items else 0
    starts = {base + offset for offset in offsets}
    if len(starts) != count:
        starts = {at - 8 for at, _ in items if _begins(stream, at)}
    grouped: list[list[Range]] = []
    for at, length in items:
        if at - 8 in starts:
            grouped.append([])
        if grouped:
            grouped[-1].append((at, length))
    if len(grouped) != count:
        raise Invalid("fragments can't be shared among the frames: no usable offset table")
    return tuple(tuple(frame) for frame in grouped)


def _begins(stream: BinaryIO, at: int) -> bool:
    here = stream.tell()
    stream.seek(at)
    first = stream.read(2)
    stream.seek(here)
    return first in STARTS


def _small(stream: BinaryIO, element: Element) -> bytes:
    stream.seek(element.value)
    return stream.read(min(element.length, SMALL))


def _frames(raw: bytes) -> int:
    try:
        return max(1, int(raw.strip(b"\0 ") or b"1"))
    except ValueError:
        return 1  # as an image without the attribute has
