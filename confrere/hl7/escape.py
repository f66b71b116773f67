"""Delimiters and escape sequences. Source: HL7 v2.5.1 sections 2.5.4 and 2.7."""

import functools
import re
from dataclasses import dataclass

from confrere.kernel.errors import Invalid

_LONGEST_SKIP = 50
_MOST_DELIMITERS = 5


@dataclass(frozen=True, slots=True)
class Delimiters:
    """The separators a message declares in MSH-1 and MSH-2; an absent one is empty."""

    field: str = "|"
    component: str = "^"
    repetition: str = "~"
    escape: str = "\\"
    sub: str = "&"

    @property
    def encoding_characters(self) -> str:
        """MSH-2."""
        return self.component + self.repetition + self.escape + self.sub


STANDARD = Delimiters()


def read_delimiters(header: str) -> Delimiters:
    r"""Read MSH-1 and MSH-2 from the start of a header segment (MSH, BHS or FHS).

    Letters, digits, spaces, control characters and duplicates are refused: with them one value
    could be cut in two ways. `^~\\&`, a doubled escape from a source literal, reads as `^~\&`.
    Raises Invalid with the field.
    """
    separator = header[3:4]
    if not _may_separate(separator):
        raise Invalid("MSH-1 must be one printable separator such as |", field="MSH-1")
    declared = header[4:].split(separator, 1)[0]
    if len(declared) == _MOST_DELIMITERS and declared[2] == declared[3]:
        declared = declared[:3] + declared[4:]
    if not 1 <= len(declared) <= _MOST_DELIMITERS:
        raise Invalid(r"MSH-2 must hold the delimiters, usually ^~\&", field="MSH-2")
    if not all(map(_may_separate, declared)) or len({separator, *declared}) <= len(declared):
        raise Invalid(
            "MSH-2 must hold distinct delimiters, neither letters nor digits", field="MSH-2"
        )
    component, repetition, escape, sub = (*declared, "", "", "")[:4]
    return Delimiters(separator, component, repetition, escape, sub)


def _may_separate(character: str) -> bool:
    return len(character) == 1 and "!" <= character <= "~" and not character.isalnum()


@functools.lru_cache(maxsize=64)
def _sequences(escape: str) -> re.Pattern[str]:
    mark = re.escape(escape)
    return re.compile(
        rf"(?P<hex>(?:{mark}X(?:[0-9A-Fa-f]{{2}})+{mark})+)"
        rf"|{mark}(?:(?P<letter>[FSTREPHN])"
        rf"|\.(?P<break>br|ce)|\.sp\+?(?P<skip>\d{{0,6}})"
        rf"|\.(?:fi|nf|in[+-]?\d*|ti[+-]?\d*)){mark}"
    )


def unescape(text: str, delimiters: Delimiters, encoding: str = "utf-8") -> str:
    r"""Turn escape sequences into what they stand for.

    Unknown or unbalanced sequences stay literal. `\.br\` becomes a line feed, `\X0D\` a carriage
    return inside the value. Highlighting and indents are dropped, NUL becomes U+FFFD because
    the database's text can't hold it. Hex is in the message's own character set.
    """
    if delimiters.escape and delimiters.escape in text:
        letters = {
            "F": delimiters.field,
            "S": delimiters.component,
            "T": delimiters.sub,
            "R": delimiters.repetition,
            "E": delimiters.escape,
            "P": "#",
        }

        def replace(found: re.Match[str]) -> str:
            if found["hex"]:
                return _from_hex(found["hex"], delimiters.escape, encoding)
            if found["letter"]:
                return letters.get(found["letter"], "")
            if found["skip"] is not None:
                return "\n" * max(1, min(int(found["skip"] or 1), _LONGEST_SKIP))
            return "\n" if found["break"] else ""

        text = _sequences(delimiters.escape).sub(replace, text)
    return text.replace("\0", "\ufffd")


def _from_hex(sequence: str, escape: str, encoding: str) -> str:
    raw = bytes.fromhex("".join(part[1:] for part in sequence.split(escape) if part))
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError:
        return raw.decode("iso8859-1")


def escape(text: str, delimiters: Delimiters = STANDARD) -> str:
    r"""Escape a value so that `unescape` gives it back and no delimiter or control leaks.

    Control characters go as `\Xhh\`: neither a segment end nor an MLLP block mark can come
    from inside a value. `delimiters` must hold all five.
    """
    return text.translate(_table(delimiters))


@functools.lru_cache(maxsize=64)
def _table(delimiters: Delimiters) -> dict[int, str]:
    mark = delimiters.escape
    table = {code: f"{mark}X{code:02X}{mark}" for code in (*range(32), 127)}
    letters = zip(
        "FSTRE",
        (
            delimiters.field,
            delimiters.component,
            delimiters.sub,
            delimiters.repetition,
            delimiters.escape,
        ),
        strict=True,
    )
    return table | {ord(character): f"{mark}{letter}{mark}" for letter, character in letters}
