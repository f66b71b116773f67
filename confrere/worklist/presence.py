"""Who is there: readers, what they may read, who is on duty and who is rostered. Pure.

A *lane* is a site's service line, urgent or not. Each reader has a ring per lane; each lane
has its readers, and counts of those on duty, which decide what is held and for whom.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from confrere.kernel.errors import NotFound
from confrere.worklist.pacts import OWN
from confrere.worklist.policy import OWN_ABLE, OWN_MATCH, PARTNER_MATCH, Flags, Floats, Ints
from confrere.worklist.queues import NEVER, Id, Queues

NOTHING = -1  # is being read
NOBODY = np.zeros((3, 0), np.int32)


@dataclass(slots=True)
class Reader:
    """One reader's state. `holding` ends with what is being read now."""

    key: Id
    row: int
    group: Id
    speed: float = 1.0
    lanes: Ints = field(default_factory=lambda: np.zeros(0, np.int32))
    rings: Ints = field(default_factory=lambda: np.zeros(0, np.int32))
    pacts: Ints = field(default_factory=lambda: np.zeros(0, np.int32))
    queues: Ints = field(default_factory=lambda: np.zeros(0, np.int32))
    queue_rings: Ints = field(default_factory=lambda: np.zeros(0, np.int32))
    queue_pacts: Ints = field(default_factory=lambda: np.zeros(0, np.int32))
    shifts: tuple[tuple[float, float], ...] = ()
    holding: list[Id] = field(default_factory=list)
    aside: Id = None  # what was put aside, until nothing is held
    paused: bool = False
    excluded: set[Id] = field(default_factory=set)  # waiting studies not for this reader

    def place(self, lane: int) -> tuple[int, int]:
        """Give ring and agreement for a lane; a lead may assign what is not eligible."""
        return self.place_or_none(lane) or (OWN_ABLE, OWN)

    def place_or_none(self, lane: int) -> tuple[int, int] | None:
        """Give ring and agreement for a lane, or None where the reader is not eligible."""
        at = int(np.searchsorted(self.lanes, lane))
        if at == len(self.lanes) or self.lanes[at] != lane:
            return None
        return int(self.rings[at]), int(self.pacts[at])


