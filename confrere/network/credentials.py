"""What lets a reader read: dated facts, each with its evidence elsewhere. Pure.

A date range is whole days of UTC, both included; an absent date is open. `licences` and
`privileges` have their records in `model`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Protocol, TypeVar

from confrere.kernel.ids import PatientId, ReaderId, SiteId
from confrere.kernel.periods import in_effect

ALL = "all"  # a word of its own, so that an empty list never means everything
DECLARED = "declared"  # by the reader's group, without evidence
BASES = (DECLARED, "board certificate", "fellowship", "case log", "bylaws")
CLAIMS_MADE, OCCURRENCE = "claims-made", "occurrence"
FACILITY, TELERADIOLOGY = "facility", "teleradiology"
MEDICARE, MEDICAID = "medicare", "medicaid"
PAYERS = (MEDICARE, MEDICAID, "medicare advantage", "commercial", "self-pay", "other")
LEIE, SAM, STATE_LIST = "LEIE", "SAM", "state"
CLEAR, EXCLUDED = "clear", "excluded"
UNITED_STATES = "US"
HOSPITAL, ENTITY = "hospital", "entity"  # 42 CFR 482.22(a)(3), (a)(4)


@dataclass(frozen=True, slots=True)
class Competence:
    """What a reader reads: a subspecialty, or a skill such as `pet`."""

    code: str
    basis: str = DECLARED
    number: str = ""  # of the certificate
    valid_from: date | None = None
    valid_to: date | None = None


@dataclass(frozen=True, slots=True)
class Cover:
    """A malpractice policy that names the reader. Limits are US dollars."""

    policy: str
    insurer: str
    form: str  # CLAIMS_MADE or OCCURRENCE
    retro_date: date | None  # claims-made: nothing done before it is covered
    states: frozenset[str]  # or ALL
    modalities: frozenset[str]  # or ALL
    activities: frozenset[str]  # FACILITY, TELERADIOLOGY
    each_claim: Decimal
    aggregate: Decimal
    valid_from: date
    valid_to: date
    mammography_each_claim: Decimal | None = None  # where it is sub-limited


@dataclass(frozen=True, slots=True)
class Enrolment:
    """With a payer, under the tax number that bills. `state` is of the contractor or plan."""

    payer: str
    tin: str
    state: str
    valid_from: date
    valid_to: date | None = None


@dataclass(frozen=True, slots=True)
class SanctionCheck:
    """One look into a list of excluded people."""

    source: str
    checked_on: date
    result: str


@dataclass(frozen=True, slots=True)
class ReadingPlace:
    """Where a reader attested to sit: half open, UTC."""

    country: str  # two letters
    state: str
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class SiteIdentifier:
    """What a site's systems call the reader; verified by an acknowledged test result."""

    site: SiteId
    identifier: str
    verified_on: date | None = None


@dataclass(frozen=True, slots=True)
class MammographyStart:
    """When the initial requirements were met, and what was learnt, 21 CFR 900.12(a)(1)(i)."""

    initial_on: date
    modalities: frozenset[str]  # with the initial training, or eight hours of a new modality


@dataclass(frozen=True, slots=True)
class MammographyCount:
    """Continuing experience up to a day, 21 CFR 900.12(a)(1)(ii)."""

    counted_to: date
    reads: int  # in the 24 months that end on `counted_to`
    cme_hours: Decimal  # category 1, in the 36 months that end on it


@dataclass(frozen=True, slots=True)
class MammographyFile:
    """A facility holds the reader's documents; the workstation's test is current until then."""

    site: SiteId
    valid_from: date
    valid_to: date | None
    workstation_tested_to: date


@dataclass(frozen=True, slots=True)
class FacilityCertificate:
    """A site's own certificate for mammography, and when it was last inspected."""

    number: str
    valid_from: date
    valid_to: date
    inspected_on: date
    modalities: frozenset[str] = frozenset()  # what is made there: 2D, DBT


@dataclass(frozen=True, slots=True)
class Exclusion:
    """Why one reader may not read for a patient or a site."""

    reader: ReaderId
    kind: str
    patient: PatientId | None = None
    site: SiteId | None = None
    valid_from: date | None = None
    valid_to: date | None = None


SELF, RELATIVE, LITIGATION, BY_PATIENT, BY_SITE = (
    "self", "relative", "litigation", "excluded by the patient", "excluded by the site",
)  # fmt: skip
EXCLUSIONS = (SELF, RELATIVE, LITIGATION, BY_PATIENT, BY_SITE)


class Dated(Protocol):
    """Anything with a range of days."""

    @property
    def valid_from(self) -> date | None:
        """First day."""

    @property
    def valid_to(self) -> date | None:
        """Last day."""


AnyDated = TypeVar("AnyDated", bound=Dated)


def day_of(at: datetime) -> date:
    """The day by which dated facts are judged."""
    return at.astimezone(UTC).date()


def in_force(fact: Dated, day: date) -> bool:
    """Say whether a fact's dates include a day."""
    return in_effect(day, fact.valid_from, fact.valid_to)


def current(facts: Iterable[AnyDated], day: date) -> list[AnyDated]:
    """The facts in force on a day."""
    return [one for one in facts if in_force(one, day)]


def lasts_longest(facts: Iterable[AnyDated]) -> AnyDated | None:
    """The fact whose last day is the latest; an open end is later than any."""
    return max(facts, key=lambda one: one.valid_to or date.max, default=None)


def place_at(places: Iterable[ReadingPlace], at: datetime) -> ReadingPlace | None:
    """Where the reader attested to sit at an instant; the latest word counts."""
    told = [one for one in places if one.starts_at <= at < one.ends_at]
    return max(told, key=lambda one: one.starts_at, default=None)


def includes(words: frozenset[str], word: str) -> bool:
    """Say whether a list of words has one, or says `all`."""
    return ALL in words or word in words


def quarter_end_before(day: date) -> date:
    """The last day of the calendar quarter before a day."""
    first = date(day.year, 3 * ((day.month - 1) // 3) + 1, 1)
    return first - timedelta(days=1)


def months_after(day: date, months: int) -> date:
    """The same day of the month some months on, or the month's last."""
    count = day.year * 12 + day.month - 1 + months
    year, month = divmod(count, 12)
    following = date(year + (month == 11), (month + 1) % 12 + 1, 1)  # noqa: PLR2004 - December
    return min(date(year, month + 1, 1) + timedelta(days=day.day - 1), following - timedelta(1))
