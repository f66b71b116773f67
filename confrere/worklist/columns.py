"""The facts of all readers as columns of bits, for the hot path. Pure.

Row n is the n-th reader. Each column answers one question that a rule asks ("licensed in IL",
"privileged at this site for CT"), as of one instant; `changes_at` says for each row from when
on the answers may differ. A column that no reader has a bit in does not exist.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta

import numpy as np
from numpy.typing import NDArray

from confrere.kernel.ids import GroupId, SiteId
from confrere.network.credentials import (
    ALL,
    CLAIMS_MADE,
    DECLARED,
    MEDICARE,
    UNITED_STATES,
    Cover,
    current,
    day_of,
    in_force,
)
from confrere.network.facts import facts_of
from confrere.network.model import BY_PROXY, Reader, Site
from confrere.network.rules import BILLING
from confrere.worklist.case import attested_country, seat_of
from confrere.worklist.competence import mammography_changes, reads_mammograms
from confrere.worklist.liability import ALERT_FOR, CHECK_WITHIN, checked
from confrere.worklist.licensure import (
    ACTIVE,
    FEEDBACK_EVERY,
    FEEDBACK_FIRST_DUE,
    proxy_gaps,
)
from confrere.worklist.model import Outcome

Bits = NDArray[np.bool_]
DAY = timedelta(days=1)
NEVER = np.iinfo(np.int64).max
MOST_WORDS = 63  # states or modalities that one mask can tell apart
HERE = "here"  # in the state where the reader sits
# what a column is about; further parts of a key follow
(
    MEMBER, SEATED, LICENSED, PRIVILEGED, FULL, CLEAN, PROXY, READS, SHOWN, MQSA, CLOSED,
    CLOSED_URGENT, IN_US, ABROAD, ENROLLED, ABLE, OWN_ENROLLED, OWN_ABLE,
) = range(18)  # fmt: skip


class Columns:
    """Bits of readers. `fill` brings one row up to date; `bits` reads one column."""

    def __init__(
        self, count: int, sites: Mapping[SiteId, Site], tins: Mapping[GroupId, str]
    ) -> None:
        self._count, self._sites, self._tins = count, sites, tins
        self._none: Bits = np.zeros(count, np.bool_)
        self._none.setflags(write=False)
        self._columns: dict[Hashable, Bits] = {}
        self._set: list[list[Bits]] = [[] for _ in range(count)]
        self.changes_at: NDArray[np.int64] = np.full(count, NEVER, np.int64)
        self.covers = Covers(count)

    def bits(self, *key: Hashable) -> Bits:
        """One column; all false where nobody has the bit."""
        return self._columns.get(key, self._none)

    def fill(self, row: int, reader: Reader, at: datetime) -> None:
        """Judge one reader's facts at an instant."""
        for column in self._set[row]:
            column[row] = False
        kept = self._set[row] = []
        for key in self._keys(reader, at):
            if key not in self._columns:
                self._columns[key] = np.zeros(self._count, np.bool_)
            self._columns[key][row] = True
            kept.append(self._columns[key])
        self.covers.fill(row, current(reader.covers, day_of(at)))
        self.changes_at[row] = next_change(reader, self._sites, at)

    def _keys(self, reader: Reader, at: datetime) -> Iterable[tuple[Hashable, ...]]:
        day = day_of(at)
        if reader.active:
            yield (MEMBER,)
        states = {one.state for one in current(reader.licences, day) if one.status == ACTIVE}
        yield from ((LICENSED, one) for one in states)
        country, state = seat_of(reader, at)
        if country and (country != UNITED_STATES or state in states):
            yield (SEATED,)
        yield from _privileges(reader, day)
        for competence in current(reader.competences, day):
            yield READS, competence.code
            if competence.basis != DECLARED:
                yield SHOWN, competence.code
        yield from self._mammography(reader, day)
        yield from _sanctions(reader, day)
        if there := attested_country(reader, at):
            yield (IN_US if there == UNITED_STATES else ABROAD,)
        yield from _enrolments(reader, day, state, self._tins.get(reader.group, ""))

    def _mammography(self, reader: Reader, day: date) -> Iterable[tuple[Hashable, ...]]:
        for site in {one.site for one in reader.mammography_files} & self._sites.keys():
            if reads_mammograms(reader, self._sites[site], day).outcome is Outcome.HOLDS:
                yield MQSA, site


