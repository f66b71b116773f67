"""Text values decoded by their character set (PS3.5 6.1, PS3.3 C.12.1.1.2); never raises. Pure."""

import re
from dataclasses import dataclass
from functools import lru_cache

from pydicom.charset import CODES_TO_ENCODINGS, python_encoding

_DEFAULT = "iso8859"  # Latin-1 reads the default repertoire, and every other byte as something
_ESCAPE = b"\x1b"
# Codecs that read their own escapes (JIS), and those that have none though 0x1B may occur.
_SELF_ESCAPING = frozenset({"iso2022_jp", "iso2022_jp_2"})
_WITHOUT_ESCAPES = frozenset({"UTF8", "GB18030", "GBK"})
_FRAGMENT = re.compile(rb"[^\x1b]+|\x1b[^\x1b]*")


def _spelling(term: str) -> str:
    """Level spellings met in the field, such as ISO-IR 192 for ISO_IR 192."""
    return re.sub(r"[ _-]+", "", term).upper()


_CODECS = {_spelling(term): codec for term, codec in python_encoding.items()}


@dataclass(frozen=True, slots=True)
class Charsets:
    """Python codecs for a SpecificCharacterSet, the first one for text before any escape."""

    codec: str
    unknown: bool

    def of(self, vr: str) -> str:
        """Return the codec for this VR; only SH, LO, PN and their like follow the set."""
        return self.codec if vr in {"LO", "PN", "SH"} else _DEFAULT


@dataclass(frozen=True, slots=True)
class Text:
    """A decoded value and what was wrong with it."""

    text: str
    problems: tuple[str, ...] = ()


@lru_cache(maxsize=256)
def charsets(value: bytes) -> Charsets:
    """Find the codec for the raw value of SpecificCharacterSet; Latin-1 for unknown terms.

    Later terms of the value are not needed: each escape names its own set.
    """
    terms = [term.strip(" \0") for term in value.decode("latin-1").split("\\")]
    unknown = any(_spelling(term) not in _CODECS for term in terms)
    return Charsets(_CODECS.get(_spelling(terms[0]), _DEFAULT), unknown)


def decode(value: bytes, codec: str, *, person: bool) -> Text:
    """Decode one raw value; what does not fit the codec is replaced and reported.

    Control characters are taken out: no VR read here allows them, and databases refuse NUL.
    """
    raw = value.rstrip(b" \0")
    if raw.isascii() and (plain := raw.decode("ascii")).isprintable():  # nearly all there is
        return Text(plain.strip(" "))
    problems: list[str] = []
    try:
        text = _strict(raw, codec, b"\\^=" if person else b"\\")
    except (UnicodeError, LookupError):
        text = raw.decode(codec, "replace")
        problems.append("does not fit its character set; what does not is replaced")
    kept = "".join(c for c in text if c >= " " and not "\x7f" <= c <= "\x9f")
    if kept != text:
        problems.append("holds control characters; taken out")
    return Text(kept.strip(" "), tuple(problems))


def _strict(raw: bytes, codec: str, delimiters: bytes) -> str:
    """Decode with code extensions (PS3.5 6.1.2.5): an escape holds until a delimiter."""
    if _ESCAPE not in raw or codec in _WITHOUT_ESCAPES:
        return raw.decode(codec)
    out = []
    for part in _FRAGMENT.findall(raw):
        if not part.startswith(_ESCAPE):
            out.append(part.decode(codec))
            continue
        length = 4 if part[:3] in {b"\x1b$(", b"\x1b$)"} else 3
        named = CODES_TO_ENCODINGS[part[:length]]
        if named in _SELF_ESCAPING:
            out.append(part.decode(named))
            continue
        rest = part[length:]
        cut = min((i for i, byte in enumerate(rest) if byte in delimiters), default=len(rest))
        out.append(rest[:cut].decode(named) + rest[cut:].decode(codec))
    return "".join(out)
