"""A search as it came: parameters, page, and what is kept for the self link. Pure.

Source: hl7.org/fhir/R4/search.html#errors (lenient and strict handling).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl

from confrere.fhir import pages
from confrere.fhir.parameters import Criteria, Kind, Parameter, criterion
from confrere.fhir.resource import Resource
from confrere.kernel.errors import Invalid
from confrere.kernel.periods import Place

Pairs = tuple[tuple[str, str], ...]

USUAL_COUNT, MOST_COUNT = 50, 200
MOST_PARAMETERS = 64
JSON_FORMATS = ("json", "application/json", "application/fhir+json")


@dataclass(frozen=True, slots=True)
class Query:
    """What to search, how many, from where, and which references to bring along."""

    criteria: Criteria
    count: int
    after: Place | None
    includes: tuple[Parameter, ...]
    kept: Pairs  # what was understood, without the page


def pairs(text: str) -> Pairs:
    """Read a query string or a form; raises Invalid when there is too much of it."""
    try:
        found = parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_PARAMETERS)
    except ValueError:
        raise Invalid(f"give at most {MOST_PARAMETERS} parameters") from None
    return tuple(found)


def read(
    resource: Resource, given: Iterable[tuple[str, str]], base: str, *, strict: bool, form: bool
) -> Query:
    """Read a search of one type.

    Raises Invalid naming the parameter: a bad value, and when `strict` an unknown parameter,
    which is otherwise left out.
    """
    asked, includes, kept = [], [], []
    count, after = USUAL_COUNT, None
    for name, value in given:
        plain, _, modifier = name.partition(":")
        parameter = resource.parameter(plain)
        if name == "_count":
            count = _count(value)
        elif name == pages.NAME:
            after = pages.place_of(value, form=form)
            continue
        elif name == "_format":
            pass  # negotiated before, and the link is to say the same
        elif name == "_include":
            includes.append(_include(resource, value))
        elif parameter is not None:
            if not value.strip():
                continue
            asked.append(criterion(parameter, modifier, value))
        elif strict:
            raise Invalid(f"{name[:64]}: {resource.type} has no such parameter", name[:64])
        else:
            continue
        kept.append((name, value))
    query = Query(Criteria(tuple(asked), base), count, after, tuple(includes), tuple(kept))
    _check(query.criteria)
    return query


def _check(criteria: Criteria) -> None:
    """Read every date once, so that a bad one is named whatever else is asked."""
    for one in criteria.asked:
        if one.parameter.kind is Kind.DATE:
            read_date = (
                criteria.days if one.parameter.name == "birthdate" else criteria.instants
            )
            read_date(one.parameter.name)


def _count(value: str) -> int:
    if not (value.isascii() and value.isdigit()) or len(value) > 9 or int(value) < 1:  # noqa: PLR2004
        raise Invalid("_count: give a whole number from 1 on", "_count")
    return min(int(value), MOST_COUNT)


def _include(resource: Resource, value: str) -> Parameter:
    source, _, rest = value.partition(":")
    name, _, target = rest.partition(":")
    parameter = resource.parameter(name) if source == resource.type else None
    if parameter is None or not parameter.element:
        raise Invalid(f"_include: {resource.type} has {_includable(resource)}", "_include")
    if target and target not in parameter.targets:
        raise Invalid(f"_include: {name} leads to {parameter.targets[0]}", "_include")
    return parameter


def _includable(resource: Resource) -> str:
    return ", ".join(includes(resource)) or "nothing to include"


def includes(resource: Resource) -> Sequence[str]:
    """Which `_include` values a type takes."""
    return [f"{resource.type}:{one.name}" for one in resource.parameters if one.element]
