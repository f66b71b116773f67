"""How long a study's images must be kept: the latest day that any rule in force asks for. Pure.

Rules are data, with their sources; a group's own rules can only lengthen what the common ones
ask. State law beyond the examples is the group's to enter.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from confrere.kernel.errors import Invalid
from confrere.kernel.ids import GroupId, SiteId

MOST_YEARS, MOST_AGE = 100, 40
OF_AGE = (
    18  # of majority where a rule of minors applies; a birth date that is unknown is a minor's
)


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. Blank `modality` and `state`, and no `site`, mean any.

    Kept `years` from the day of the study, or `years_if_later` where the facility made a later
    study of the modality. With `until_age` the rule is of minors only, and asks for the later
    of that and the birthday. `owner_group` None: for everyone.
    """

    id: UUID
    code: str
    words: str
    years: int
    source: str
    starts_on: date
    owner_group: GroupId | None = None
    site: SiteId | None = None
    modality: str = ""
    state: str = ""
    years_if_later: int | None = None
    until_age: int | None = None
    ends_on: date | None = None
    by_name: str = ""


@dataclass(frozen=True, slots=True)
class Subject:
    """What the rules look at. `later` says whether the facility made a later one, by modality."""

    made_on: date
    born_on: date | None
    modalities: tuple[str, ...]
    site: SiteId
    state: str
    later: Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Due:
    """The first day on which a study may be removed, and the rule that asked for longest."""

    on: date
    rule: Rule


def due(subject: Subject, rules: Iterable[Rule], today: date) -> Due | None:
    """Ask every rule that is in force; None when none applies: then it is kept for ever."""
    asked = [
        Due(on, rule) for rule in rules
        if _in_force(rule, today) and (on := _until(subject, rule)) is not None
    ]  # fmt: skip
    return max(asked, key=lambda one: one.on, default=None)


def least(rules: Iterable[Rule], site: SiteId, state: str, today: date) -> int | None:
    """Years that every study of a site is kept at least; None when no rule is in force there."""
    there = [
        one for one in rules
        if _in_force(one, today) and one.site in (None, site) and one.state in ("", state)
    ]  # fmt: skip
    of_all = [one.years for one in there if not one.modality and one.until_age is None]
    if of_all:
        return max(of_all)
    return min((min(one.years, one.years_if_later or one.years) for one in there), default=None)


def _in_force(rule: Rule, today: date) -> bool:
    return rule.starts_on <= today and (rule.ends_on is None or today < rule.ends_on)


def _until(subject: Subject, rule: Rule) -> date | None:
    """How long one rule asks for; None when it does not apply."""
    if rule.site not in (None, subject.site) or rule.state not in ("", subject.state):
        return None
    if rule.modality and rule.modality not in subject.modalities:
        return None
    years = rule.years
    if rule.years_if_later is not None and rule.modality and subject.later(rule.modality):
        years = rule.years_if_later
    until = after(subject.made_on, years)
    if rule.until_age is None:
        return until
    born = subject.born_on or subject.made_on
    if subject.made_on >= after(born, OF_AGE):
        return None
    return max(until, after(born, rule.until_age))


def after(day: date, years: int) -> date:
    """The same day so many years later; the first of March for a leap day."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return date(day.year + years, 3, 1)


def checked(rule: Rule) -> Rule:
    """Check a group's own rule; Invalid names the field."""
    if not rule.code.strip() or not rule.words.strip():
        raise Invalid("Give the rule a short name, and say in words what it asks.", "code")
    if not rule.source.strip():
        raise Invalid("Name the source: the law, or who decided it and when.", "source")
    if not 1 <= rule.years <= MOST_YEARS:
        raise Invalid(f"Images are kept 1 to {MOST_YEARS} years.", "years")
    if rule.until_age is not None and not OF_AGE <= rule.until_age <= MOST_AGE:
        raise Invalid(
            f"A rule of minors lasts until an age of {OF_AGE} to {MOST_AGE}.", "until_age"
        )
    return rule
