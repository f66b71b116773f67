"""Accept headers, multipart bodies and store responses, without a server."""

import json
from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from confrere.dicomweb import accept, answers, multipart
from confrere.dicomweb.answers import Stored
from confrere.dicomweb.multipart import Began, Ended, Piece, Reader
from confrere.imaging.syntaxes import DEFLATED, EXPLICIT, IMPLICIT
from confrere.kernel.errors import Invalid

JLS = "1.2.840.10008.1.2.4.80"


@pytest.mark.parametrize(
    ("header", "stored", "media", "syntax", "several"),
    [
        (
            "multipart/related; type=application/octet-stream; transfer-syntax=*",
            JLS,
            "application/octet-stream",
            JLS,
            True,
        ),
        (
            'multipart/related; type="application/octet-stream"; transfer-syntax=*',
            EXPLICIT,
            "application/octet-stream",
            EXPLICIT,
            True,
        ),
        ("application/octet-stream", IMPLICIT, "application/octet-stream", EXPLICIT, False),
        (
            "application/octet-stream; transfer-syntax=*",
            JLS,
            "application/octet-stream",
            JLS,
            False,
        ),
        ("*/*", JLS, "image/jls", JLS, True),
        ("", JLS, "image/jls", JLS, True),
        ("*/*", EXPLICIT, "application/octet-stream", EXPLICIT, True),
        ('multipart/related; type="image/jls"', JLS, "image/jls", JLS, True),
        (
            f'multipart/related; type="image/jls"; transfer-syntax={JLS}',
            JLS,
            "image/jls",
            JLS,
            True,
        ),
        (
            'multipart/related; type="image/jp2", multipart/related; type="image/jls"; q=0.5',
            JLS,
            "image/jls",
            JLS,
            True,
        ),
        (
            'multipart/related; type="application/octet-stream", multipart/related; type="image/jls"; q=0.1',
            JLS,
            "application/octet-stream",
            EXPLICIT,
            True,
        ),
        ("text/html, */*; q=0.1", JLS, "image/jls", JLS, True),
    ],
)
def test_frames_are_sent_as_the_client_accepts(
    header: str, stored: str, media: str, syntax: str, several: bool
) -> None:
    choice = accept.for_frames(accept.wishes(header), stored, single=True)
    assert choice
    assert (choice.media, choice.syntax, choice.multipart) == (media, syntax, several)
    assert choice.stored == (stored in {syntax, IMPLICIT})


@pytest.mark.parametrize(
    "header",
    [
        "text/html",
        'multipart/related; type="image/jp2"',
        "*/*; q=0",
        f'multipart/related; type="image/jls"; transfer-syntax={EXPLICIT}',
    ],
)
def test_what_cannot_be_made_is_not_chosen(header: str) -> None:
    assert accept.for_frames(accept.wishes(header), JLS, single=True) is None


@pytest.mark.parametrize(
    ("header", "single", "stored", "several"),
    [
        ("", True, True, True),
        ('multipart/related; type="application/dicom"', False, True, True),
        ("application/dicom", True, True, False),
        (f"application/dicom; transfer-syntax={EXPLICIT}", True, False, False),
        (f"application/dicom; transfer-syntax={JLS}", True, True, False),
    ],
)
def test_objects_are_sent_as_the_client_accepts(
    header: str, single: bool, stored: bool, several: bool
) -> None:
    choice = accept.for_objects(accept.wishes(header), {JLS}, single=single)
    assert choice
    assert (choice.stored, choice.multipart) == (stored, several)


def test_one_part_cannot_hold_a_study() -> None:
    assert accept.for_objects(accept.wishes("application/dicom"), {JLS}, single=False) is None


def test_deflated_is_offered_as_explicit() -> None:
    wish = accept.wishes(f"application/dicom; transfer-syntax={EXPLICIT}")
    choice = accept.for_objects(wish, {DEFLATED}, single=True)
    assert choice
    assert choice.stored


@given(
    st.lists(
        st.binary(max_size=200).filter(lambda b: b"--XX" not in b), min_size=1, max_size=5
    ),
    st.lists(st.integers(1, 60), min_size=1, max_size=20),
)
def test_a_body_reads_the_same_however_it_is_cut(parts: list[bytes], cuts: list[int]) -> None:
    body = b"".join(
        multipart.part_head("XX", {"Content-Type": f"a/{n}"}, first=n == 0) + part
        for n, part in enumerate(parts)
    ) + multipart.closing("XX")
    edges = [0]
    while edges[-1] < len(body):
        edges.append(edges[-1] + cuts[len(edges) % len(cuts)])
    reader = Reader("XX")
    events = [event for a, b in pairwise(edges) for event in reader.feed(body[a:b])]
    reader.finish()
    read: list[bytes] = []
    for event in events:
        if isinstance(event, Began):
            assert event.headers == {"content-type": f"a/{len(read)}"}
            read.append(b"")
        elif isinstance(event, Piece):
            read[-1] += event.data
    assert read == parts
    assert sum(isinstance(event, Ended) for event in events) == len(parts)


@given(st.binary(max_size=400))
def test_any_body_is_read_or_refused(body: bytes) -> None:
    reader = Reader("XX")
    with suppress(Invalid):
        for event in reader.feed(b"--XX\r\n" + body):
            assert event
        reader.finish()
        assert reader.finished


def test_a_part_is_handed_on_and_not_kept() -> None:
    reader = Reader("XX")
    list(reader.feed(b"--XX\r\n\r\n\r\n"))
    for _ in range(100):
        list(reader.feed(b"x" * 100_000))
        assert len(reader._held) < 100


@pytest.mark.parametrize(
    ("parts", "status"),
    [
        ([Stored("c", "1", "s", "e")], 200),
        ([Stored("c", "1", "s", "e"), Stored("c", "2", failure=272)], 202),
        ([Stored("c", "2", failure=272)], 409),
        ([Stored(failure=0xC000)], 409),
    ],
)
def test_the_store_status_follows_the_table(parts: list[Stored], status: int) -> None:
    got, body = answers.store_response(parts, "/dicom-web")
    assert got == status
    assert json.loads(body)
