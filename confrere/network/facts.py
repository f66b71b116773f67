"""Credentials as values: read from what was typed, checked, and written to be kept. Pure."""

from collections.abc import Mapping
from dataclasses import fields
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from confrere.kernel.errors import Invalid
from confrere.kernel.ids import SiteId
from confrere.network import credentials as c
from confrere.network.fields import (
    DAY,
    MONEY,
    SITE,
    STATES,
    WHOLE,
    WORDS,
    Field,
    read_field,
)
from confrere.network.kinds import BY_TYPE, MODALITIES_MADE, Fact, Kind
from confrere.network.model import Reader

CHECK_EVERY = timedelta(days=31)


def kind_of(fact: Fact) -> Kind:
    """The kind of a fact."""
    return BY_TYPE[type(fact)]


def facts_of(reader: Reader) -> tuple[Fact, ...]:
    """Everything on record about a reader, shifts and places apart."""
    return (
        *reader.licences, *reader.privileges, *reader.competences, *reader.covers,
        *reader.enrolments, *reader.checks, *reader.identifiers, *reader.mammography_starts,
        *reader.mammography_counts, *reader.mammography_files,
    )  # fmt: skip


def read_fact(kind: Kind, raw: Mapping[str, str], sites: Mapping[str, SiteId]) -> Fact:
    """Make a fact of what was typed; `sites` by their code and by their id.

    Raises Invalid that names the field and says what would be right.
    """
    made: Fact = kind.makes(
        **{one.name: read_field(one, raw.get(one.name, ""), sites) for one in kind.fields}
    )
    check(made)
    return made


def check(fact: Fact) -> None:
    """Raise Invalid where a fact contradicts itself."""
    first, last = getattr(fact, "valid_from", None), getattr(fact, "valid_to", None)
    if first and last and last < first:
        raise Invalid(f"it ends on {last}, before it starts on {first}", "valid_to")
    if isinstance(fact, c.Cover):
        if fact.form == c.CLAIMS_MADE and fact.retro_date is None:
            raise Invalid("a claims-made policy needs its retroactive date", "retro_date")
        if fact.form == c.OCCURRENCE and fact.retro_date is not None:
            raise Invalid("an occurrence policy has no retroactive date", "retro_date")
        if unknown := fact.activities - {c.FACILITY, c.TELERADIOLOGY}:
            raise Invalid(f"unknown activity {min(unknown)!r}", "activities")
    if isinstance(fact, c.MammographyStart | c.FacilityCertificate) and (
        odd := fact.modalities - set(MODALITIES_MADE)
    ):
        raise Invalid(f"{min(odd)!r} is neither 2D nor DBT", "modalities")


def ends_on(fact: Fact) -> date | None:
    """The last day on which a fact serves; None when time does not end it."""
    if isinstance(fact, c.SanctionCheck):
        return fact.checked_on + CHECK_EVERY
    if isinstance(fact, c.MammographyFile):
        return min(fact.workstation_tested_to, fact.valid_to or date.max)
    last: date | None = getattr(fact, "valid_to", None)
    return last


def begins_on(fact: Fact) -> date | None:
    """The first day on which a fact serves, where it has one."""
    first: date | None = getattr(fact, "valid_from", None)
    return getattr(fact, "checked_on", None) or first


def same_thing(one: Fact, other: Fact) -> bool:
    """Say whether one fact would replace the other: the same licence, policy or list."""
    kind = kind_of(one)
    return kind is kind_of(other) and all(
        getattr(one, name) == getattr(other, name) for name in kind.identity
    )


def written(fact: Fact) -> dict[str, Any]:
    """A fact as JSON values, its site apart."""
    return {
        one.name: _written(getattr(fact, one.name))
        for one in fields(fact)
        if one.name != "site"
    }


def restored(kind: Kind, details: Mapping[str, Any], site: SiteId | None) -> Fact:
    """A fact of what `written` made."""
    values = {
        one.name: site if one.kind == SITE else _restored(one, details.get(one.name))
        for one in kind.fields
    }
    made: Fact = kind.makes(**values)
    return made


def typed(kind: Kind, fact: Fact, site_codes: Mapping[SiteId, str]) -> dict[str, str]:
    """A fact as a person would type it into the form or the file."""
    return {one.name: _typed(getattr(fact, one.name), site_codes) for one in kind.fields}


def _written(value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    return sorted(value) if isinstance(value, frozenset) else value


def _restored(one: Field, value: Any) -> Any:
    if one.kind in (WORDS, STATES):
        return frozenset(value or ())
    if value is None:
        return None if one.kind in (DAY, MONEY, WHOLE) else ""
    if one.kind == DAY:
        return date.fromisoformat(value)
    return Decimal(value) if one.kind == MONEY else value


def _typed(value: Any, site_codes: Mapping[SiteId, str]) -> str:
    if value is None:
        return ""
    if isinstance(value, UUID):
        return site_codes.get(SiteId(value), "")
    return " ".join(sorted(value)) if isinstance(value, frozenset) else str(value)
