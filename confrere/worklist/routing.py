"""The dispatcher in memory: who reads what next, and why. Pure.

Nothing is read from a clock, a file or dice: equal events give equal decisions.
"""

from dataclasses import dataclass, replace

import numpy as np

from confrere.kernel.errors import Conflict
from confrere.worklist.presence import NOTHING, Reader
from confrere.worklist.queues import NEVER, Id, Study
from confrere.worklist.world import World


@dataclass(frozen=True, slots=True)
class Proposal:
    """Give this study to this reader; with `put_aside`, in the middle of another."""

    study: Id
    reader: Id
    put_aside: bool = False


class Pool(World):
    """The open studies and readers of groups joined by agreements.

    Facts first (`World`), then events; every change acts at once. Times are minutes on one
    scale of the caller's choice. The pool proposes; a proposal counts when the caller, having
    won it in the database, reports it by `taken`.

        pool = Pool(Policy())
        pool.set_site("mercy", owner="north")
        pool.set_service("mr-brain", Service("neuro", advanced=True, minutes=12, rvu=2.2))
        pool.set_reader("ann", group="north")
        pool.set_rings("ann", {("mercy", "mr-brain", False): 0, ("mercy", "mr-brain", True): 0})
        pool.signed_on(480, "ann", until=1020)
        pool.arrived(500, Study("s1", "mercy", "mr-brain", "inpatient", due=740))
        # -> [Proposal(study="s1", reader="ann")]
        pool.taken(500, "ann", "s1")
        pool.read_done(513, "ann", "s1")
        pool.next(513, "ann")  # -> None, or the id of the best study now
    """

    # readers

    def signed_on(self, now: float, reader: Id, until: float) -> None:
        """Begin a shift, or lengthen it."""
        self._advance(now)
        self.presence.sign_on(self.presence.reader(reader), now, until)

    def signed_off(self, now: float, reader: Id) -> None:
        """End a shift; what the reader holds stays with them."""
        self._advance(now)
        one = self.presence.reader(reader)
        self.presence.sign_off(one, now)
        self._watch(one)

    def paused(self, reader: Id) -> None:
        """Offer a reader nothing for a while; what is held for them stays held."""
        one = self.presence.reader(reader)
        one.paused = True
        self.presence.settle(one)

    def resumed(self, reader: Id) -> None:
        """End a pause."""
        one = self.presence.reader(reader)
        one.paused = False
        self.presence.settle(one)

    def worked(self, reader: Id, rvu: float) -> None:
        """Say how much a reader has read this shift, where the pool has not seen it."""
        self.presence.credit[self.presence.reader(reader).row] = rvu

    def taken(self, now: float, reader: Id, study: Id, *, put_aside: bool = False) -> None:
        """A reader begins a study; with `put_aside` before going on with the last one."""
        self._advance(now)
        one = self.presence.reader(reader)
        if put_aside and one.holding:
            one.aside = one.holding[-1]
        q, found = self.queues.remove(study)
        self._set_excluded(study, frozenset())
        ring, pact = one.place(int(self.queues.lane[q]))
        self.agreements.count(pact, 1, now)
        self._held[study] = (q, found, one, pact)
        at_q, at_ring = np.array([q], np.int32), np.array([ring], np.int32)
        needs = float(self.ordering.minutes(one, at_q, at_ring)[0])
        self.presence.take(one, study, now, needs, q % self.queues.width)

    def read_done(self, now: float, reader: Id, study: Id) -> None:
        """A reader has finished a study; one that was put aside goes on."""
        self._advance(now)
        q, _, one, _ = self._let_go(now, reader, study)
        self.presence.credit[one.row] += self.queues.service(q).rvu
        self._declined.pop(study, None)

    def _let_go(self, now: float, reader: Id, study: Id) -> tuple[int, Study, Reader, int]:
        held = self._held.get(study)
        if held is None or held[2].key != reader:
            raise Conflict(f"study {study} is not with reader {reader}")
        del self._held[study]
        one, level, free_at = held[2], NOTHING, now
        others = [other for other in one.holding if other != study]
        if others:
            last = self._held[others[-1]][0]
            level, free_at = last % self.queues.width, now + float(self.queues.minutes[last])
        self.presence.let_go(one, study, free_at, level)
        return held

    # studies

    def waits(self, *studies: Study) -> None:
        """Let studies wait until somebody asks for them."""
        for study in studies:
            self.queues.add(study)
            self._set_excluded(study.id, study.excluded)

    def arrived(self, now: float, *studies: Study) -> list[Proposal]:
        """Let studies wait, and propose idle readers for them.

        Studies that arrive together are looked at by urgency, so that their order in the
        call changes nothing.
        """
        self._advance(now)
        self.waits(*studies)
        spoken: set[int] = set()
        found = []
        for study in sorted(studies, key=self._rank) if len(studies) > 1 else studies:
            proposal = self._propose(now, study, spoken)
            if proposal:
                spoken.add(self.presence.reader(proposal.reader).row)
                found.append(proposal)
        return found

    def _rank(self, study: Study) -> tuple[int, float, Id]:
        return self.policy.level(study.level), study.due, study.id

    def upgraded(self, now: float, study: Id, level: str, due: float) -> list[Proposal]:
        """Give a waiting study another level and due time; an upgrade never delays it."""
        self._advance(now)
        old = self.queues.remove(study)[1]
        changed = replace(old, level=level, due=due)
        excluded = self._excluded.get(study, frozenset())
        self.queues.add(changed)
        self._set_excluded(study, excluded)
        found = self._propose(now, changed, set())
        return [found] if found else []

    def withdrawn(self, now: float, study: Id) -> None:
        """Forget a study: cancelled, or read elsewhere."""
        held = self._held.get(study)
        if held is not None:
            self._let_go(now, held[2].key, study)
        else:
            self.queues.remove(study)
            self._set_excluded(study, frozenset())
        self._declined.pop(study, None)

    def returned(
        self, now: float, reader: Id, study: Id, *, declined: bool = False
    ) -> list[Proposal]:
        """Let a taken study wait again, with its due time.

        Who declined it is not offered it again until every other reader on duty who may read
        it has declined it too.
        """
        self._advance(now)
        q, found, _, pact = self._let_go(now, reader, study)
        self.agreements.count(pact, -1, now)
        if declined:
            self._note_decline(q, found, reader)
        self.queues.add(found)
        self._set_excluded(study, found.excluded | frozenset(self._declined.get(study, ())))
        proposal = self._propose(now, found, set())
        return [proposal] if proposal else []

    def declined(self, now: float, reader: Id, study: Id) -> list[Proposal]:
        """Note that a reader declined an offer of a study that still waits."""
        self._advance(now)
        q, found = self.queues.waiting_study(study)
        self._note_decline(q, found, reader)
        self._set_excluded(study, found.excluded | frozenset(self._declined[study]))
        proposal = self._propose(now, found, set())
        return [proposal] if proposal else []

    def _note_decline(self, q: int, study: Study, reader: Id) -> None:
        by = self._declined.setdefault(study.id, [])
        if reader not in by:
            by.append(reader)
        rows = self.presence.readers_of(int(self.queues.lane[q]))[0]
        others = {
            self.presence.rows[row].key for row in rows.tolist() if self.presence.on[row]
        } - {reader, *study.excluded}
        if others and others <= set(by):
            by[:] = [reader]

    # questions

    def next(self, now: float, reader: Id) -> Id | None:
        """Name the best study for a reader now, or None."""
        self._advance(now)
        return self.ordering.choose(self.presence.reader(reader), now)

    def best(self, now: float, reader: Id, count: int) -> list[Id]:
        """Name the best studies for a reader now, in order: their list."""
        self._advance(now)
        return self.ordering.ranked(self.presence.reader(reader), now, count)

    def may_take(self, now: float, reader: Id, study: Id) -> bool:
        """Say whether a waiting study is open to a reader now."""
        self._advance(now)
        one = self.presence.reader(reader)
        q, found = self.queues.waiting_study(study)
        place = one.place_or_none(int(self.queues.lane[q]))
        if place is None or study in one.excluded:
            return False
        at, ring, pact = (np.array([x], np.int32) for x in (q, *place))
        return bool(self.rings.open(at, ring, pact, np.array([found.due]), now)[0])

    def bundle(self, now: float, reader: Id, study: Id) -> list[Id]:
        """Name the same patient's other waiting studies that the reader may read, by due time.

        They come along when the study is taken, whatever is held; a split patient's do not.
        """
        self._advance(now)
        known = self.queues.studies.get(study) or self._held.get(study)
        if known is None or known[1].split or known[1].patient is None:
            return []
        one = self.presence.reader(reader)
        found = []
        for other in self.queues.patients.get(known[1].patient, ()):
            q, waits = self.queues.studies[other]
            place = one.place_or_none(int(self.queues.lane[q]))
            if other == study or place is None or other in one.excluded or waits.split:
                continue
            if self.agreements.able_open[place[1]] or self.may_take(now, reader, other):
                found.append((waits.due, other))
        return [other for _, other in sorted(found)]

    def proposal(self, now: float, study: Id) -> Proposal | None:
        """Propose a reader for a waiting study, as on its arrival."""
        self._advance(now)
        return self._propose(now, self.queues.waiting_study(study)[1], set())

    def _propose(self, now: float, study: Study, spoken: set[int]) -> Proposal | None:
        q = self.queues.studies[study.id][0]
        excluded = study.id in self._excluded
        reader = self.placing.idle(now, study, q, spoken, any_excluded=excluded)
        if self.policy.put_aside_after < NEVER and self.queues.first[q] > 0:
            lane = int(self.queues.lane[q])
            ring = None if reader is None else self.presence.reader(reader).place(lane)[0]
            other = self.placing.put_aside(now, study, q, spoken, ring)
            if other is not None:
                return Proposal(study.id, other, put_aside=True)
        return None if reader is None else Proposal(study.id, reader)
