"""What a client accepts (PS3.18 sections 8.3.3 and 8.7), and what it gets. Pure."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from confrere.imaging.syntaxes import EXPLICIT, HTJ2K, JPEG_LS, MEDIA, NATIVE, media_of, served

DICOM = "application/dicom"
OCTETS = "application/octet-stream"
JSON = "application/dicom+json"
PARTS = "multipart/related"
LONGEST = 8192
PICTURES = ("image/jpeg", "image/png")  # the first where any will do
FRAME_TYPES = tuple(sorted(set(MEDIA.values())))  # of frames as stored
# what an image type means without a transfer syntax (PS3.18 table 8.7.3-5)
USUAL = {"image/jphc": HTJ2K, "image/jls": JPEG_LS}
PARAMETER = re.compile(r';\s*([A-Za-z0-9_-]+)\s*=\s*("[^"]*"|[^;,\s"]+)')
RANGE = re.compile(
    r"\s*([\w*.+-]+/[\w*.+-]+)((?:\s*;\s*[A-Za-z0-9_-]+\s*=\s*(?:\"[^\"]*\"|[^;,\s\"]+))*)\s*(?:,|$)"
)


@dataclass(frozen=True, slots=True)
class Wish:
    """One media range of an Accept header."""

    media: str  # without multipart around it
    multipart: bool
    syntax: str  # a transfer syntax UID, "*", or empty for the default
    quality: float


@dataclass(frozen=True, slots=True)
class Choice:
    """What is sent: each part's media type, its transfer syntax, one part or several."""

    media: str
    syntax: str
    multipart: bool
    stored: bool  # the bytes as they are stored


def wishes(header: str) -> list[Wish]:
    """Read an Accept header, best first; an unreadable rest is ignored, none means any."""
    found = []
    for media, parameters in RANGE.findall(header[:LONGEST]):
        values = {key.lower(): value.strip('"') for key, value in PARAMETER.findall(parameters)}
        multipart = media.lower() == PARTS
        inner = values.get("type", "*/*") if multipart else media
        try:
            quality = float(values.get("q", "1"))
        except ValueError:
            quality = 0.0
        if quality > 0:
            syntax = values.get("transfer-syntax", "")
            found.append(Wish(inner.lower(), multipart, syntax, quality))
    if not header.strip():
        found.append(Wish("*/*", multipart=True, syntax="", quality=1.0))
    return sorted(found, key=lambda wish: -wish.quality)


def for_objects(asked: Iterable[Wish], syntaxes: set[str], *, single: bool) -> Choice | None:
    """Choose how objects are sent; None when nothing fits (406).

    Without a wish for a syntax they go as stored, because that loses nothing; explicit
    little endian is made when it is asked for.
    """
    for wish in asked:
        if wish.media not in (DICOM, "*/*", "application/*"):
            continue
        if not wish.multipart and wish.media == DICOM and not single:
            continue
        multipart = wish.multipart or not (single and wish.media == DICOM)
        if wish.syntax in ("", "*") or {served(one) for one in syntaxes} == {wish.syntax}:
            return Choice(DICOM, wish.syntax, multipart, stored=True)
        if wish.syntax == EXPLICIT:
            return Choice(DICOM, EXPLICIT, multipart, stored=False)
    return None


def for_frames(
    asked: Iterable[Wish],
    syntax: str,
    *,
    single: bool,
    encodable: Callable[[], frozenset[str]] = frozenset,
) -> Choice | None:
    """Choose how frames are sent; None when nothing fits (406).

    `encodable` says what they can be made into; it is asked only where a client wants that.

    Octets without a transfer syntax mean uncompressed (PS3.18 table 8.7.3-4); an image type
    fits when the frames are stored as that.
    """
    own = EXPLICIT if syntax in NATIVE else syntax
    natural = media_of(syntax)
    for wish in asked:
        multipart = wish.multipart or not single or "*" in wish.media
        wanted = wish.syntax or USUAL.get(wish.media, "")
        if (
            wanted not in ("", "*", own)
            and wish.media in (OCTETS, media_of(wanted))
            and wanted in encodable()
        ):
            return Choice(media_of(wanted), wanted, multipart, stored=False)
        if wish.media == OCTETS:
            if wish.syntax in ("*", own):
                return Choice(OCTETS, own, multipart, stored=True)
            if wish.syntax in ("", EXPLICIT):
                return Choice(OCTETS, EXPLICIT, multipart, stored=own == EXPLICIT)
        elif (wish.media == natural and wish.syntax in ("", "*", own)) or wish.media in (
            "*/*",
            natural.split("/")[0] + "/*",
        ):
            return Choice(natural, own, multipart, stored=True)
    return None


def for_picture(asked: Iterable[Wish]) -> str | None:
    """Choose a picture's media type; None when nothing fits (406)."""
    for wish in asked:
        if wish.media in ("*/*", "image/*"):
            return PICTURES[0]
        if wish.media in PICTURES:
            return wish.media
    return None


def takes_json(asked: Iterable[Wish]) -> bool:
    """Say whether DICOM JSON is accepted."""
    fine = (JSON, "application/json", "application/*", "*/*")
    return any(
        wish.media in fine and (not wish.multipart or wish.media == "*/*") for wish in asked
    )
