"""What two groups sign: the terms of an agreement, checked, digested and compared. Pure."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import date, datetime, time
from decimal import Decimal
from hashlib import sha256
from typing import Any
from uuid import UUID

from confrere.kernel.errors import Invalid
from confrere.kernel.ids import AgreementId, GroupId, SiteId
from confrere.network.model import Agreement, Group, Site
from confrere.network.wall_time import is_zone

PRELIMINARY, FINAL, OVER_READ = "preliminary", "final", "over-read"
READ_TYPES = (FINAL, PRELIMINARY, OVER_READ)
WEEK = 7
PER_WRVU, PER_STUDY = "wRVU", "study"
WITHDRAWN, DECLINED = "withdrawn", "declined"
LONGEST_TITLE = 120
MOST_MINUTES = 7 * 24 * 60


@dataclass(frozen=True, slots=True)
class Rate:
    """What the owner group pays for a read. Only the two parties ever see it."""

    amount: Decimal
    per: str  # PER_WRVU or PER_STUDY
    currency: str = "USD"


@dataclass(frozen=True, slots=True)
class Terms:
    """The whole text of an agreement as data. Empty sets mean all; see `Agreement`."""

    title: str
    starts_on: date
    ends_on: date
    window_zone: str
    site_ids: frozenset[SiteId] = frozenset()
    subspecialties: frozenset[str] = frozenset()
    modalities: frozenset[str] = frozenset()
    priorities: frozenset[str] = frozenset()
    read_types: frozenset[str] = frozenset({FINAL})
    weekdays: frozenset[int] = frozenset()
    window_start: time | None = None
    window_end: time | None = None
    daily_cap: int = 0
    response_minutes: Mapping[str, int] = field(default_factory=dict)  # by priority
    own_first: bool = True
    overflow_share: Decimal | None = None
    overflow_from: time | None = None
    hold_share: Decimal | None = None
    shares_priors: bool = True
    rate: Rate | None = None


@dataclass(frozen=True, slots=True)
class Signature:
    """Who signed which version for a group, and the digest of exactly what they signed."""

    party: GroupId
    name: str
    at: datetime
    digest: str
    user: UUID | None = None


@dataclass(frozen=True, slots=True)
class AgreementVersion:
    """One version of an agreement: its terms never change; what becomes of it does."""

    agreement: AgreementId
    owner_group: GroupId
    reading_group: GroupId
    number: int
    terms: Terms
    digest: str
    proposed_by: GroupId
    proposed_name: str
    proposed_at: datetime
    closed_how: str = ""  # WITHDRAWN or DECLINED
    closed_at: datetime | None = None
    signatures: tuple[Signature, ...] = ()

    @property
    def signed_by_both(self) -> bool:
        """Say whether both parties signed."""
        return len({one.party for one in self.signatures}) > 1

    @property
    def is_open(self) -> bool:
        """Say whether it waits for a signature."""
        return not self.closed_how and not self.signed_by_both


def check(
    terms: Terms, groups: Mapping[GroupId, Group], sites: Mapping[SiteId, Site],
    owner: GroupId, reading: GroupId,
) -> Terms:  # fmt: skip
    """Return terms that both could sign; raises Invalid that names the field and the remedy."""
    if owner not in groups or reading not in groups:
        raise Invalid("choose a group of the collaborative", "group")
    if owner == reading:
        raise Invalid("an agreement is between two groups: choose another one", "group")
    if not terms.title.strip() or len(terms.title) > LONGEST_TITLE:
        raise Invalid(f"give a title of 1 to {LONGEST_TITLE} characters", "title")
    if terms.ends_on < terms.starts_on:
        raise Invalid("the last day lies before the first one", "ends_on")
    if not is_zone(terms.window_zone):
        raise Invalid("name the clock that the hours mean, as America/Chicago", "window_zone")
    own = {one.id for one in sites.values() if one.owner_group == owner}
    if not terms.site_ids <= own:
        raise Invalid("only sites of the owner group can be lent", "site_ids")
    _check_hours(terms)
    _check_amounts(terms)
    return terms


def _check_hours(terms: Terms) -> None:
    if (terms.window_start is None) != (terms.window_end is None):
        raise Invalid("give both the first and the last hour, or neither", "window_end")
    if any(one not in range(WEEK) for one in terms.weekdays):
        raise Invalid("weekdays are Monday to Sunday", "weekdays")
    unknown = terms.read_types - set(READ_TYPES)
    if unknown or not terms.read_types:
        raise Invalid(f"choose among {', '.join(READ_TYPES)} reads", "read_types")


def _check_amounts(terms: Terms) -> None:
    if terms.daily_cap < 0:
        raise Invalid(
            "the daily cap is a number of exams; leave it empty for none", "daily_cap"
        )
    if any(not 0 < one <= MOST_MINUTES for one in terms.response_minutes.values()):
        raise Invalid("a response time is 1 minute to 7 days", "response_minutes")
    for name in ("overflow_share", "hold_share"):
        share = getattr(terms, name)
        if share is not None and not 0 <= share <= 1:
            raise Invalid("a share of the time left is between 0 and 100 %", name)
    if terms.overflow_share is not None and terms.overflow_from is not None:
        raise Invalid("overflow opens by a share or at a wall time, not both", "overflow_from")
    if terms.rate and (terms.rate.amount < 0 or terms.rate.per not in (PER_WRVU, PER_STUDY)):
        raise Invalid("give the rate as an amount per wRVU or per study", "rate")


def digest_of(
    agreement: AgreementId, number: int, owner: GroupId, reading: GroupId, terms: Terms
) -> str:
    """SHA-256 of everything that is signed: the parties, the version's number, every term."""
    text = json.dumps(
        [str(agreement), number, str(owner), str(reading), plain(asdict(terms))],
        sort_keys=True, ensure_ascii=False, separators=(",", ":"),
    )  # fmt: skip
    return sha256(text.encode()).hexdigest()


def plain(value: Any) -> Any:
    """Turn a term into what JSON writes in one way only."""
    if isinstance(value, Mapping):
        return {str(name): plain(one) for name, one in value.items()}
    if isinstance(value, frozenset):
        return sorted(str(one) for one in value)
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    if isinstance(value, date | time | UUID):
        return str(value)
    return value


def differing(before: Terms, after: Terms) -> tuple[str, ...]:
    """Name the terms that two versions say differently, in the order of `Terms`."""
    return tuple(
        one.name
        for one in fields(Terms)
        if plain_of(before, one.name) != plain_of(after, one.name)
    )


def plain_of(terms: Terms, name: str) -> Any:
    """One term in the form that is compared and digested."""
    value = getattr(terms, name)
    return plain(asdict(value) if isinstance(value, Rate) else value)


def version_in_force(
    agreement: Agreement, versions: Iterable[AgreementVersion]
) -> AgreementVersion | None:
    """The version that both signed last; None before the first."""
    return next(
        (one for one in versions if one.number == agreement.version and one.signed_by_both),
        None,
    )


def open_proposal(versions: Iterable[AgreementVersion]) -> AgreementVersion | None:
    """The version that waits for a signature; there is one at most."""
    return next((one for one in versions if one.is_open), None)