class Covers:
    """Malpractice policies in force, a few slots a reader."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._words: dict[str, int] = {}
        self._slots: list[dict[str, NDArray[np.int64]]] = []

    def fill(self, row: int, policies: Sequence[Cover]) -> None:
        """Put one reader's policies into slots."""
        while len(self._slots) < len(policies):
            names = ("states", "modalities", "activities", "retro", "each", "mammo", "total")
            self._slots.append({name: np.zeros(self._count, np.int64) for name in names})
        for slot in self._slots:
            slot["states"][row] = 0
        for slot, one in zip(self._slots, policies, strict=False):
            slot["states"][row] = self._mask("state", one.states)
            slot["modalities"][row] = self._mask("modality", one.modalities)
            slot["activities"][row] = self._mask("activity", one.activities)
            slot["retro"][row] = _retro(one)
            special = one.mammography_each_claim
            slot["each"][row] = int(one.each_claim * 100)
            slot["mammo"][row] = int((one.each_claim if special is None else special) * 100)
            slot["total"][row] = int(one.aggregate * 100)

    def bits(
        self, rows: NDArray[np.intp], site: Site, modality: str, activities: frozenset[str],
        exam_day: date,
    ) -> Bits:  # fmt: skip
        """Who of these rows has one policy for this state, modality, activity, day and limits."""
        found: Bits = np.zeros(len(rows), np.bool_)
        state, kind = self._bit("state", site.state), self._bit("modality", modality)
        any_of = self._mask("activity", activities)
        least = int((site.each_claim or 0) * 100)
        total = int((site.aggregate or 0) * 100)
        limit = "mammo" if modality == "MG" else "each"
        for slot in self._slots:
            one = (slot["states"][rows] & state) != 0
            if modality:
                one &= (slot["modalities"][rows] & kind) != 0
            one &= (slot["activities"][rows] & any_of) != 0
            one &= slot["retro"][rows] <= exam_day.toordinal()
            one &= (slot[limit][rows] >= least) & (slot["total"][rows] >= total)
            found |= one
        return found

    def _mask(self, family: str, words: frozenset[str]) -> int:
        if ALL in words:
            return -1
        return sum(self._bit(family, word) for word in words)

    def _bit(self, family: str, word: str) -> int:
        key = f"{family} {word}"
        known = self._words.get(key)
        if known is None:
            known = sum(one.startswith(f"{family} ") for one in self._words)
            if known >= MOST_WORDS:
                raise OverflowError(f"more than {MOST_WORDS} words of a kind: {family}")
            self._words[key] = known
        return 1 << known


def _retro(one: Cover) -> int:
    if one.form != CLAIMS_MADE:
        return 0
    return one.retro_date.toordinal() if one.retro_date else date.max.toordinal()


def _privileges(reader: Reader, day: date) -> Iterable[tuple[Hashable, ...]]:
    for one in current(reader.privileges, day):
        yield PRIVILEGED, one.site, one.scope
        if one.path != BY_PROXY:
            yield FULL, one.site, one.scope
        else:
            yield PROXY, one.site, one.scope
            if not proxy_gaps(one, day):
                yield CLEAN, one.site, one.scope


def _sanctions(reader: Reader, day: date) -> Iterable[tuple[Hashable, ...]]:
    found = checked(reader.checks, day)
    if found.outcome is Outcome.FAILS:
        yield (CLOSED,)
        if found.kind != BILLING:
            yield (CLOSED_URGENT,)


def _enrolments(
    reader: Reader, day: date, seat: str, own_tin: str
) -> Iterable[tuple[Hashable, ...]]:
    for one in reader.enrolments:
        is_own = bool(own_tin) and one.tin == own_tin
        yield ENROLLED, one.payer, one.tin
        if is_own:
            yield OWN_ENROLLED, one.payer
        if not in_force(one, day):
            continue
        # Medicare's contractor goes by where the reader sits, the others by the site
        where = one.state if one.payer != MEDICARE else HERE if one.state == seat else None
        if where is not None:
            yield ABLE, one.payer, one.tin, where
            if is_own:
                yield OWN_ABLE, one.payer, where


def next_change(reader: Reader, sites: Mapping[SiteId, Site], at: datetime) -> int:
    """The first instant after `at`, in microseconds, from which a fact may judge otherwise."""
    days: set[date] = set()
    for fact in facts_of(reader):
        first, last = getattr(fact, "valid_from", None), getattr(fact, "valid_to", None)
        days |= {first} if first else set()
        days |= {last + DAY} if last and last < date.max else set()
    for check in reader.checks:
        stale = check.checked_on + CHECK_WITHIN + DAY
        days |= {check.checked_on, stale, stale + ALERT_FOR}
    for one in reader.privileges:
        if one.path == BY_PROXY:
            days |= {one.valid_from + FEEDBACK_FIRST_DUE}
            days |= {one.list_supplied_on} if one.list_supplied_on else set()
            sent = one.feedback_sent_on
            days |= {sent, sent + FEEDBACK_EVERY + DAY} if sent else set()
    days |= {one.initial_on for one in reader.mammography_starts}
    for file in reader.mammography_files:
        days.add(file.workstation_tested_to + DAY)
        days |= set(mammography_changes(sites[file.site])) if file.site in sites else set()
    instants = [datetime.combine(day, time(), UTC) for day in days if day > day_of(at)]
    instants += [x for one in reader.places for x in (one.starts_at, one.ends_at) if x > at]
    return micros(min(instants)) if instants else NEVER


def micros(at: datetime) -> int:
    """An instant as microseconds since 1970."""
    return int((at - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(microseconds=1))
