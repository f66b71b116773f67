"""What the rules look at, and what a judge finds. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from confrere.kernel.ids import GroupId
from confrere.network.agreements import Consent
from confrere.network.credentials import UNITED_STATES, Exclusion, day_of, place_at
from confrere.network.model import Agreement, Directory, Reader, Site
from confrere.network.rules import BUILT_IN, Rule
from confrere.orders.priorities import AT_ONCE
from confrere.worklist.lending import lent, wanted_reads
from confrere.worklist.model import Item, Outcome


@dataclass(frozen=True, slots=True)
class Case:
    """One exam, one reader, the facts, the instant. `tins`: the tax number of each group."""

    item: Item
    reader: Reader
    site: Site
    agreements: tuple[Agreement, ...]
    at: datetime
    exclusions: tuple[Exclusion, ...] = ()
    tins: Mapping[GroupId, str] = field(default_factory=dict)
    rules: tuple[Rule, ...] = BUILT_IN
    read_type: str = (
        ""  # PRELIMINARY or FINAL at the signature; empty asks for what is still needed
    )

    @property
    def day(self) -> date:
        """The day by which dated facts are judged."""
        return day_of(self.at)

    @property
    def exam_day(self) -> date:
        """The day on which the exam was made."""
        return exam_day_of(self.item, self.at)

    @property
    def is_own(self) -> bool:
        """Say whether the reader's own group owns the exam."""
        return self.reader.group == self.item.owner_group

    @property
    def is_urgent(self) -> bool:
        """Say whether billing must not stand in the way: stroke, STAT, ED."""
        return self.item.priority in AT_ONCE

    @property
    def seat(self) -> tuple[str, str]:
        """Country and state where the reader sits, as attested or as the group has it."""
        return seat_of(self.reader, self.at)

    def lent(self, read_types: frozenset[str] = frozenset()) -> Consent:
        """The agreement that lends this exam to the reader's group now, or why none does.

        By default for the kind of report that is meant, or any that is still needed.
        """
        wanted = read_types or wanted_reads(self.item, self.read_type)
        return lent(self.item, self.reader, self.agreements, self.at, wanted)


def exam_day_of(item: Item, at: datetime) -> date:
    """The day on which an exam was made, as far as it is told."""
    return day_of(item.clock_at or item.ordered_at or at)


def seat_of(reader: Reader, at: datetime) -> tuple[str, str]:
    """Country and state where a reader sits, as attested or as the group has it."""
    place = place_at(reader.places, at)
    if place is not None:
        return place.country, place.state
    return (UNITED_STATES if reader.sits_in_state else ""), reader.sits_in_state


def attested_country(reader: Reader, at: datetime) -> str:
    """The country that a reader attested to sit in; empty without an attestation."""
    place = place_at(reader.places, at)
    return place.country if place else ""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a judge found. `kind` overrides the rule's class where one rule has both."""

    outcome: Outcome
    because: str
    remedy: str = ""
    kind: str = ""


def holds(because: str) -> Finding:
    """The rule holds."""
    return Finding(Outcome.HOLDS, because)


def fails(because: str, remedy: str, kind: str = "") -> Finding:
    """The rule is known not to hold."""
    return Finding(Outcome.FAILS, because, remedy, kind)


def unknown(because: str, remedy: str, kind: str = "") -> Finding:
    """Nothing on record says whether the rule holds."""
    return Finding(Outcome.UNKNOWN, because, remedy, kind)


def case_in(
    directory: Directory, item: Item, reader: Reader, at: datetime, read_type: str = ""
) -> Case:
    """Make the case of one reader from everything that the directory knows."""
    return Case(
        item, reader, directory.sites[item.site], directory.agreements, at,
        directory.barred.get(reader.id, ()), directory.tins, directory.rules, read_type,
    )  # fmt: skip
