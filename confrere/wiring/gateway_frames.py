"""How a gateway and the centre write images to one another: frames of head and bytes. Pure.

A body is a row of frames: a length of four bytes (big endian), a head in JSON, the bytes,
packed with Zstandard where that makes them fewer. An object larger than `PIECE` goes in
pieces, each with its offset, so that a broken line costs one piece.
"""

import json
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from imagecodecs import ZstdError, zstd_decode, zstd_encode

from confrere.kernel.errors import Invalid

PIECE = 4 << 20  # most bytes of an object in one frame
MOST_FRAMES = 64
MOST_BODY = 8 << 20
LARGEST_OBJECT = 4 << 30
_LENGTH = struct.Struct(">I")
_MOST_HEAD = 4096
_DIGEST_BYTES = 32
_LEVEL = 1  # higher ones gain a few per cent and cost several times the time
_TEXTS = ("sop_class", "sop_instance", "transfer_syntax", "calling_aet")

# what the centre answers for an object
DURABLE = ("stored", "same", "aside")  # its bytes are safe there: the local copy may go
PARTIAL, LATER = "partial", "later"


@dataclass(frozen=True, slots=True)
class Frame:
    """A piece of one data set; `size` is that of the whole, `digest` its SHA-256."""

    digest: bytes
    size: int
    offset: int
    content: bytes
    sop_class: str = ""
    sop_instance: str = ""
    transfer_syntax: str = ""
    calling_aet: str = ""

    @property
    def is_whole(self) -> bool:
        """Whether the whole object is in this one frame."""
        return self.offset == 0 and len(self.content) == self.size


def write(frames: Iterable[Frame]) -> bytes:
    """Write a body."""
    out = bytearray()
    for one in frames:
        packed = bytes(zstd_encode(one.content, level=_LEVEL))
        is_fewer = len(packed) < len(one.content)
        head = json.dumps(
            {
                "digest": one.digest.hex(), "size": one.size, "offset": one.offset,
                "length": len(one.content), "packed": len(packed) if is_fewer else 0,
                **{name: getattr(one, name) for name in _TEXTS},
            }
        ).encode()  # fmt: skip
        out += _LENGTH.pack(len(head)) + head + (packed if is_fewer else one.content)
    return bytes(out)


def read(body: bytes) -> Iterator[Frame]:
    """Read a body; raises Invalid where it is not as `write` makes it.

    Nothing is unpacked beyond the length that a frame declares, at most `PIECE`.
    """
    at, count = 0, 0
    while at < len(body):
        count += 1
        if count > MOST_FRAMES:
            raise Invalid(f"send at most {MOST_FRAMES} objects at once", "body")
        head, at = _head(body, at)
        length, packed = _number(head, "length"), _number(head, "packed")
        if not 0 < length <= PIECE:
            raise Invalid(f"a frame holds 1 to {PIECE} bytes", "length")
        content = body[at : at + (packed or length)]
        at += packed or length
        if at > len(body):
            raise Invalid("the body ends within a frame: send it again", "body")
        yield _frame(head, _unpacked(content, length) if packed else content)


def _head(body: bytes, at: int) -> tuple[dict[str, Any], int]:
    begin = at + _LENGTH.size
    if begin > len(body):
        raise Invalid("the body ends within a frame: send it again", "body")
    (length,) = _LENGTH.unpack_from(body, at)
    if length > _MOST_HEAD or begin + length > len(body):
        raise Invalid("a frame's head is too long", "body")
    try:
        head = json.loads(body[begin : begin + length])
    except ValueError:
        raise Invalid("a frame's head is not JSON", "body") from None
    if not isinstance(head, dict):
        raise Invalid("a frame's head is not an object", "body")
    return head, begin + length


def _frame(head: dict[str, Any], content: bytes) -> Frame:
    size, offset = _number(head, "size"), _number(head, "offset")
    if size > LARGEST_OBJECT or offset + len(content) > size:
        raise Invalid("an object has at most 4 GiB, and no piece goes past its end", "size")
    try:
        digest = bytes.fromhex(str(head.get("digest", "")))
    except ValueError:
        digest = b""
    if len(digest) != _DIGEST_BYTES:
        raise Invalid("the digest is 64 hexadecimal digits", "digest")
    texts = {name: str(head.get(name, ""))[:64] for name in _TEXTS}
    return Frame(digest, size, offset, content, **texts)


def _number(head: dict[str, Any], name: str) -> int:
    value = head.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise Invalid(f"{name} must be a whole number", name)
    return value


def _unpacked(content: bytes, length: int) -> bytes:
    try:
        plain = bytes(zstd_decode(content, out=bytearray(length)))
    except (ZstdError, RuntimeError):
        plain = b""
    if len(plain) != length:
        raise Invalid("a frame does not unpack to the length it tells: send it again", "packed")
    return plain
