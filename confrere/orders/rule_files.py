"""Read rules of appropriateness from a file: JSON, row by row, with what is wrong in each. Pure.

A group that holds licensed criteria brings them in this form; none come with the program.
"""

import json
from dataclasses import dataclass, fields
from datetime import date
from typing import Any

from confrere.kernel.errors import Invalid
from confrere.orders.appropriateness import AppropriatenessRule, When

MOST_RULES = 5000
LONGEST_TEXT = 500
MOST_WORDS = 200
_TEXTS = ("code", "title", "says", "cites", "owner")
_LISTS = tuple(one.name for one in fields(When) if one.type == tuple[str, ...])
_NUMBERS = ("age_from", "age_below", "egfr_below")
_RECENT = 3  # modality, region, days


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong in one row, and in which field."""

    row: int
    field: str
    what: str


@dataclass(frozen=True, slots=True)
class RulePlan:
    """What a file holds: rules to load, or what must be corrected first."""

    rules: tuple[AppropriatenessRule, ...]
    problems: tuple[Problem, ...]


def read_rules(content: bytes, origin: str) -> RulePlan:
    """Read `{"rules": [...]}`; Invalid where the file is not that at all."""
    try:
        whole = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise Invalid("the file is not JSON: save it as UTF-8 JSON", "file") from error
    rows = whole.get("rules") if isinstance(whole, dict) else None
    if not isinstance(rows, list) or not rows:
        raise Invalid('the file must hold {"rules": [ ... ]} with a rule at least', "file")
    if len(rows) > MOST_RULES:
        raise Invalid(f"the file has over {MOST_RULES} rules; split it", "file")
    rules: list[AppropriatenessRule] = []
    problems: list[Problem] = []
    seen: set[str] = set()
    for number, row in enumerate(rows, 1):
        try:
            rule = _rule(row, origin)
        except Invalid as error:
            problems.append(Problem(number, error.field, str(error)))
            continue
        if rule.code in seen:
            problems.append(Problem(number, "code", "the code stands in an earlier row too"))
        seen.add(rule.code)
        rules.append(rule)
    return RulePlan(tuple(rules), tuple(problems))


def when_of(said: Any) -> When:
    """Read a rule's conditions; Invalid names the field."""
    if not isinstance(said, dict):
        raise Invalid("give the conditions as an object", "when")
    if unknown := sorted(set(said) - {one.name for one in fields(When)}):
        raise Invalid(f"there is no condition {unknown[0]}", "when")
    values: dict[str, Any] = {name: _words(said, name) for name in _LISTS}
    values |= {name: _whole(said, name) for name in _NUMBERS}
    sex = said.get("sex", "")
    if sex not in ("", "F", "M", "O"):
        raise Invalid("sex is F, M, O or left out", "sex")
    recent = values["unless_recent"]
    if recent and (len(recent) != _RECENT or not recent[2].isdigit()):
        raise Invalid("give modality, region and days", "unless_recent")
    made = When(**values, sex=sex)
    if made == When():
        raise Invalid("a rule without a condition would fire on every order", "when")
    return made


def _rule(row: Any, origin: str) -> AppropriatenessRule:
    if not isinstance(row, dict):
        raise Invalid("a rule is an object", "rules")
    texts = {name: _text(row, name) for name in _TEXTS}
    version = row.get("version", 1)
    if not isinstance(version, int) or isinstance(version, bool) or not 0 < version < 10**6:
        raise Invalid("give the version as a whole number from 1 on", "version")
    first, last = _day(row, "effective_from"), _day(row, "effective_to")
    if first is None:
        raise Invalid("say from when the rule is in force: 2026-01-31", "effective_from")
    if last is not None and last < first:
        raise Invalid("the last day is before the first", "effective_to")
    return AppropriatenessRule(
        version=version, effective_from=first, effective_to=last, when=when_of(row.get("when")),
        area=_text(row, "area", needed=False), origin=origin, **texts,
    )  # fmt: skip


def _text(row: dict[str, Any], name: str, *, needed: bool = True) -> str:
    said = row.get(name, "")
    if not isinstance(said, str) or len(said) > LONGEST_TEXT or "\0" in said:
        raise Invalid(f"give a text of up to {LONGEST_TEXT} characters", name)
    if needed and not said.strip():
        raise Invalid("this must be given", name)
    return said.strip()


def _words(said: dict[str, Any], name: str) -> tuple[str, ...]:
    words = said.get(name, [])
    right = isinstance(words, list) and len(words) <= MOST_WORDS
    if not right or not all(isinstance(w, str) and 0 < len(w) <= LONGEST_TEXT for w in words):
        raise Invalid("give a list of words", name)
    return tuple(words)


def _whole(said: dict[str, Any], name: str) -> int | None:
    value = said.get(name)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= 1000:  # noqa: PLR2004
        raise Invalid("give a whole number", name)
    return value


def _day(row: dict[str, Any], name: str) -> date | None:
    said = row.get(name)
    if said in (None, ""):
        return None
    try:
        return date.fromisoformat(str(said))
    except ValueError as error:
        raise Invalid("give the day as 2026-01-31", name) from error