class Presence:
    """All readers and the lanes' counts."""

    def __init__(self, queues: Queues) -> None:
        self._queues = queues
        self.readers: dict[Id, Reader] = {}
        self.rows: list[Reader] = []
        self._of_lane: dict[int, Ints] = {}  # rows, rings, pacts
        self._fresh: list[tuple[Reader, Ints]] = []  # readers whose lanes are not yet filled in
        self._stale: list[Ints] = []  # lanes whose `match_from` is to be found anew
        self.idle: Flags = np.zeros(64, bool)
        self.on: Flags = np.zeros(64, bool)
        self.until, self.since, self.credit, self.comes = (np.zeros(64) for _ in range(4))
        self.free_at: Floats = np.zeros(64)
        self.reading: Ints = np.full(64, NOTHING, np.int32)  # level of what is being read
        self.own_match_on: Ints = np.zeros(128, np.int32)
        self.own_on: Ints = np.zeros(128, np.int32)
        self.any_on: Ints = np.zeros(128, np.int32)
        self.match_from: Floats = np.full(128, NEVER)

    def reader(self, key: Id) -> Reader:
        """Find a reader."""
        found = self.readers.get(key)
        if found is None:
            raise NotFound(f"the dispatcher knows no reader {key}; add it first")
        return found

    def add(self, key: Id, group: Id, speed: float) -> Reader:
        """Make a reader known, or change its group's name or speed."""
        found = self.readers.get(key)
        if found is not None:
            found.group, found.speed = group, speed
            return found
        found = self.readers[key] = Reader(key, len(self.rows), group, speed)
        self.rows.append(found)
        if len(self.rows) > len(self.idle):
            for name in (
                "idle",
                "on",
                "until",
                "since",
                "credit",
                "comes",
                "free_at",
                "reading",
            ):
                old = getattr(self, name)
                setattr(self, name, np.concatenate([old, np.zeros_like(old)]))
        self.reading[found.row] = NOTHING
        self.comes[found.row] = NEVER
        return found

    def set_rings(self, reader: Reader, lanes: Ints, rings: Ints, pacts: Ints) -> None:
        """Replace what a reader may read."""
        on = bool(self.on[reader.row])
        if on:
            self._count(reader, -1)
        before = reader.lanes
        reader.lanes, reader.rings, reader.pacts = lanes, rings, pacts
        self._spread(reader)
        self._fresh.append((reader, before))
        if on:
            self._count(reader, 1)
        self._stale += [before, lanes]

    def _spread(self, reader: Reader) -> None:
        """Write a reader's lanes out as queues."""
        width, by_urgency = self._queues.width, self._queues.by_urgency
        parts = []
        for acute in (0, 1):
            at = np.flatnonzero((reader.lanes & 1) == acute)
            levels = by_urgency[acute]
            queues = ((reader.lanes[at] >> 1) * width)[:, None] + levels[None, :]
            parts.append((queues.ravel(), np.repeat(at, len(levels))))
        queues, at = (np.concatenate(x) for x in zip(*parts, strict=True))
        order = np.argsort(queues)
        reader.queues, at = queues[order].astype(np.int32), at[order]
        reader.queue_rings, reader.queue_pacts = reader.rings[at], reader.pacts[at]

    def readers_of(self, lane: int) -> Ints:
        """List a lane's readers: rows, rings, agreements."""
        if self._fresh:
            self._fill()
        return self._of_lane.get(lane, NOBODY)

    def _fill(self) -> None:
        """Write changed readers into their lanes, all at once."""
        fresh = {reader.row: reader for reader, _ in self._fresh}
        rows = np.array(sorted(fresh), np.int32)
        for lane in {int(x) for _, before in self._fresh for x in before}:
            if lane in self._of_lane:
                known = self._of_lane[lane]
                self._of_lane[lane] = known[:, ~np.isin(known[0], rows)]
        self._fresh.clear()
        all_lanes = np.concatenate([fresh[r].lanes for r in rows.tolist()])
        entries = np.stack([
            np.repeat(rows, [len(fresh[r].lanes) for r in rows.tolist()]),
            np.concatenate([fresh[r].rings for r in rows.tolist()]),
            np.concatenate([fresh[r].pacts for r in rows.tolist()]),
        ])  # fmt: skip
        order = np.argsort(all_lanes, kind="stable")
        lanes, entries = all_lanes[order], entries[:, order]
        bounds = [*np.flatnonzero(np.diff(lanes, prepend=-1)), len(lanes)]
        for start, end in pairwise(bounds):
            lane, part = int(lanes[start]), entries[:, start:end]
            known = self._of_lane.get(lane, NOBODY)
            if known.size:
                part = np.concatenate([known, part], axis=1)
                part = part[:, np.argsort(part[0])]
            self._of_lane[lane] = part.copy()

    def _room(self, lanes: Ints) -> None:
        need = int(lanes.max(initial=-1)) + 1
        if need > len(self.own_on):
            more = 2 * need - len(self.own_on)
            self.own_match_on = np.concatenate([self.own_match_on, np.zeros(more, np.int32)])
            self.own_on = np.concatenate([self.own_on, np.zeros(more, np.int32)])
            self.any_on = np.concatenate([self.any_on, np.zeros(more, np.int32)])
            self.match_from = np.concatenate([self.match_from, np.full(more, NEVER)])

    def room_for(self, lane: int) -> None:
        """Make the counts reach a lane."""
        if lane >= len(self.own_on):
            self._room(np.array([lane], np.int32))

    def _count(self, reader: Reader, by: int) -> None:
        self._room(reader.lanes)
        self.own_match_on[reader.lanes[reader.rings == OWN_MATCH]] += by
        self.own_on[reader.lanes[(reader.rings & 1) == 0]] += by
        self.any_on[reader.lanes] += by

    def foresee(self) -> None:
        """Find the instant from which each lane has a subspecialist; past if it has one.

        To be called before `match_from` is used; costs nothing when nothing changed.
        """
        if not self._stale:
            return
        lanes = np.unique(np.concatenate(self._stale))
        self._stale.clear()
        self._room(lanes)
        parts = [self.readers_of(lane) for lane in lanes.tolist()]
        sizes = np.array([part.shape[1] for part in parts])
        self.match_from[lanes[sizes == 0]] = NEVER
        lanes = lanes[sizes > 0]
        parts = [part for part in parts if part.shape[1]]
        if not parts:
            return
        every = np.concatenate(parts, axis=1)
        comes = np.where(every[1] <= PARTNER_MATCH, self.comes[every[0]], NEVER)
        sizes = sizes[sizes > 0]
        starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
        self.match_from[lanes] = np.minimum.reduceat(comes, starts)

    def sign_on(self, reader: Reader, now: float, until: float) -> None:
        """Begin a shift, or lengthen it."""
        row = reader.row
        self.until[row] = until
        if self.on[row]:
            return
        self.on[row], self.since[row], self.credit[row] = True, now, 0.0
        self.comes[row] = -NEVER
        self._count(reader, 1)
        self._stale.append(reader.lanes[reader.rings <= PARTNER_MATCH])
        reader.paused = False
        self.settle(reader)

    def sign_off(self, reader: Reader, now: float) -> None:
        """End a shift."""
        if not self.on[reader.row]:
            return
        self.on[reader.row] = False
        self._count(reader, -1)
        self.settle(reader)
        self.expect(reader, now)

    def roster(self, reader: Reader, shifts: Sequence[tuple[float, float]], now: float) -> None:
        """Replace a reader's coming shifts."""
        reader.shifts = tuple(sorted(shifts))
        if not self.on[reader.row]:
            self.expect(reader, now)

    def expect(self, reader: Reader, after: float) -> None:
        """Work out when a reader who is away comes next, and what that means for lanes."""
        comes = min((start for start, _ in reader.shifts if start > after), default=NEVER)
        if comes != self.comes[reader.row]:
            self.comes[reader.row] = comes
            self._stale.append(reader.lanes[reader.rings <= PARTNER_MATCH])

    def settle(self, reader: Reader) -> None:
        """Note whether a reader is idle."""
        self.idle[reader.row] = self.on[reader.row] and not reader.paused and not reader.holding

    def take(self, reader: Reader, study: Id, now: float, minutes: float, level: int) -> None:
        """Note that a reader begins a study."""
        reader.holding.append(study)
        self.free_at[reader.row], self.reading[reader.row] = now + minutes, level
        self.settle(reader)

    def let_go(self, reader: Reader, study: Id, free_at: float, level: int) -> None:
        """Note that a reader holds a study no more; what is read next ends at `free_at`."""
        reader.holding.remove(study)
        self.free_at[reader.row], self.reading[reader.row] = free_at, level
        if not reader.holding:
            reader.aside = None
        self.settle(reader)
