"""Whom each exam is offered to in one round, by the policy. Pure."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import timedelta

from confrere.kernel.ids import ItemId, ReaderId
from confrere.network.model import Reader
from confrere.network.routing_settings import MOST_AHEAD
from confrere.worklist.explaining import Decision, explain
from confrere.worklist.model import Item
from confrere.worklist.placing import Placing
from confrere.worklist.pooling import Look


@dataclass(frozen=True, slots=True)
class Chosen:
    """An exam, the reader it is offered to, and all that the choice rested on.

    With `put_aside` the reader is asked to read it before going on with what they hold.
    Without a decision it goes along with an exam of the same patient.
    """

    item: Item
    reader: Reader
    decision: Decision | None = None
    put_aside: bool = False


class Round:
    """One round of offers over a look. Each idle reader gets one exam, the urgent ones first."""

    def __init__(self, look: Look) -> None:
        self.look = look
        self.found: list[Chosen] = []
        self._each: dict[ReaderId, int] = defaultdict(int)
        for reader in look.standing.values():
            self._each[reader] += 1
        for item_id, with_reader in look.hour.attached.items():
            if item_id in look.waiting:
                who = look.directory.readers[with_reader]
                self.found.append(Chosen(look.waiting[item_id], who))

    def offers(self) -> list[Chosen]:
        """Give every idle reader one exam, the most urgent first; the policy chooses.

        An offer that nobody has taken up yields to a stroke or STAT exam that finds no idle
        reader, and waits again. Then those whose group wants several offers at once get them.
        """
        for urgent in self._first():
            self._at_any_rate(urgent)
        look, moving = self.look, True
        while moving:
            moving = False
            for reader in self._idle():
                study: ItemId | None = look.pool.next(look.at, reader)
                if study is None:
                    continue
                better = look.pool.proposal(look.at, study)
                self._give(study, better.reader if better else reader)
                moving = True
        self._further()
        return self.found

    def queued(self) -> list[tuple[Item, Reader]]:
        """Name a reader for each acute exam that found nobody idle: it stands next with them.

        The reader who has least to read first; whoever has it already keeps it. The first who
        is idle gets it all the same, in a later round.
        """
        look = self.look
        ahead: dict[ReaderId, timedelta] = defaultdict(timedelta, look.hour.ahead)
        found = []
        waits = (look.waiting[one] for one in look.pool.queues.studies if one in look.waiting)
        acute = [one for one in waits if look.level(one).urgent]
        for item in sorted(acute, key=lambda one: (one.due_at or look.now, str(one.id))):
            excluded = look.pool.queues.studies[item.id][1].excluded
            there = look.serving(item.id) - excluded
            if not there:
                continue
            kept = item.offered_to if item.offered_to in there else None
            best = kept or min(there, key=lambda one: (ahead[one], str(one)))
            ahead[best] += item.reading_time
            found.append((item, look.directory.readers[best]))
        return found

    def _first(self) -> list[ItemId]:
        look = self.look
        loose = [
            one
            for one in look.waiting.values()
            if look.level(one).first and one.id in look.pool.queues.studies
        ]
        return [
            one.id
            for one in sorted(loose, key=lambda one: (one.due_at or look.now, str(one.id)))
        ]

    def _at_any_rate(self, study: ItemId) -> None:
        """Find a reader for a STAT exam, if need be one with a lesser offer, or a lesser read."""
        look = self.look
        if study not in look.pool.queues.studies:
            return  # it went along with another of the same patient
        idle = look.pool.proposal(look.at, study)
        if idle is not None:
            self._give(study, idle.reader)
            return
        lane = int(look.pool.queues.lane[look.pool.queues.waiting_study(study)[0]])
        lesser = [
            (look.pool.presence.reader(reader).place(lane)[0], str(reader), item)
            for item, reader in look.standing.items()
            if not look.level(look.waiting[item]).first
            and reader in look.pool.presence.readers
            and look.pool.may_take(look.at, reader, study)
        ]
        if lesser:
            put_back = min(lesser)[2]
            reader = look.standing.pop(put_back)
            look.pool.resumed(reader)
            look.pool.arrived(look.at, look.study(look.waiting[put_back]))
            self._give(study, reader)
            return
        asked = self._asked_aside(study)
        if asked is not None:
            self._give(study, asked, put_aside=True)

    def _asked_aside(self, study: ItemId) -> ReaderId | None:
        """Name who should put a routine exam aside; only readers of groups that want it."""
        look, pool = self.look, self.look.pool
        q, found = pool.queues.waiting_study(study)
        left_alone = {
            one.row
            for one in pool.presence.rows
            if not look.directory.routing_of(one.group).put_aside
        }
        reader: ReaderId | None = Placing(look.policy, pool.queues, pool.rings).put_aside(
            look.at, found, q, left_alone, idle=None
        )
        return reader

    def _idle(self) -> list[ReaderId]:
        presence = self.look.pool.presence
        return sorted((one.key for one in presence.rows if presence.idle[one.row]), key=str)

    def _further(self) -> None:
        """Offer more than one exam to readers whose group wants that."""
        look = self.look
        for count in range(2, MOST_AHEAD + 1):
            for reader in sorted(self._each, key=str):
                wanted = look.directory.routing_of(look.directory.readers[reader].group).ahead
                if reader in look.hour.busy or not self._each[reader] < min(count, wanted):
                    continue
                more = look.pool.next(look.at, reader)
                if more is not None:
                    self._give(more, reader)

    def _give(self, study: ItemId, reader: ReaderId, *, put_aside: bool = False) -> None:
        look = self.look
        decision = explain(look.pool, look.at, reader, study)
        mates = look.pool.bundle(look.at, reader, study)
        look.pool.taken(look.at, reader, study, put_aside=put_aside)
        self._each[reader] += 1
        who = look.directory.readers[reader]
        self.found.append(Chosen(look.waiting[study], who, decision, put_aside))
        for mate in mates:
            look.pool.taken(look.at, reader, mate)
            self.found.append(Chosen(look.waiting[mate], who))
