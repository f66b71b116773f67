"""Damage to bytes as attackers and broken senders do it: lengths that lie, parts cut, doubled, mixed."""

from collections.abc import Sequence
from random import Random

_LENGTHS = (0, 1, 2, 3, 0x7F, 0x80, 0xFF, 0xFFFE, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFE, 0xFFFFFFFF)
_WORDS = (
    b"SQ", b"UN", b"OB", b"UI", b"US", b"UT", b"\xfe\xff\x00\xe0", b"\xfe\xff\x0d\xe0",
    b"\xfe\xff\xdd\xe0", b"\xff\xfe\xe0\x00", b"\x08\x00\x05\x00", b"\\", b"\0", b"../../x",
    b"\x1b$B", b"\x1b", b"*", b"9" * 70, b"-", b"ISO 2022 IR 87", b"ISO_IR 192",
)  # fmt: skip


def mutated(seed: bytes, others: Sequence[bytes], random: Random) -> bytes:
    """One to four damages to a seed."""
    data = bytearray(seed)
    for _ in range(random.randint(1, 4)):
        _damage(data, others, random)
    return bytes(data)


def _damage(data: bytearray, others: Sequence[bytes], random: Random) -> None:
    at = random.randint(0, len(data))
    upto = min(len(data), at + random.choice((1, 2, 4, 8, 16, 64, 500)))
    kind = random.randrange(8)
    if kind == 0:
        data[at:upto] = random.randbytes(upto - at)
    elif kind == 1:
        wide = random.choice((1, 2, 4))
        value = random.choice(_LENGTHS) & ((1 << 8 * wide) - 1)
        data[at : at + wide] = value.to_bytes(wide, random.choice(("little", "big")))
    elif kind == 2:
        data[at:upto] = b""
    elif kind == 3:
        data[at:at] = data[at:upto] * random.choice((1, 2, 40))
    elif kind == 4:
        data[at:at] = random.choice(_WORDS)
    elif kind == 5:
        word = random.choice(_WORDS)
        data[at : at + len(word)] = word
    elif kind == 6:
        other = random.choice(others)
        begin = random.randint(0, len(other))
        data[at:] = other[begin:]
    elif at < len(data):
        data[at] ^= 1 << random.randrange(8)
