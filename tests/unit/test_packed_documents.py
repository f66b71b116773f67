"""Large documents go packed to who takes that; small ones and others as they are."""

import gzip

import pytest
from fastapi import Request

from confrere.dicomweb import sending

LARGE = b'[{"00080016":{"vr":"UI"}}]' * 10_000


def request(accepted: str) -> Request:
    return Request({"type": "http", "headers": [(b"accept-encoding", accepted.encode())]})


def test_a_large_document_is_packed_for_who_takes_it() -> None:
    answer = sending.document(request("gzip, deflate, br"), LARGE, "application/dicom+json")
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["vary"] == "Accept-Encoding"
    assert len(answer.body) < len(LARGE) / 20
    assert gzip.decompress(answer.body) == LARGE


@pytest.mark.parametrize(("accepted", "content"), [("", LARGE), ("gzip", b"[]")])
def test_others_get_it_as_it_is(accepted: str, content: bytes) -> None:
    answer = sending.document(request(accepted), content, "application/dicom+json")
    assert "content-encoding" not in answer.headers
    assert answer.body == content
