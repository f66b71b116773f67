"""Truncation and lying lengths, without reading pixels."""

import io
import struct

import pytest

from confrere.imaging.whole import check_whole
from confrere.kernel.errors import Invalid

EXPLICIT, IMPLICIT, JPEG = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2", "1.2.840.10008.1.2.4.50"
PATIENT = struct.pack("<HH2sH", 0x10, 0x20, b"LO", 2) + b"P1"


def pixels(said: int, there: int) -> bytes:
    return PATIENT + struct.pack("<HH2sHI", 0x7FE0, 0x10, b"OW", 0, said) + bytes(there)


def fragments(*sizes: int, end: bool = True) -> bytes:
    out = PATIENT + struct.pack("<HH2sHI", 0x7FE0, 0x10, b"OB", 0, 0xFFFFFFFF)
    out += b"".join(struct.pack("<HHI", 0xFFFE, 0xE000, n) + bytes(n) for n in sizes)
    return out + (struct.pack("<HHI", 0xFFFE, 0xE0DD, 0) if end else b"")


def test_native_pixels_of_the_said_length_pass() -> None:
    check_whole(pixels(20_000, 20_000), EXPLICIT)


@pytest.mark.parametrize(("said", "there"), [(20_000, 19_999), (0xFFFFFFFE, 100), (2, 0)])
def test_pixels_shorter_than_said_are_named(said: int, there: int) -> None:
    with pytest.raises(Invalid) as refused:
        check_whole(io.BytesIO(pixels(said, there)), EXPLICIT)
    assert refused.value.field == "(7FE0,0010)"


def test_fragments_with_their_delimiter_pass() -> None:
    check_whole(fragments(0, 10_000, 30_000), JPEG)


def test_fragments_without_their_delimiter_are_named() -> None:
    for raw in (fragments(0, 10_000, end=False), fragments(0, 10_000)[:-9]):
        with pytest.raises(Invalid) as refused:
            check_whole(raw, JPEG)
        assert refused.value.field == "(7FE0,0010)"


def test_a_cut_at_any_byte_of_encapsulated_pixels_is_noticed() -> None:
    raw = fragments(0, 6)
    for cut in range(len(PATIENT) + 1, len(raw)):
        with pytest.raises(Invalid):
            check_whole(raw[:cut], JPEG)


def test_an_item_longer_than_its_sequence_is_refused() -> None:
    inner = struct.pack("<HHI", 0xFFFE, 0xE000, 30) + PATIENT * 3
    raw = struct.pack("<HH2sHI", 8, 0x1140, b"SQ", 0, len(inner) - 10) + inner
    with pytest.raises(Invalid):
        check_whole(raw, EXPLICIT)


def test_an_unclosed_sequence_is_refused() -> None:
    raw = struct.pack("<HHI", 8, 0x1140, 0xFFFFFFFF) + struct.pack("<HHI", 0xFFFE, 0xE000, 0)
    with pytest.raises(Invalid) as refused:
        check_whole(raw, IMPLICIT)
    assert refused.value.field == "(0008,1140)"


def test_an_empty_data_set_is_refused() -> None:
    with pytest.raises(Invalid):
        check_whole(b"", EXPLICIT)


def test_the_walk_starts_where_told() -> None:
    check_whole(io.BytesIO(b"garbage" + PATIENT), EXPLICIT, 7)


def test_a_deflated_data_set_is_refused() -> None:
    with pytest.raises(Invalid) as refused:
        check_whole(PATIENT, "1.2.840.10008.1.2.1.99")
    assert refused.value.field == "TransferSyntaxUID"


class Counting(io.BytesIO):
    """Counts the bytes that are read."""

    count = 0

    def read(self, size: int | None = -1, /) -> bytes:
        out = super().read(size)
        self.count += len(out)
        return out


def test_pixels_are_hopped_over_not_read() -> None:
    source = Counting(pixels(5_000_000, 5_000_000) + PATIENT.replace(b"\x10\0", b"\xff\xff", 1))
    check_whole(source, EXPLICIT)
    assert source.count < 50_000
