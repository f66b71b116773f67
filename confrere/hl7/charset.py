"""Which character set a message is in: MSH-18 when it tells the truth, evidence when not.

Source: HL7 v2.5.1 section 2.15.9.18 and table 0211.
"""

import re
from collections.abc import Iterable

# C1 control bytes: never in text of an 8859 set, everywhere in UTF-8 and Windows text
_C1 = re.compile(rb"[\x80-\x9f]")
_ISO = re.compile(r"(?:ISO\s*)?8859[/-]?(\d{1,2})")
_NAMED = {
    "": "utf-8",
    "ASCII": "utf-8",
    "UNICODE": "utf-8",
    "UNICODE UTF-8": "utf-8",
    "UTF-8": "utf-8",
    "UTF8": "utf-8",
    "GB 18030-2000": "gb18030",
    "BIG-5": "big5",
}
_ISO_PARTS = frozenset(range(1, 17)) - {12}


def declared_encoding(declared: str) -> str:
    """Name the Python codec for a value of table 0211; what is unknown is tried as UTF-8."""
    name = declared.strip().upper()
    found = _ISO.fullmatch(name)
    if found and int(found[1]) in _ISO_PARTS:
        return f"iso8859-{int(found[1])}"
    return _NAMED.get(name, "utf-8")


def choose_encoding(lines: Iterable[bytes], declared: str) -> str:
    """Choose one codec that reads every line, so that no message is read in two ways.

    The declared set is tried first, then UTF-8, then Latin-1, which reads anything. An 8859
    declaration over bytes 80-9F that are valid UTF-8 is not believed: senders label UTF-8 so.
    """
    wanted = declared_encoding(declared)
    lines = tuple(lines)
    for encoding in (wanted, "utf-8"):
        suspicious = encoding.startswith("iso8859") and any(_C1.search(line) for line in lines)
        if not suspicious and all(_reads(line, encoding) for line in lines):
            return encoding
    return wanted if wanted == "iso8859-1" or _all_read(lines, wanted) else "iso8859-1"


def _all_read(lines: tuple[bytes, ...], encoding: str) -> bool:
    return all(_reads(line, encoding) for line in lines)


def _reads(line: bytes, encoding: str) -> bool:
    if line.isascii():
        return True
    try:
        line.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True
