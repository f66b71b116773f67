"""On which level each field of two identities agrees. Pure.

Levels are words, from `exact` to `different`; a field that is absent on either side has none
and says nothing (Fellegi and Sunter, JASA 1969;64:1183).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from confrere.patients.likeness import jaro_winkler, one_slip, plain
from confrere.patients.model import Demographics
from confrere.patients.nicknames import may_be_called

EXACT, CLOSE, DIFFERENT = "exact", "close", "different"
PART, SWAPPED, NICKNAME, INITIAL = "part", "swapped", "nickname", "initial"
TYPO, MONTH, AREA = "typo", "same month and year", "same area"
LEVELS: dict[str, tuple[str, ...]] = {
    "family": (EXACT, CLOSE, PART, SWAPPED, DIFFERENT),
    "given": (EXACT, NICKNAME, CLOSE, INITIAL, SWAPPED, DIFFERENT),
    "birth_date": (EXACT, TYPO, MONTH, DIFFERENT),
    "sex": (EXACT, DIFFERENT),
    "postal_code": (EXACT, AREA, DIFFERENT),
    "street": (EXACT, CLOSE, DIFFERENT),
    "phone": (EXACT, CLOSE, DIFFERENT),
    "national_last4": (EXACT, CLOSE, DIFFERENT),
}
_FAMILY_ALIKE, _GIVEN_ALIKE, _STREET_ALIKE = 0.92, 0.88, 0.90
_SEXES = frozenset("MF")
_PHONE_DIGITS = 10
_AREA_DIGITS, _ZIP_DIGITS = 3, 5


@dataclass(frozen=True, slots=True)
class Compared:
    """One field's level, and the folded value where both have it exactly."""

    field: str
    level: str
    value: str = ""


def compare(one: Demographics, other: Demographics) -> tuple[Compared, ...]:
    """Compare all fields that both know."""
    swapped = _swapped(_both_names(one), _both_names(other))
    return tuple(
        found
        for field in LEVELS
        if (found := _compared(field, one, other, swapped=swapped)) is not None
    )


def _compared(
    field: str, one: Demographics, other: Demographics, *, swapped: bool
) -> Compared | None:
    if field == "birth_date":
        return _born(one.birth_date, other.birth_date)
    fold, judge = _RULES[field]
    a, b = fold(getattr(one, field)), fold(getattr(other, field))
    if not a or not b:
        return None
    if a == b:
        return Compared(field, EXACT, a)
    if field == "given" and _alike(names(one.given), names(other.given), _GIVEN_ALIKE):
        return Compared(field, CLOSE)
    if swapped and field in ("family", "given"):
        return Compared(field, SWAPPED)
    return Compared(field, judge(a, b))


def _swapped(mine: tuple[str, str], theirs: tuple[str, str]) -> bool:
    """Say whether family and given name stand in each other's place, a slip aside."""
    if not all(mine) or not all(theirs) or mine[0] == theirs[0] or mine[1] == theirs[1]:
        return False
    crossed = zip(mine, theirs[::-1], strict=True)
    return all(_alike(a, b, _FAMILY_ALIKE) or a == b for a, b in crossed)


def _both_names(who: Demographics) -> tuple[str, str]:
    return names(who.family), first(who.given)


def names(text: str) -> str:
    """Fold a family name."""
    return plain(text.replace("'", "").replace("\N{RIGHT SINGLE QUOTATION MARK}", ""))


def first(text: str) -> str:
    """Fold the first given name; middle names are too often left out to tell anything."""
    return names(text).partition(" ")[0]


def digits(text: str) -> str:
    """Keep the digits alone."""
    return "".join(c for c in text if c.isascii() and c.isdigit())


def phone(text: str) -> str:
    """Keep the last ten digits: country codes and trunk zeros come and go."""
    return digits(text)[-_PHONE_DIGITS:]


def _zip(text: str) -> str:
    return plain(text).replace(" ", "")[:_ZIP_DIGITS]


def _sex(text: str) -> str:
    return text.upper() if text.upper() in _SEXES else ""


_STREET_WORDS = {
    "street": "st", "avenue": "ave", "road": "rd", "drive": "dr", "lane": "ln", "court": "ct",
    "place": "pl", "boulevard": "blvd", "circuit": "cct", "crescent": "cres",
    "north": "n", "south": "s", "east": "e", "west": "w", "apartment": "apt",
}  # fmt: skip


def street(text: str) -> str:
    """Fold a street line, the usual words shortened."""
    return " ".join(_STREET_WORDS.get(word, word) for word in plain(text).split())


def _family(a: str, b: str) -> str:
    if one_slip(a.replace(" ", ""), b.replace(" ", "")):
        return CLOSE
    if not set(a.split()).isdisjoint(b.split()):
        return PART
    return CLOSE if _alike(a, b, _FAMILY_ALIKE) else DIFFERENT


def _given(a: str, b: str) -> str:
    if may_be_called(a, b):
        return NICKNAME
    if 1 in (len(a), len(b)):
        return INITIAL if a[0] == b[0] else DIFFERENT
    return CLOSE if _alike(a, b, _GIVEN_ALIKE) else DIFFERENT


def _area(a: str, b: str) -> str:
    near = a[:_AREA_DIGITS] == b[:_AREA_DIGITS] or one_slip(a, b)
    return AREA if near else DIFFERENT


def _street(a: str, b: str) -> str:
    return CLOSE if _alike(a, b, _STREET_ALIKE) else DIFFERENT


def _alike(a: str, b: str, enough: float) -> bool:
    """Say whether two words are one, but for a slip or little more; spaces come and go."""
    a, b = a.replace(" ", ""), b.replace(" ", "")
    return a == b or one_slip(a, b) or jaro_winkler(a, b) >= enough


def _slip(a: str, b: str) -> str:
    return CLOSE if one_slip(a, b) else DIFFERENT


def _born(a: date | None, b: date | None) -> Compared | None:
    if a is None or b is None:
        return None
    if a == b:
        return Compared("birth_date", EXACT, a.isoformat())
    one, other = f"{a:%Y%m%d}", f"{b:%Y%m%d}"
    turned = (a.year, a.month, a.day) == (b.year, b.day, b.month)
    if one_slip(one, other) or turned:
        return Compared("birth_date", TYPO)
    alike = (a.year, a.month) == (b.year, b.month)
    return Compared("birth_date", MONTH if alike else DIFFERENT)


Fold = Callable[[str], str]
Judge = Callable[[str, str], str]
_RULES: dict[str, tuple[Fold, Judge]] = {
    "family": (names, _family),
    "given": (first, _given),
    "sex": (_sex, lambda _a, _b: DIFFERENT),
    "postal_code": (_zip, _area),
    "street": (street, _street),
    "phone": (phone, _slip),
    "national_last4": (digits, _slip),
}
