"""Write a round's offers: one conditional update for all, each with its proof. System role."""

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection

from confrere.jobs import events
from confrere.kernel.ids import GroupId
from confrere.network import service as network
from confrere.network.model import Reader
from confrere.worklist import store, store_offers
from confrere.worklist.case import Case
from confrere.worklist.eligibility import agreement_used, is_eligible
from confrere.worklist.explaining import Decision
from confrere.worklist.model import (
    ASSIGNED,
    ATTESTED,
    NO_ANSWER,
    NOBODY,
    OFF_DUTY,
    PUT_ASIDE,
    Item,
    ItemOffered,
    Proof,
    State,
    Verdict,
    shared_objects,
)

OF_A_ROUND = frozenset({NOBODY, OFF_DUTY, ATTESTED, ASSIGNED, PUT_ASIDE, NO_ANSWER})


@dataclass(frozen=True, slots=True)
class Word:
    """What a round says of one exam: whom it is offered to, or for what it waits."""

    item: Item
    reader: Reader | None
    reason: str
    marks: tuple[str, ...] = ()
    case: Case | None = None  # of the reader's
    verdicts: tuple[Verdict, ...] = ()
    decision: Decision | None = None

    @property
    def flags(self) -> list[str]:
        """The exam's marks from now on: what it had of itself, and this round's."""
        return [f for f in self.item.flags if f not in OF_A_ROUND] + list(self.marks)

    @property
    def is_news(self) -> bool:
        """Say whether it is not what the exam says already."""
        to = self.reader.id if self.reader else None
        same = self.item.offered_to == to and self.item.offer_reason == self.reason
        return not same or sorted(self.flags) != sorted(self.item.flags)


@dataclass(slots=True)
class Offering:
    """Words of one round, written together at its end."""

    now: datetime
    version: int  # of the facts
    words: list[Word] = field(default_factory=list)

    def say(self, word: Word) -> bool:
        """Keep a word to be written, if it is news."""
        if word.is_news:
            self.words.append(word)
        return word.is_news

    def write(self, conn: Connection) -> int:
        """Write all; what somebody took or changed meanwhile stays as it is. Returns how many."""
        done = store_offers.offer(conn, [self._row(word) for word in self.words])
        written = [word for word in self.words if word.item.id in done]
        for word in written:
            end_other_shares(
                conn, word.item, word.reader.group if word.reader else None, self.now
            )
        offered = [word for word in written if word.reader is not None]
        proofs = [(word.item.owner_group, self._proof(word)) for word in offered if word.case]
        store_offers.add_proofs(conn, proofs)
        store_offers.add_decisions(
            conn,
            [(w.item, w.reader, w.decision) for w in offered if w.reader and w.decision],
            self.now,
        )
        for word in offered:
            self._tell(conn, word)
        return len(written)

    def _row(self, word: Word) -> store_offers.Row:
        to = word.reader
        return store_offers.Row(
            word.item.id, word.item.version, State.OFFERED if to else State.WAITING,
            to.id if to else None, to.group if to else None, self.now, word.reason,
            tuple(word.flags),
        )  # fmt: skip

    def _proof(self, word: Word) -> Proof:
        assert word.reader is not None  # noqa: S101 - only offers are proved
        assert word.case is not None  # noqa: S101
        return Proof(
            word.item.id, word.reader.id, word.reader.group, "offer",
            is_eligible(word.verdicts), agreement_used(word.case), word.verdicts, self.now,
            self.version,
        )  # fmt: skip

    def _tell(self, conn: Connection, word: Word) -> None:
        item, reader = word.item, word.reader
        assert reader is not None  # noqa: S101 - only offers are told
        if reader.group != item.owner_group:
            objects = shared_objects(item)
            network.share(conn, item.owner_group, reader.group, objects, "offer", self.now)
        if item.offered_group != reader.group or not item.prior_count:
            offered = ItemOffered(item.owner_group, item.id, reader.group, self.now)
            events.publish(conn, offered)


def end_other_shares(conn: Connection, item: Item, to: GroupId | None, now: datetime) -> None:
    """Close the exam to the group that it was offered to before."""
    before = item.offered_group
    if before and before not in (to, item.owner_group):
        objects = [object_id for kind, object_id in shared_objects(item) if kind != "patient"]
        if item.patient and not store.others_of_patient(conn, item, before):
            objects.append(item.patient)
        network.end_shares(conn, item.owner_group, before, objects, now)
