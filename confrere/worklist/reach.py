"""Who may read each exam that waits, and who of them is there. Pure.

Readers are rows of the compiled rules; exams that no rule tells apart share one array of rows,
so that what is worked out for one of them holds for all.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from confrere.kernel.ids import GroupId, ItemId, ReaderId, SiteId
from confrere.network.model import Directory
from confrere.network.rosters import meant
from confrere.worklist.judging import Judging, Rows
from confrere.worklist.model import Item
from confrere.worklist.policy import OWN_ABLE, OWN_MATCH, PARTNER_ABLE, PARTNER_MATCH, Flags

MINUTE = timedelta(minutes=1)
Line = tuple[str, str, bool, tuple[str, ...], int]  # a service line
Kind = tuple[SiteId, Line]


def line_of(item: Item) -> Line:
    """The service line of an exam: what tells its queue from others of its site and level."""
    minutes = int(item.reading_time / MINUTE)
    return item.modality, item.subspecialty, item.advanced, item.certificates, minutes


@dataclass(frozen=True, slots=True)
class Part:
    """Readers of one group who are there for an exam, within its subspecialty or outside."""

    group: GroupId
    matched: bool
    readers: frozenset[ReaderId]


@dataclass(frozen=True, slots=True)
class There:
    """Of the readers of an exam's queue, who may be offered it now.

    `never` are those on duty for other work, and those who may read others of the queue only.
    """

    readers: frozenset[ReaderId]
    parts: tuple[Part, ...]
    never: frozenset[ReaderId]


class Reach:
    """Rows of readers for exams that wait."""

    def __init__(
        self, waiting: Sequence[Item], directory: Directory, judging: Judging, now: datetime
    ) -> None:
        self.readers = [directory.readers[one] for one in judging.readers]
        self._now = now
        count = len(self.readers)
        self.on: Flags = np.fromiter((x.on_duty(now) for x in self.readers), np.bool_, count)
        numbers: dict[GroupId, int] = {}
        self._group = np.fromiter(
            (numbers.setdefault(one.group, len(numbers)) for one in self.readers),
            np.int32, count,
        )  # fmt: skip
        self._numbers = numbers
        self._certified: dict[str, Flags] = {}
        self._mark: Flags = np.zeros(count, np.bool_)
        self.able: dict[ItemId, Rows] = {}
        self._lanes: dict[Kind, dict[int, Rows]] = defaultdict(dict)
        for one in waiting:
            rows = self.able[one.id] = judging.rows(one, now)
            self._lanes[one.site, line_of(one)][id(rows)] = rows
        self._serving: dict[Kind, Rows] = {}
        self._there: dict[tuple[Kind, int], There] = {}

    def lane(self, kind: Kind) -> Rows:
        """Who may read any exam of a site's service line."""
        return united(list(self._lanes[kind].values()))

    def rings(self, rows: Rows, owner: GroupId, line: Line) -> Rows:
        """The ring of each of these readers for a service line (see `ring_of`)."""
        subspecialty, advanced = line[1], line[2]
        own = self._group[rows] == self._numbers.get(owner, -1)
        if not advanced:
            return np.where(own, OWN_MATCH, PARTNER_ABLE).astype(np.int32)
        matched = self._within(subspecialty)[rows]
        mine = np.where(matched, OWN_MATCH, OWN_ABLE)
        other = np.where(matched, PARTNER_MATCH, PARTNER_ABLE)
        return np.where(own, mine, other).astype(np.int32)

    def there(self, item: Item) -> There:
        """Who may be offered an exam now, and who of its queue's readers may not."""
        rows = self.able[item.id]
        key = (item.site, line_of(item)), id(rows)
        found = self._there.get(key)
        if found is None:
            found = self._there[key] = self._find(item, key[0], rows)
        return found

    def _find(self, item: Item, kind: Kind, rows: Rows) -> There:
        if kind not in self._serving:
            self._serving[kind] = self._meant(item, self.lane(kind))
        mark = self._mark
        mark[self._serving[kind]] = True
        serving = rows[mark[rows]]
        idle_here = rows[self.on[rows] & ~mark[rows]]
        mark[self._serving[kind]] = False
        mark[rows] = True
        lane = self.lane(kind)
        others = lane[~mark[lane]]
        mark[rows] = False
        parts: dict[tuple[GroupId, bool], list[ReaderId]] = defaultdict(list)
        within = self._within(item.subspecialty) if item.advanced else None
        for row in serving.tolist():
            reader = self.readers[row]
            parts[reader.group, within is None or bool(within[row])].append(reader.id)
        return There(
            self._ids(serving),
            tuple(Part(*key, frozenset(some)) for key, some in parts.items()),
            self._ids(idle_here) | self._ids(others),
        )

    def _meant(self, item: Item, lane: Rows) -> Rows:
        found = []
        for row in lane[self.on[lane]].tolist():
            reader = self.readers[row]
            shift = reader.shift_at(self._now)
            if shift and meant(reader, shift, item.owner_group, item.subspecialty, item.site):
                found.append(row)
        return np.array(found, np.int32)

    def _within(self, subspecialty: str) -> Flags:
        found = self._certified.get(subspecialty)
        if found is None:
            found = self._certified[subspecialty] = np.fromiter(
                (subspecialty in one.certificates for one in self.readers),
                np.bool_, len(self.readers),
            )  # fmt: skip
        return found

    def _ids(self, rows: Rows) -> frozenset[ReaderId]:
        return frozenset(self.readers[row].id for row in rows.tolist())


def united(several: Sequence[Rows]) -> Rows:
    """All rows of several arrays, each once, in order."""
    if len(several) == 1:
        return several[0]
    return np.unique(np.concatenate(several)).astype(np.int32)
