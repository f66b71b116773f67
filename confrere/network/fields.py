"""Fields of a credential, and how a person's text becomes a value. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from confrere.kernel.errors import Invalid
from confrere.kernel.ids import SiteId
from confrere.network.credentials import ALL

TEXT, CHOICE, DAY, WHOLE, MONEY, WORDS, STATE, STATES, SITE = (
    "text", "choice", "day", "whole", "money", "words", "state", "states", "site",
)  # fmt: skip
# the states, the federal district and the territories that license physicians
STATE_CODES = frozenset(
    [
        "AL",
        "AK",
        "AZ",
        "AR",
        "CA",
        "CO",
        "CT",
        "DE",
        "FL",
        "GA",
        "HI",
        "ID",
        "IL",
        "IN",
        "IA",
        "KS",
        "KY",
        "LA",
        "ME",
        "MD",
        "MA",
        "MI",
        "MN",
        "MS",
        "MO",
        "MT",
        "NE",
        "NV",
        "NH",
        "NJ",
        "NM",
        "NY",
        "NC",
        "ND",
        "OH",
        "OK",
        "OR",
        "PA",
        "RI",
        "SC",
        "SD",
        "TN",
        "TX",
        "UT",
        "VT",
        "VA",
        "WA",
        "WV",
        "WI",
        "WY",
        "DC",
        "PR",
        "GU",
        "VI",
        "AS",
        "MP",
    ]
)
LONGEST = 200
EARLIEST, LATEST = date(1900, 1, 1), date(2200, 1, 1)
MOST_WHOLE = 1_000_000
_AMERICAN = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})")


@dataclass(frozen=True, slots=True)
class Field:
    """One field: `name` heads the file's column, `label` stands beside the form's box."""

    name: str
    label: str
    kind: str
    required: bool = False
    choices: tuple[str, ...] = ()
    hint: str = ""


def read_field(one: Field, raw: str, sites: Mapping[str, SiteId]) -> Any:
    """Read what was typed; raises Invalid that says what would be right."""
    text = " ".join(raw.split())
    if not text and not (one.kind == CHOICE and "" in one.choices):
        if one.required:
            raise Invalid(f"{one.label}: fill this in", one.name)
        return {TEXT: "", CHOICE: "", STATE: ""}.get(one.kind)
    if len(text) > LONGEST:
        raise Invalid(f"{one.label}: at most {LONGEST} characters", one.name)
    return _READERS[one.kind](one, text, sites)


def _text(_one: Field, text: str, _sites: Mapping[str, SiteId]) -> str:
    return text


def _choice(one: Field, text: str, _sites: Mapping[str, SiteId]) -> str:
    found = next((c for c in one.choices if c.casefold() == text.casefold()), None)
    if found is None:
        asked = ", ".join(c for c in one.choices if c)
        raise Invalid(f"{one.label}: {text!r} is none of {asked}", one.name)
    return found


def _day(one: Field, text: str, _sites: Mapping[str, SiteId]) -> date:
    if said := _AMERICAN.fullmatch(text):
        text = f"{said[3]}-{int(said[1]):02d}-{int(said[2]):02d}"
    try:
        read = date.fromisoformat(text.removesuffix(" 00:00:00"))
    except ValueError:
        raise Invalid(f"{one.label}: {text!r} is no date; write 2027-06-30", one.name) from None
    if not EARLIEST <= read < LATEST:
        raise Invalid(f"{one.label}: {read} is not plausible", one.name)
    return read


def _whole(one: Field, text: str, _sites: Mapping[str, SiteId]) -> int:
    plain = text.replace(",", "")
    if not (plain.isascii() and plain.isdigit()) or int(plain[:12]) > MOST_WHOLE:
        raise Invalid(f"{one.label}: {text!r} is no whole number up to 1,000,000", one.name)
    return int(plain)


def _money(one: Field, text: str, _sites: Mapping[str, SiteId]) -> Decimal:
    try:
        read = Decimal(text.removeprefix("$").replace(",", ""))
    except InvalidOperation:
        read = Decimal(-1)
    if not (read.is_finite() and 0 <= read < Decimal(10) ** 12):
        raise Invalid(f"{one.label}: {text!r} is no amount; write 1000000", one.name)
    return read


def _words(one: Field, text: str, _sites: Mapping[str, SiteId]) -> frozenset[str]:
    found = frozenset(re.split(r"[\s,;|]+", text)) - {""}
    if not found:
        raise Invalid(f"{one.label}: write words with spaces between them", one.name)
    return frozenset(ALL if word.casefold() == ALL else word for word in found)


def _state(one: Field, text: str, _sites: Mapping[str, SiteId]) -> str:
    if text.upper() not in STATE_CODES:
        raise Invalid(f"{one.label}: {text!r} is no state's two letters, such as IL", one.name)
    return text.upper()


def _states(one: Field, text: str, sites: Mapping[str, SiteId]) -> frozenset[str]:
    found = _words(one, text, sites)
    return frozenset(word if word == ALL else _state(one, word, sites) for word in found)


def _site(one: Field, text: str, sites: Mapping[str, SiteId]) -> SiteId:
    found = sites.get(text) or sites.get(text.upper())
    if found is None:
        raise Invalid(f"{one.label}: no site has the code {text!r}", one.name)
    return found


_READERS = {
    TEXT: _text, CHOICE: _choice, DAY: _day, WHOLE: _whole, MONEY: _money, WORDS: _words,
    STATE: _state, STATES: _states, SITE: _site,
}  # fmt: skip
