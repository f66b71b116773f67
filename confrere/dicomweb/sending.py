"""Stream stored objects: 1 MiB reads, nothing held in memory."""

import asyncio
import itertools
import secrets
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from anyio.to_thread import run_sync
from fastapi import Request, Response
from fastapi.responses import StreamingResponse

from confrere.dicomweb import multipart
from confrere.dicomweb.door import PRIVATE
from confrere.files.folder import BlobStore
from confrere.imaging.coercing import open_sent
from confrere.imaging.model import Instance
from confrere.imaging.part10 import part10_prefix
from confrere.imaging.syntaxes import served

CHUNK = 1 << 20
BLOCK = 1 << 20
# what bytes a UID stands for never changes, so the viewer may keep them: for the same person
# (the next one at this workstation has another cookie) and the same wish
KEPT = {
    **PRIVATE,
    "Cache-Control": "private, max-age=3600",
    "Vary": "Accept, Authorization, Cookie",
}
# but whose images they are may be corrected, so a whole object is asked for again
ASKED_AGAIN = {**KEPT, "Cache-Control": "private, no-cache"}


@dataclass(frozen=True, slots=True)
class Part:
    """One part of an answer: its media type and its bytes, in pieces."""

    content_type: str
    pieces: Iterable[bytes]


def object_pieces(blobs: BlobStore, instance: Instance) -> Iterator[bytes]:
    """Yield an instance as a file (PS3.10): zero preamble, new meta, the data set as stored.

    What a person corrected is said in place of what the stored bytes say.
    """
    syntax = served(instance.transfer_syntax)
    with open_sent(blobs, instance) as stream:
        yield part10_prefix(instance.sop_class, instance.sop_uid, syntax, "")
        yield from range_pieces(stream, 0, None)


def range_pieces(stream: BinaryIO, at: int, length: int | None) -> Iterator[bytes]:
    """Yield a byte range of an open stream; to its end when `length` is None."""
    stream.seek(at)
    while length is None or length > 0:
        data = stream.read(CHUNK if length is None else min(CHUNK, length))
        if not data:
            return
        if length is not None:
            length -= len(data)
        yield data


def several(parts: Iterable[Part], media: str, headers: dict[str, str]) -> Response:
    """Answer with multipart/related (RFC 2387)."""
    boundary = secrets.token_hex(16)
    body = _primed(_body(parts, boundary))
    return StreamingResponse(
        _blocks(body), headers=headers, media_type=_related(media, boundary)
    )


def whole(part: Part, media: str, headers: dict[str, str]) -> Response:
    """Answer with one small part at once: multipart of `media`, or bare when that is empty."""
    content = b"".join(part.pieces)
    if not media:
        safe = {**headers, "Content-Disposition": "attachment"}
        return Response(content, headers=safe, media_type=part.content_type)
    boundary = secrets.token_hex(16)
    start = multipart.part_head(boundary, {"Content-Type": part.content_type}, first=True)
    body = b"".join((start, content, multipart.closing(boundary)))
    return Response(body, headers=headers, media_type=_related(media, boundary))


def _related(media: str, boundary: str) -> str:
    return f'multipart/related; type="{media}"; boundary={boundary}'


def one(part: Part, headers: dict[str, str]) -> Response:
    """Answer with a single part."""
    safe = {**headers, "Content-Disposition": "attachment"}
    body = _primed(iter(part.pieces))
    return StreamingResponse(_blocks(body), headers=safe, media_type=part.content_type)


def etag(*digests: bytes) -> str:
    """Name what is sent by the digests of what it is made of."""
    return '"' + "-".join(digest.hex()[:32] for digest in digests) + '"'


def unchanged(request: Request, tag: str, headers: dict[str, str] = KEPT) -> Response | None:
    """Answer 304 when the client holds this already."""
    held = [one.strip() for one in request.headers.get("if-none-match", "").split(",")]
    return Response(status_code=304, headers={**headers, "ETag": tag}) if tag in held else None


def _primed(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Make the first piece now, so that what can't be read is an error and not half an answer."""
    first = list(itertools.islice(pieces, 1))
    return itertools.chain(first, pieces)


async def _blocks(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Hand on blocks of about BLOCK bytes; the next is read while one is sent."""
    reading = asyncio.ensure_future(run_sync(_block, pieces))
    try:
        while block := await reading:
            reading = asyncio.ensure_future(run_sync(_block, pieces))
            yield block
    finally:
        if not reading.done():  # the client went away: what is being read goes unused
            reading.cancel()


def _block(pieces: Iterator[bytes]) -> bytes:
    taken, size = [], 0
    for piece in pieces:
        taken.append(piece)
        size += len(piece)
        if size >= BLOCK:
            break
    return taken[0] if len(taken) == 1 else b"".join(taken)


def _body(parts: Iterable[Part], boundary: str) -> Iterator[bytes]:
    first = True
    for part in parts:
        pieces = _primed(iter(part.pieces))
        yield multipart.part_head(boundary, {"Content-Type": part.content_type}, first=first)
        yield from pieces
        first = False
    yield multipart.closing(boundary)
