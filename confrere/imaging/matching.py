"""Search keys: what a key's text asks for. Pure.

Source: PS3.4 section C.2.2.2 (attribute matching), PS3.18 section 8.3.4.
"""

import re
from dataclasses import dataclass

from confrere.imaging.attributes import Attribute
from confrere.imaging.filing import name_key
from confrere.imaging.model import Found, Scope
from confrere.kernel.errors import Invalid
from confrere.kernel.ids import GroupId, PatientId

MOST_RESULTS = 500
LONGEST_KEY = 4096
MOST_VALUES = 500
LONGEST_LIST = MOST_VALUES * 65  # so many UIDs, each with what parts it from the next
MOST_WILDCARDS = 16  # keeps the time of one comparison bounded
UID = re.compile(r"[0-9.]{1,64}")
DATE = re.compile(r"[0-9]{8}|")
TIME = re.compile(r"[0-9]{2}([0-9]{2}([0-9]{2}(\.[0-9]{1,6})?)?)?|")
AFTER_DIGITS = ":"  # sorts behind every digit and the dot: the end of "all that start with"
AFTER_ALL = "\U0010ffff"
FOLDED = frozenset({"PN", "LO"})  # compared without regard to case, except identifiers
IDENTIFIERS = frozenset({"mrn", "issuer"})


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Equals one of these."""

    attribute: Attribute
    values: tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Between:
    """From `low` up to `high`, as text; None is an open end. Blank never fits."""

    attribute: Attribute
    low: str | None
    high: str | None


@dataclass(frozen=True, slots=True)
class Like:
    """Fits a pattern of literal text, `*` and `?`."""

    attribute: Attribute
    pattern: str


@dataclass(frozen=True, slots=True)
class Sounding:
    """Fits as written, or is of one of these patients, whose names sound alike."""

    attribute: Attribute
    literal: "Match"
    patients: tuple[PatientId, ...]


Match = AnyOf | Between | Like | Sounding


@dataclass(frozen=True, slots=True)
class Persons:
    """Whose studies a viewer may come upon: those of the persons whose studies it shows.

    `patients` are all confirmed identities of those persons; `numbers` (owner group, record
    number, issuer) are of studies that belong to no patient yet.
    """

    patients: frozenset[PatientId]
    numbers: frozenset[tuple[GroupId, str, str]]


@dataclass(frozen=True, slots=True)
class Query:
    """A search: all matches must hold. Sorted newest first, so pages do not overlap.

    `after` asks for what follows this result, of the caller's own: each page then costs the
    same, and what is filed meanwhile shifts nothing. It goes without `offset` and shares.
    """

    scope: Scope
    matches: tuple[Match, ...] = ()
    limit: int = 100
    offset: int = 0
    persons: Persons | None = None  # whose studies alone are meant
    after: Found | None = None


def match(attribute: Attribute, text: str) -> Match | None:
    """Read one key; None when it asks for anything (PS3.4 C.2.2.2.3).

    Raises Invalid naming the attribute.
    """
    longest = LONGEST_LIST if attribute.vr == "UI" else LONGEST_KEY
    if len(text) > longest or "\0" in text:
        raise Invalid(f"{attribute.keyword}: shorten this key", attribute.keyword)
    if not text.strip("*"):
        return None
    if attribute.vr == "UI":
        return _uids(attribute, text)
    if attribute.vr in ("DA", "TM"):
        return _period(attribute, text)
    if attribute.vr in ("IS", "US"):
        return _whole(attribute, text)
    if attribute.vr == "PN":
        return _name(attribute, text)
    return _text(attribute, text)


def is_uid(text: str) -> bool:
    """Say whether a text can be a UID at all (PS3.5 section 9.1)."""
    return UID.fullmatch(text) is not None


def folded(attribute: Attribute) -> bool:
    """Say whether case is ignored: in names and descriptions, never in identifiers."""
    return attribute.vr in FOLDED and attribute.column not in IDENTIFIERS


def sql_pattern(pattern: str) -> str:
    r"""Turn `*` and `?` into LIKE's `%` and `_`; those two and `\` stay literal."""
    for special in "\\%_":
        pattern = pattern.replace(special, "\\" + special)
    return pattern.replace("*", "%").replace("?", "_")


def heard(text: str) -> tuple[str, str] | None:
    """Family and given name of a key that may be matched by how it sounds; None: literally only.

    Wildcards within a name ask for letters; one at its end does not.
    """
    family, _, rest = text.partition("=")[0].strip().partition("^")
    names = (family.strip().rstrip("*"), rest.partition("^")[0].strip().rstrip("*"))
    if not names[0] or any(mark in name for name in names for mark in "*?"):
        return None
    return names


def _uids(attribute: Attribute, text: str) -> Match:
    values = tuple(value.strip() for value in re.split(r"[\\,]", text))
    if len(values) > MOST_VALUES or not all(UID.fullmatch(value) for value in values):
        raise Invalid(
            f"{attribute.keyword}: give up to {MOST_VALUES} UIDs of digits and dots, "
            "separated by commas",
            attribute.keyword,
        )
    return AnyOf(attribute, values)


def _period(attribute: Attribute, text: str) -> Match:
    form, example = (
        (DATE, "20260131 or 20260101-20260131")
        if attribute.vr == "DA"
        else (TIME, "0730 or 0730-1200")
    )
    low, dash, high = (part.strip() for part in text.replace(":", "").partition("-"))
    if not (form.fullmatch(low) and form.fullmatch(high) and (low or high)):
        raise Invalid(f"{attribute.keyword}: write it as {example}", attribute.keyword)
    if not dash:
        high = low
    if high and attribute.vr == "TM":
        high += AFTER_DIGITS
    return Between(attribute, low or None, high or None)


def _whole(attribute: Attribute, text: str) -> Match:
    if not re.fullmatch(r"[+-]?[0-9]{1,9}", text.strip()):
        raise Invalid(f"{attribute.keyword}: give a whole number", attribute.keyword)
    return AnyOf(attribute, (int(text.strip()),))


def _name(attribute: Attribute, text: str) -> Match | None:
    """Read a person name: a plain prefix becomes a range of the folded key."""
    pattern = _pattern(attribute, name_key(text))
    start = pattern.removesuffix("*")
    if attribute.column == "patient_name" and not set("*?") & set(start):
        if start == pattern:
            return AnyOf(attribute, (start,))
        return Between(attribute, start, start + AFTER_ALL)
    return Like(attribute, pattern)


def _text(attribute: Attribute, text: str) -> Match:
    value = text.strip()
    if attribute.column == "modalities" or attribute.vr == "CS":
        values = tuple(part.strip() for part in re.split(r"[\\,]", value))
        if len(values) <= MOST_VALUES and not set("*?") & set(value):
            return AnyOf(attribute, values)
    if set("*?") & set(value) or folded(attribute):
        return Like(attribute, _pattern(attribute, value))
    return AnyOf(attribute, (value,))


def _pattern(attribute: Attribute, text: str) -> str:
    pattern = re.sub(r"\*+", "*", text)
    if sum(pattern.count(mark) for mark in "*?") > MOST_WILDCARDS:
        raise Invalid(
            f"{attribute.keyword}: use at most {MOST_WILDCARDS} wildcards", attribute.keyword
        )
    return pattern
