"""Search parameters as data, and what their values ask for. Pure.

Source: hl7.org/fhir/R4/search.html. Several values of one parameter are alternatives; the
same parameter again is a further condition.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from confrere.fhir import periods
from confrere.kernel.errors import Invalid
from confrere.kernel.periods import Spans, common

MOST_VALUES = 100
LONGEST_VALUE = 2048


class Kind(StrEnum):
    """How a parameter compares."""

    TOKEN = "token"  # noqa: S105 - FHIR's word
    STRING = "string"
    DATE = "date"
    REFERENCE = "reference"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One search parameter. `element` of a reference is what `_include` follows."""

    name: str
    kind: Kind
    about: str
    targets: tuple[str, ...] = ()
    element: str = ""

    @property
    def modifiers(self) -> tuple[str, ...]:
        """The modifiers that it takes."""
        return ("exact", "contains") if self.kind is Kind.STRING else self.targets


ID = Parameter("_id", Kind.TOKEN, "The resource's id")
LAST_UPDATED = Parameter("_lastUpdated", Kind.DATE, "When the resource last changed")


@dataclass(frozen=True, slots=True)
class Token:
    """A token's value: None is any system, or any code; an empty system is none at all."""

    system: str | None
    code: str | None

    def names(self, system: str, code: str) -> bool:
        """Say whether it names this code of this system."""
        return self.system in (None, system) and self.code in (None, code)


@dataclass(frozen=True, slots=True)
class Criterion:
    """One parameter as asked: its alternatives are still escaped as FHIR escapes them."""

    parameter: Parameter
    modifier: str
    values: tuple[str, ...]


def criterion(parameter: Parameter, modifier: str, text: str) -> Criterion:
    """Read one parameter; raises Invalid naming it."""
    name = parameter.name
    if modifier and modifier not in parameter.modifiers:
        raise Invalid(f"{name}: the modifier is not supported; leave it out", name)
    if len(text) > LONGEST_VALUE or "\0" in text:
        raise Invalid(f"{name}: shorten the value and leave out control characters", name)
    values = tuple(one for one in _split(text, ",") if one.strip())
    if len(values) > MOST_VALUES:
        raise Invalid(f"{name}: give at most {MOST_VALUES} values", name)
    return Criterion(parameter, modifier, values)


@dataclass(frozen=True, slots=True)
class Criteria:
    """All that a search asks. `base` is the address that our own references begin with."""

    asked: tuple[Criterion, ...]
    base: str

    def tokens(self, name: str) -> list[list[Token]]:
        """The alternatives of each time a token is asked for."""
        return [[_token(value) for value in one.values] for one in self._of(name)]

    def codes(self, name: str, system: str, known: Sequence[str]) -> frozenset[str] | None:
        """Which of the known codes of a system fit; None when it is not asked."""
        asked = self.tokens(name)
        if not asked:
            return None
        return frozenset(
            code
            for code in known
            if all(any(t.names(system, code) for t in ts) for ts in asked)
        )

    def strings(self, name: str) -> list[tuple[str, tuple[str, ...]]]:
        """Modifier and alternatives of each time a string is asked for."""
        return [(one.modifier, tuple(map(_plain, one.values))) for one in self._of(name)]

    def instants(self, name: str) -> Spans | None:
        """Spans of instants; None when it is not asked."""
        return self._spans(name, periods.instants)

    def days(self, name: str) -> Spans | None:
        """Spans of calendar days; None when it is not asked."""
        return self._spans(name, periods.days)

    def ids(self) -> frozenset[UUID] | None:
        """Our ids in `_id`; None when it is not asked, empty when none can be ours."""
        return _in_all([_uuids(map(_plain, one.values)) for one in self._of("_id")])

    def references(self, *names: str) -> frozenset[UUID] | None:
        """Ids that all of these reference parameters name; None when none is asked."""
        return _in_all([found for name in names for found in self.alternatives(name)])

    def alternatives(self, name: str) -> tuple[frozenset[UUID], ...]:
        """Ids of each time a reference is asked for."""
        return tuple(
            frozenset(
                found
                for value in one.values
                if (found := self._referenced(one, _plain(value))) is not None
            )
            for one in self._of(name)
        )

    def _of(self, name: str) -> list[Criterion]:
        return [one for one in self.asked if one.parameter.name == name]

    def _spans(self, name: str, read: Callable[[str, str], Spans]) -> Spans | None:
        spans: Spans | None = None
        for one in self._of(name):
            these = tuple(s for value in one.values for s in read(name, value))
            spans = these if spans is None else common(spans, these)
        return spans

    def _referenced(self, asked: Criterion, value: str) -> UUID | None:
        kind, slash, key = value.removeprefix(self.base + "/").rpartition("/")
        wanted = (asked.modifier,) if asked.modifier else asked.parameter.targets
        return _uuid(key) if not slash or kind in wanted else None


def _in_all(sets: Sequence[frozenset[UUID]]) -> frozenset[UUID] | None:
    return frozenset.intersection(*sets) if sets else None


def _uuids(texts: Iterable[str]) -> frozenset[UUID]:
    return frozenset(found for text in texts if (found := _uuid(text)) is not None)


def _uuid(text: str) -> UUID | None:
    """Read an id as we write it; None for any other text."""
    try:
        found = UUID(text)
    except ValueError:
        return None
    return found if str(found) == text else None


def _split(text: str, mark: str) -> list[str]:
    r"""Split at a mark that no `\` stands before."""
    return re.findall(rf"(?:\\.|[^\\{re.escape(mark)}]|\\$)+", text, re.DOTALL)


def _plain(text: str) -> str:
    r"""Take back FHIR's escapes `\,` `\$` `\|` and `\\`."""
    return re.sub(r"\\([\\,$|])", r"\1", text)


def _token(value: str) -> Token:
    bar = re.search(r"(?<!\\)(?:\\\\)*\|", value)
    if bar is None:
        return Token(None, _plain(value))
    system, code = _plain(value[: bar.end() - 1]), _plain(value[bar.end() :])
    return Token(system, code or None)
