"""Who may read an exam, for all readers at once: the rules compiled to columns of bits. Pure.

The answer is the same as trying `eligibility` on each reader, which says why; this one only
says who, in microseconds. Rules that look at one exam alone (conflicts, exclusions, payer) are
weighed on top of the columns.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import replace
from datetime import date, datetime

import numpy as np
from numpy.typing import NDArray

from confrere.kernel.ids import GroupId, ReaderId, SiteId
from confrere.network.agreements import between, consent
from confrere.network.credentials import (
    Exclusion,
    day_of,
    in_force,
)
from confrere.network.model import Agreement, Directory, Reader
from confrere.worklist.case import exam_day_of
from confrere.worklist.columns import NEVER, Bits, Columns, micros
from confrere.worklist.competence import needs
from confrere.worklist.lending import ANY_READ, asked, wanted_reads
from confrere.worklist.model import Item
from confrere.worklist.weighing import Weighing, is_urgent

MOST_LINES = 4096  # kinds of exam whose readers are kept ready
MOST_ROWS = 200_000  # exams, as far as rules tell them apart, whose rows are kept
Rows = NDArray[np.int32]


class Judging:
    """The rules compiled for one directory. `mask` answers for one exam at one instant.

    Instants must not go back. Facts whose dates pass are taken up by themselves; a directory
    of another version needs a new object, a single changed reader only `change`.
    """

    def __init__(self, directory: Directory, at: datetime) -> None:
        self._directory, self._at = directory, at
        self.readers = tuple(directory.readers)
        self._row = {reader: n for n, reader in enumerate(self.readers)}
        tins = {one.id: one.tin for one in directory.groups.values()}
        self._columns = Columns(len(self.readers), directory.sites, tins)
        self._weighing = Weighing(self._columns, tins, len(self.readers))
        self._members: dict[GroupId, Bits] = {}
        self._npis: dict[str, list[int]] = defaultdict(list)
        self._people: dict[ReaderId, Reader] = {}
        self._barred: dict[object, list[Exclusion]] = defaultdict(list)
        for one in directory.exclusions:
            self._barred[one.patient].append(one)
            self._barred[one.site].append(one)
        self._lines: dict[Hashable, Bits] = {}
        self._lends: dict[GroupId, dict[GroupId, tuple[Agreement, ...]]] = {}
        self._at_site: dict[Hashable, dict[GroupId, tuple[Agreement, ...]]] = {}
        self._lendings: dict[Hashable, Mapping[GroupId, Agreement]] = {}
        self._rows: dict[Hashable, Rows] = {}
        self._rules: tuple[date | None, frozenset[str]] = (None, frozenset())
        self._minute = 0
        self.lend(directory)
        for reader in directory.readers.values():
            self._take(reader)
        self._forget()

    def change(self, reader: Reader) -> None:
        """Take up one reader's facts as they are now; the reader must be in the directory."""
        self._take(reader)
        self._forget()

    def _take(self, reader: Reader) -> None:
        row = self._row[reader.id]
        before = self._people.get(reader.id)
        if before is not None:
            self._members[before.group][row] = False
            self._npis[before.npi].remove(row)
        self._people[reader.id] = reader
        if reader.group not in self._members:
            self._members[reader.group] = np.zeros(len(self.readers), np.bool_)
        self._members[reader.group][row] = True
        self._npis[reader.npi].append(row)
        self._columns.fill(row, reader, self._at)

    def lend(self, directory: Directory) -> None:
        """Take up agreements as they are now, with what was taken under them today.

        All else in the directory must be as it was.
        """
        self._directory = directory
        self._lendings.clear()
        self._rows.clear()
        self._at_site.clear()
        self._lends = {}
        for owner in {one.owner_group for one in directory.agreements}:
            own = [one for one in directory.agreements if one.owner_group == owner]
            self._lends[owner] = {
                one.reading_group: between(own, owner, one.reading_group) for one in own
            }

    def lending(
        self, item: Item, at: datetime, read_types: frozenset[str] = frozenset()
    ) -> Mapping[GroupId, Agreement]:
        """By which agreement each other group may read an exam that nobody has begun.

        For any of `read_types`; by default for the report that is still needed.
        """
        minute = int(at.timestamp() // 60)  # hours of agreements begin on whole minutes
        if minute != self._minute:
            self._minute = minute
            self._lendings.clear()
            self._rows.clear()
        wanted = read_types or wanted_reads(item)
        key = (
            item.owner_group, item.site, item.subspecialty, item.priority, item.modality,
            item.description, wanted,
        )  # fmt: skip
        if key not in self._lendings:
            if len(self._lendings) >= MOST_LINES:
                self._lendings.clear()
            asking = asked(item, None, at, wanted)
            found = {
                group: consent(pacts, item.owner_group, group, asking).agreement
                for group, pacts in self._pacts(item.owner_group, item.site).items()
            }
            self._lendings[key] = {group: one for group, one in found.items() if one}
        return self._lendings[key]

    def _pacts(self, owner: GroupId, site: SiteId) -> dict[GroupId, tuple[Agreement, ...]]:
        """An owner's agreements by reading group, without other sites' opt-outs."""
        key = owner, site
        if key not in self._at_site:
            self._at_site[key] = {
                group: tuple(
                    replace(
                        one, kept_home=tuple(k for k in one.kept_home if k.site in (None, site))
                    )
                    for one in pacts
                )
                for group, pacts in self._lends.get(owner, {}).items()
            }
        return self._at_site[key]

    def may(self, item: Item, reader: ReaderId, at: datetime) -> bool:
        """Say whether no rule stands in one reader's way."""
        row = self._row.get(reader)
        return row is not None and bool(self.mask(item, at)[row])

    def advance(self, at: datetime) -> int:
        """Take up what dates and attestations changed until `at`; return how many readers."""
        if at < self._at:
            raise ValueError("the clock of judging does not go back")
        self._at = at
        if micros(at) < self._next:
            return 0
        due = np.nonzero(self._columns.changes_at <= micros(at))[0]
        for row in due:
            self._columns.fill(int(row), self._people[self.readers[row]], at)
        self._forget()
        return len(due)

    def _forget(self) -> None:
        self._lines.clear()
        self._rows.clear()
        self._next = int(self._columns.changes_at.min(initial=NEVER))

    def eligible(self, item: Item, at: datetime, read_type: str = "") -> list[ReaderId]:
        """The readers for whom no rule stands in the way."""
        return [self.readers[row] for row in np.nonzero(self.mask(item, at, read_type))[0]]

    def rows(self, item: Item, at: datetime) -> Rows:
        """The rows of who is eligible, in order; the same array for exams alike."""
        self.advance(at)
        self.lending(item, at)  # lets go of what was kept for another minute
        key = (
            self._line_key(item, self._codes()), item.subspecialty, item.priority,
            item.description, item.preliminary_at is None, frozenset(self._rows_barred(item)),
        )  # fmt: skip
        found = self._rows.get(key) if item.held_by is None else None
        if found is None:
            if len(self._rows) >= MOST_ROWS:
                self._rows.clear()
            found = np.flatnonzero(self.mask(item, at)).astype(np.int32)
            if item.held_by is None:
                self._rows[key] = found
        return found

    def mask(self, item: Item, at: datetime, read_type: str = "") -> Bits:
        """One bit a reader, in the order of `readers`."""
        self.advance(at)
        rules = self._codes()
        own = self._members.get(item.owner_group, self._columns.bits("nobody"))
        found = self._line(item, rules, own).copy()
        if "CONSENT_ORG" in rules:
            found &= own | self._lent(item, ANY_READ)
        if "FINAL_PRELIM" in rules:
            found &= own | self._lent(item, wanted_reads(item, read_type))
        if "CONFLICT" in rules:
            found[list(self._rows_barred(item))] = False
        return found

    def _codes(self) -> frozenset[str]:
        """The rules in force at this instant."""
        day = day_of(self._at)
        if self._rules[0] != day:
            self._rules = (
                day,
                frozenset(rule.code for rule in self._directory.rules if rule.in_force(day)),
            )
        return self._rules[1]

    def _line_key(self, item: Item, rules: frozenset[str]) -> Hashable:
        asked = needs(item, self._directory.sites[item.site], self._at)
        return (
            item.site, item.owner_group, item.modality, tuple(asked.items()), item.payer_class,
            is_urgent(item), exam_day_of(item, self._at), rules,
        )  # fmt: skip

    def _line(self, item: Item, rules: frozenset[str], own: Bits) -> Bits:
        """Who may read exams like this one; kept until a fact changes."""
        key = self._line_key(item, rules)
        if key not in self._lines:
            if len(self._lines) >= MOST_LINES:
                self._lines.clear()
            site = self._directory.sites[item.site]
            asked = needs(item, site, self._at)
            self._lines[key] = self._weighing.weigh(item, site, asked, rules, own, self._at)
        return self._lines[key]

    def _lent(self, item: Item, read_types: frozenset[str]) -> Bits:
        """Who is of a group that an agreement lends this exam to."""
        found: Bits = np.zeros(len(self.readers), np.bool_)
        for group in self.lending(item, self._at, read_types):
            if group in self._members:
                found |= self._members[group]
        holder = self._people.get(item.held_by) if item.held_by else None
        if holder is not None:  # who began in time may finish
            asking = asked(item, holder.id, self._at, read_types)
            pacts = self._lends.get(item.owner_group, {}).get(holder.group, ())
            mine = consent(pacts, item.owner_group, holder.group, asking).agreement
            found[self._row[holder.id]] = mine is not None
        return found

    def _rows_barred(self, item: Item) -> Iterable[int]:
        for named in (item.patient, item.site):
            for one in self._barred.get(named, ()) if named is not None else ():
                if one.reader in self._row and in_force(one, day_of(self._at)):
                    yield self._row[one.reader]
        for npi in item.orderers:
            if npi:
                yield from self._npis.get(npi, ())
