"""What a gateway and the centre write to one another, and how long it waits."""

import hashlib
import json
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from imagecodecs import zstd_encode

from confrere.gateway.config import load
from confrere.gateway.model import ROUTINE, SOON, STAT, back_off, rank_of_order
from confrere.gateway.status_page import page
from confrere.kernel.errors import Invalid
from confrere.wiring import gateway_frames as frames
from confrere.wiring.gateway_frames import PIECE, Frame


def frame(content: bytes, offset: int = 0, size: int | None = None) -> Frame:
    whole = len(content) if size is None else size
    return Frame(
        hashlib.sha256(content).digest(), whole, offset, content, "1.2", "1.2.3", "1.2.840",
        "CT1",
    )  # fmt: skip


@given(st.lists(st.binary(min_size=1, max_size=300), max_size=5))
def test_what_is_written_is_read_byte_for_byte(contents: list[bytes]) -> None:
    given_ = [frame(content * 3) for content in contents]
    assert list(frames.read(frames.write(given_))) == given_


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_by_name(body: bytes) -> None:
    try:
        list(frames.read(body))
    except Invalid as error:
        assert error.field


def test_a_body_that_ends_early_is_refused() -> None:
    body = frames.write([frame(b"abc" * 100)])
    for cut in range(1, len(body)):
        with pytest.raises(Invalid):
            list(frames.read(body[:cut]))


@pytest.mark.parametrize("length", [10, PIECE + 1, 0])
def test_nothing_unpacks_beyond_what_its_head_declares(length: int) -> None:
    packed = bytes(zstd_encode(bytes(50 << 20)))
    head = json.dumps(
        {"digest": "00" * 32, "size": 1 << 30, "offset": 0, "length": length,
         "packed": len(packed)}
    ).encode()  # fmt: skip
    with pytest.raises(Invalid):
        list(frames.read(len(head).to_bytes(4, "big") + head + packed))


@pytest.mark.parametrize(
    "change", [{"size": 1}, {"size": 1 << 40}, {"digest": "x"}, {"length": -1}]
)
def test_a_head_that_does_not_hold_is_refused(change: dict[str, object]) -> None:
    head = {"digest": "00" * 32, "size": 9, "offset": 0, "length": 3, "packed": 0, **change}
    told = json.dumps(head).encode()
    with pytest.raises(Invalid):
        list(frames.read(len(told).to_bytes(4, "big") + told + b"abc"))


def test_pauses_double_up_to_32_seconds_and_half_of_each_is_chance() -> None:
    longest = [back_off(n, 0.999999).total_seconds() for n in range(1, 9)]
    assert longest == pytest.approx([1, 2, 4, 8, 16, 32, 32, 32], rel=1e-3)
    assert back_off(1000, 0) == timedelta(seconds=16)


def test_an_orders_priority_ranks_its_images() -> None:
    assert [rank_of_order(code) for code in ("S", "A", "R", "")] == [
        STAT,
        SOON,
        ROUTINE,
        ROUTINE,
    ]


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("", "centre"),
        ('centre = "http://confrere.example"', "centre"),
        ('centre = "https://c.example"\nhost = "0.0.0.0"', "host"),
        ('centre = "https://c.example"\nhost = "8.8.8.8"', "host"),
        ('centre = "https://c.example"\nprot = 1', "prot"),
        ('centre = "https://c.example"\ndicom_port = 70000', "dicom_port"),
        ('centre = "https://c.example"\n[[senders]]\naddress = "ct1"', "senders"),
        ("centre = ", "gateway.toml"),
    ],
)
def test_a_setting_that_is_wrong_is_named(tmp_path: Path, text: str, field: str) -> None:
    (tmp_path / "gateway.toml").write_text(text, encoding="utf-8")
    with pytest.raises(Invalid) as caught:
        load(tmp_path)
    assert caught.value.field == field


def test_the_page_says_what_is_wrong_and_what_to_do() -> None:
    told = {
        "readers": 3, "reads": 1, "reading": "https://10.0.0.5:8091/",
        "images": {"STAT": 1, "urgent": 0, "routine": 2}, "bytes": 10, "messages": 0,
        "messages_refused": 1, "oldest_seconds": 5, "put_off": 0, "put_off_because": "",
        "aet": "<GW>", "line": "down", "line_since": "x", "trouble": "no line to the centre",
        "alerts": [], "free_bytes": 1, "version": "1",
    }  # fmt: skip
    said = page(told)
    assert "&lt;GW&gt;" in said
    assert "go by themselves when the line is back" in said
    assert "correct them at the sender" in said
    assert "All is well" in page(told | {"trouble": "", "messages_refused": 0})
