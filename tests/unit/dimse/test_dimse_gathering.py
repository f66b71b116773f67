"""What is kept of requests until they are whole: bounded each, and over all associations."""

import struct
from collections.abc import Callable

import pytest

from confrere.dimse import identifier
from confrere.dimse.gathering import MOST_HELD, Gathering
from confrere.dimse.identifier import MOST_BYTES, MOST_KEYS
from confrere.kernel.errors import Invalid, Unavailable

IMPLICIT = "1.2.840.10008.1.2"
MEGABYTE = 1 << 20


def elements(count: int) -> bytes:
    """So many elements without a value."""
    return b"".join(
        struct.pack("<HHI", 0x0011 + 2 * (n >> 16), n & 0xFFFF, 0) for n in range(count)
    )


def items(count: int) -> bytes:
    """One sequence of so many items without an element."""
    each = b"\xfe\xff\x00\xe0\0\0\0\0" * count
    return struct.pack("<HHI", 0x0008, 0x1199, len(each)) + each


@pytest.mark.parametrize("made", [elements, items])
def test_a_query_of_too_many_elements_is_refused_and_one_of_many_is_read(
    made: Callable[[int], bytes],
) -> None:
    identifier.parse(made(MOST_KEYS - 1), IMPLICIT)
    with pytest.raises(Invalid, match="over 1024 elements"):
        identifier.parse(made(MOST_KEYS + 1), IMPLICIT)


def test_large_requests_share_one_budget_and_give_it_back() -> None:
    most = 4 * MEGABYTE
    full = [Gathering(most) for _ in range(MOST_HELD // most)]
    for one in full:
        one.write(memoryview(bytes(most)))
    late, small = Gathering(most), Gathering(most)
    late.write(memoryview(bytes(most)))
    small.write(memoryview(elements(100)))
    assert len(small.identifier(IMPLICIT)) == 100
    with pytest.raises(Unavailable):
        late.identifier(IMPLICIT)
    full.pop().abort()
    again = Gathering(most)
    again.write(memoryview(bytes(most)))
    with pytest.raises(Invalid):
        again.identifier(IMPLICIT)
    for one in full:
        one.abort()
        one.abort()
    last = [Gathering(most) for _ in range(MOST_HELD // most)]
    for one in last:
        one.write(memoryview(bytes(MOST_BYTES)))
        one.write(memoryview(bytes(most - MOST_BYTES)))
        assert one._refused is None
        one.abort()


def test_what_is_too_long_is_let_go_by() -> None:
    one = Gathering(100)
    for _ in range(10):
        one.write(memoryview(bytes(60)))
    assert not one._data
    with pytest.raises(Invalid, match="longer than 100"):
        one.identifier(IMPLICIT)
