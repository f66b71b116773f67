"""A stroke or trauma exam on its way: which orders tell of one, and who is to be ready. Pure.

The order comes minutes before the images. A reader is asked to be ready for it, and the next
one when they say no or nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from confrere.kernel.ids import GroupId, ItemId, OrderId, ReaderId, SiteId
from confrere.network.model import Directory, Reader, Site
from confrere.network.rosters import serves
from confrere.orders.model import IN_PROGRESS, ORDERED, Order
from confrere.orders.priorities import STROKE
from confrere.worklist.case import case_in
from confrere.worklist.eligibility import eligibility, is_eligible
from confrere.worklist.exam import compose
from confrere.worklist.model import READ, Item, State
from confrere.worklist.policy import ring_of

# words of the request or the procedure, in lower case, that tell of an alert
WORDS = {
    "stroke": (
        "code stroke", "stroke alert", "stroke code", "stroke activation", "brain attack",
        "lvo", "large vessel occlusion",
    ),
    "trauma": (
        "trauma activation", "trauma alert", "code trauma", "trauma code", "level 1 trauma",
        "level i trauma", "trauma level 1", "full trauma",
    ),
}  # fmt: skip
NAMES = {"stroke": "Code stroke", "trauma": "Trauma alert"}
LASTS = timedelta(minutes=45)  # without images; then the reader is free again
PATIENCE = timedelta(minutes=3)  # for an answer, before the next reader is asked
COMES_AFTER = timedelta(minutes=10)  # from the order, where the site sends no "in progress"
HELD_BACK = timedelta(minutes=20)  # so long at most a reader gets no routine exam for it
KEPT = timedelta(minutes=3)  # so long the arrived exam stays with its reader alone
YES, NOT_ME = "yes", "not me"


class Stage(StrEnum):
    """Where an alert stands."""

    OPEN = "open"
    TAKEN = "taken"  # somebody reads the exam
    OFFERED = "offered"  # it was offered; the worklist goes on with it
    DECLINED = "declined"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Alert:
    """An exam that is on its way, and the reader who is to be ready."""

    id: UUID
    owner_group: GroupId
    order: OrderId
    site: SiteId
    kind: str  # stroke or trauma
    level: str  # the name for people
    site_name: str
    stage: Stage
    reader: ReaderId | None
    reader_group: GroupId | None
    answer: str  # empty, YES or NOT_ME
    rung: tuple[ReaderId, ...]  # who was asked, in this order
    refused: tuple[ReaderId, ...]
    item: ItemId | None
    raised_at: datetime
    expires_at: datetime
    rung_at: datetime | None
    begun_at: datetime | None  # when the order was told to be in progress
    offered_at: datetime | None

    def is_imminent(self, now: datetime) -> bool:
        """Say whether images are awaited so soon that the reader takes nothing routine."""
        since = self.begun_at or self.raised_at + COMES_AFTER
        return since <= now < since + HELD_BACK


@dataclass(frozen=True, slots=True)
class SpokenFor:
    """What the dispatcher leaves alone: exams of an alert with their reader, and that reader."""

    items: frozenset[ItemId] = frozenset()
    readers: frozenset[ReaderId] = frozenset()


NOTHING_KEPT = SpokenFor()


def kind_of(order: Order) -> str:
    """Tell what an order announces: `stroke`, `trauma`, or nothing (empty).

    Only of an exam that is still to be made. Words count as whole words, so that "salvo" is
    no LVO; a word that is denied ("no code stroke") still counts: better one call too many.
    """
    content = order.content
    if content.status not in (ORDERED, IN_PROGRESS):
        return ""
    if order.priority == STROKE:
        return "stroke"
    said = " ".join((content.procedure_text, content.clinical_question, *content.diagnoses))
    plain = "".join(one if one.isalnum() else " " for one in said.casefold())
    padded = f" {' '.join(plain.split())} "
    for kind, words in WORDS.items():
        if any(f" {word} " in padded for word in words):
            return kind
    return ""


def expected(order: Order, site: Site, now: datetime) -> Item:
    """The exam that the order will become, as the rules look at one. It is not kept."""
    made = compose(None, [order], None, site)
    empty: dict[str, object] = dict.fromkeys((one.name for one in fields(Item)), None)
    blank = {
        "offer_reason": "", "held_name": "", "version": 0, "synthetic": False,
        "prior_count": 0, "created_at": now, "updated_at": now, "kind": READ,
        "state": State.WAITING, "id": ItemId(order.id), "owner_group": order.owner_group,
        "site": site.id,
    }  # fmt: skip
    told = {name: value for name, value in made.items() if name in empty}
    lists = {
        "orders": (order.id,), "accessions": tuple(made["accessions"]),
        "flags": tuple(made["flags"]), "certificates": tuple(made["certificates"]),
        "orderers": tuple(made["orderers"]), "patient": order.patient,
    }  # fmt: skip
    return Item(**(empty | blank | told | lists))  # type: ignore[arg-type]


def choose(
    item: Item, directory: Directory, now: datetime, busy: frozenset[ReaderId],
    ahead: Mapping[ReaderId, timedelta], leave_out: Sequence[ReaderId],
) -> Reader | None:  # fmt: skip
    """The reader to be ready: on duty and eligible; idle first, then by ring, then least loaded."""

    def place(one: Reader) -> tuple[bool, int, timedelta, str]:
        ring = ring_of(
            own=one.group == item.owner_group, matched=item.subspecialty in one.certificates,
            advanced=True,
        )  # fmt: skip
        return one.id in busy, ring, ahead.get(one.id, timedelta()), str(one.id)

    able = [
        one
        for one in directory.readers.values()
        if one.id not in leave_out
        and serves(one, item.owner_group, item.subspecialty, item.site, now)
        and is_eligible(eligibility(case_in(directory, item, one, now)))
    ]
    return min(able, key=place, default=None)


def is_over_for(alert: Alert, item: Item, now: datetime) -> Stage | None:
    """Say how an alert ends once its exam is there; None while it still keeps its reader."""
    if item.finished_at is not None or item.held_by is not None:
        return Stage.TAKEN
    if alert.offered_at is None:
        return None
    if item.offered_to != alert.reader:
        return Stage.DECLINED
    return Stage.OFFERED if now >= alert.offered_at + KEPT else None
