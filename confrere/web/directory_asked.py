"""What was typed into the forms of groups, sites and readers, read or refused by field. Pure."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any
from zoneinfo import available_timezones

from confrere.kernel.errors import Invalid
from confrere.network.fields import MONEY, TEXT, WHOLE, Field, read_field
from confrere.orders.priorities import MINUTES

LONGEST_CODE = 24
MOST_MINUTES = 14 * 24 * 60
Form = Mapping[str, str]


def read(form: Form, field: Field) -> Any:
    """Read one field; Invalid says what would be right."""
    return read_field(field, form.get(field.name, ""), {})


def text(form: Form, name: str, label: str) -> str:
    """A text that must be there."""
    said: str = read(form, Field(name, label, TEXT, required=True))
    return said


def code(form: Form) -> str:
    """A short code of letters and digits, in capitals."""
    said = text(form, "code", "Code").upper()
    if not (said.isascii() and said.isalnum()) or len(said) > LONGEST_CODE:
        raise Invalid(f"a code has up to {LONGEST_CODE} letters and digits", "code")
    return said


def zone(form: Form) -> str:
    """An IANA time zone."""
    said = text(form, "time_zone", "Time zone")
    if said not in available_timezones():
        raise Invalid("choose a time zone such as America/Chicago", "time_zone")
    return said


def one_of(form: Form, name: str, words: Sequence[str]) -> str:
    """One of some words; the first when nothing was said."""
    said = form.get(name, "") or words[0]
    if said not in words:
        raise Invalid(f"choose one of {', '.join(words)}", name)
    return said


def money(form: Form, name: str) -> Decimal | None:
    """An amount, or None where none was typed."""
    said: Decimal | None = read(form, Field(name, name.replace("_", " "), MONEY))
    return said


def targets(form: Form) -> dict[str, int]:
    """The contract's minutes for each priority that it names."""
    found = {}
    for priority in MINUTES:
        minutes = read(form, Field(f"target_{priority}", f"Minutes for {priority}", WHOLE))
        if minutes is None:
            continue
        if not 0 < minutes <= MOST_MINUTES:
            raise Invalid("a limit is between a minute and a fortnight", f"target_{priority}")
        found[priority] = minutes
    return found
