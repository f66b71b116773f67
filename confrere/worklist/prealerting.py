"""Raise pre-alerts from orders, ring readers for them, and keep what they answer.

`note_order` runs as a job when an order changes; `raise_alerts` in the dispatcher's round, on
the few alerts that are open. Where nobody may read it, the owner group's chief is told.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Connection

from confrere.jobs import events
from confrere.kernel.errors import Conflict, NotFound
from confrere.kernel.ids import OrderId, ReaderId
from confrere.network import service as network
from confrere.network.model import Directory, Reader
from confrere.notices import service as notices
from confrere.notices.contacts import ROLES, CallLists
from confrere.notices.model import Kind, Telling
from confrere.orders import service as orders
from confrere.orders.model import CANCELLED, IN_PROGRESS, Order
from confrere.worklist import store
from confrere.worklist import store_prealerts as alerts
from confrere.worklist.case import case_in
from confrere.worklist.eligibility import agreement_used, eligibility, is_eligible
from confrere.worklist.escalation import NO_LEAD, Person, chief_of, paged, reader_of
from confrere.worklist.model import (
    NOBODY,
    OFF_DUTY,
    Item,
    ItemOffered,
    Proof,
    State,
    shared_objects,
)
from confrere.worklist.offering import end_other_shares
from confrere.worklist.prealert import (
    LASTS,
    NAMES,
    NOT_ME,
    PATIENCE,
    YES,
    Alert,
    SpokenFor,
    Stage,
    choose,
    expected,
    is_over_for,
    kind_of,
)
from confrere.worklist.standing import ahead_of
from confrere.worklist.tables import items, prealerts


class Load:
    """Who reads now, and how much lies before each; looked up only when it is asked for."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn

    @cached_property
    def _work(self) -> list[Item]:
        return store.open_items(
            self._conn, sa.or_(items.c.held_by.is_not(None), items.c.offered_to.is_not(None))
        )

    @cached_property
    def busy(self) -> frozenset[ReaderId]:
        """Readers who hold an exam."""
        return frozenset(one.held_by for one in self._work if one.held_by)

    @cached_property
    def ahead(self) -> Mapping[ReaderId, timedelta]:
        """Reading time of what each holds or is offered."""
        return ahead_of(self._work)


def note_order(conn: Connection, order: Order, now: datetime) -> UUID | None:
    """Raise an alert where an order tells of a stroke or trauma exam; its id when it is new.

    An order that changed also brings its alert up to date: begun, or cancelled.
    """
    for one in alerts.of_orders(conn, [order.id]):
        if order.content.status == CANCELLED:
            alerts.end(conn, one.id, Stage.CANCELLED, now)
        elif order.content.status == IN_PROGRESS and one.begun_at is None:
            alerts.change(conn, one.id, {"begun_at": now})
    kind = kind_of(order)
    if network.is_shadow(conn, order.site):
        return None
    if not kind or store.of_exam(conn, order.owner_group, None, [order.id]):
        return None
    site = network.site(conn, order.site)
    begun = now if order.content.status == IN_PROGRESS else None
    return alerts.add(conn, {
        "owner_group": order.owner_group, "order_id": order.id, "site_id": order.site,
        "kind": kind, "level": NAMES[kind], "site_name": site.short_name or site.name,
        "raised_at": now, "expires_at": now + LASTS, "begun_at": begun,
    })  # fmt: skip


def raise_alerts(conn: Connection, directory: Directory, now: datetime) -> SpokenFor:
    """See to the open alerts: ring a reader, take answers, offer what arrived, end what is over.

    Returns what the round's dispatch leaves alone.
    """
    there = alerts.lock_open(conn)
    if not there:
        return SpokenFor()
    load = Load(conn)
    known = {one.id: one for one in orders.get_many(conn, [one.order for one in there])}
    lists = notices.call_lists(conn)
    spoken: set[ReaderId] = {one.reader for one in there if one.reader}
    for alert in there:
        if alert.expires_at <= now or alert.order not in known:
            alerts.end(conn, alert.id, Stage.EXPIRED, now)
            continue
        arrived = store.of_exam(conn, alert.owner_group, None, [alert.order])
        if arrived:
            _arrived(conn, alert, arrived[0], directory, load, now)
            continue
        order = known[alert.order]
        exam = expected(order, directory.sites[alert.site], now)
        if _stands(alert, exam, directory, now):
            continue
        others = frozenset(spoken - {alert.reader})
        busy = load.busy | others
        reader = choose(exam, directory, now, busy, load.ahead, _leave_out(alert))
        if reader:
            spoken.add(reader.id)
        _ring(conn, alert, reader, directory, lists, now)
    return spoken_for(conn, now)


def spoken_for(conn: Connection, now: datetime) -> SpokenFor:
    """What the dispatcher leaves alone now."""
    there = [one for one in alerts.listed(conn) if one.reader and one.expires_at > now]
    offered = [one for one in there if one.offered_at]
    soon = [one for one in there if one.offered_at or one.is_imminent(now)]
    return SpokenFor(
        frozenset(one.item for one in offered if one.item),
        frozenset(one.reader for one in soon if one.reader),
    )


def reserved(conn: Connection, now: datetime) -> dict[OrderId, ReaderId]:
    """Which reader is kept for which order's exam."""
    there = alerts.listed(conn, prealerts.c.expires_at > now)
    return {one.order: one.reader for one in there if one.reader}


def for_reader(conn: Connection, reader: ReaderId, now: datetime) -> list[Alert]:
    """The alerts for which a reader is to be ready."""
    mine = (prealerts.c.reader_id == reader, prealerts.c.expires_at > now)
    return [one for one in alerts.listed(conn, *mine) if one.answer != NOT_ME]


def answer(conn: Connection, key: UUID, reader: ReaderId, *, ready: bool) -> Alert:
    """Keep a reader's answer; after a no the dispatcher asks the next.

    NotFound for another group's; Conflict where another reader is asked by now.
    """
    alert = alerts.get(conn, key)
    if alert is None:
        raise NotFound("no such pre-alert: it is over, or another reader's")
    still = (prealerts.c.reader_id == reader, prealerts.c.ended_at.is_(None))
    if not alerts.change(conn, key, {"answer": YES if ready else NOT_ME}, *still):
        raise Conflict("this pre-alert is over, or another reader was asked meanwhile")
    return alert


def _stands(alert: Alert, exam: Item, directory: Directory, now: datetime) -> bool:
    """Say whether the reader who was asked still is the one."""
    reader = directory.readers.get(alert.reader) if alert.reader else None
    if reader is None or alert.answer == NOT_ME:
        return False
    if not reader.on_duty(now):
        return False
    if not is_eligible(eligibility(case_in(directory, exam, reader, now))):
        return False
    if alert.answer == YES or alert.rung_at is None:
        return True
    return now < alert.rung_at + PATIENCE


def _leave_out(alert: Alert) -> Sequence[ReaderId]:
    """Who is not asked: whoever said no, and whoever was asked already while others were not."""
    gone = [alert.reader] if alert.reader and alert.answer == NOT_ME else []
    return (*alert.refused, *gone, *alert.rung)


def _ring(
    conn: Connection, alert: Alert, reader: Reader | None, directory: Directory,
    lists: CallLists, now: datetime,
) -> None:  # fmt: skip
    refused = [*alert.refused]
    if alert.reader and alert.answer == NOT_ME:
        refused.append(alert.reader)
    if reader is None:
        _nobody_left(conn, alert, refused, directory, lists, now)
        return
    alerts.change(conn, alert.id, {
        "reader_id": reader.id, "reader_group": reader.group, "answer": "", "rung_at": now,
        "rung": [*alert.rung, reader.id], "refused": refused,
    })  # fmt: skip
    _tell(conn, alert, reader_of(reader.id, now, directory, lists), now)


def _nobody_left(
    conn: Connection, alert: Alert, refused: list[ReaderId], directory: Directory,
    lists: CallLists, now: datetime,
) -> None:  # fmt: skip
    """Everybody was asked: who did not answer stays reserved, and the chief is told once."""
    known = directory.readers.get(alert.reader) if alert.reader else None
    silent = known is not None and alert.answer != NOT_ME and known.on_duty(now)
    if alert.reader is not None and not silent:
        alerts.change(conn, alert.id, {
            "reader_id": None, "reader_group": None, "answer": "", "rung_at": None,
            "refused": refused,
        })  # fmt: skip
    _tell(conn, alert, chief_of(alert.owner_group, now, directory, lists), now)


def _tell(conn: Connection, alert: Alert, person: Person, now: datetime) -> None:
    told = notices.told(conn, [alert.id])
    if told.may_tell(alert.id, person.key, Kind.PREALERT, 0):
        nobody = person.reader is None and person.contact is None
        notices.tell(conn, [
            Telling(
                Kind.PREALERT, 0, alert.id, None, alert.owner_group, person.group, person.key,
                ROLES[person.role], person.name, way, alert.site_name, alert.level, None,
                person.reader, person.contact.id if person.contact else None,
                NO_LEAD if nobody else "",
            )
            for way in paged(person)
        ], now)  # fmt: skip


def _arrived(
    conn: Connection, alert: Alert, item: Item, directory: Directory,
    load: Load, now: datetime,
) -> None:  # fmt: skip
    """The exam is there: offer it to its reader first, and end the alert when that is over."""
    over = is_over_for(alert, item, now)
    reader = directory.readers.get(alert.reader) if alert.reader else None
    if over is None and alert.offered_at is None:
        over = Stage.OFFERED  # the dispatcher's to offer, unless somebody is ready for it
        # changed by a worker while images come in: what is written rests on the row as it is
        fresh = store.lock(conn, item.id)
        if (
            reader is not None
            and fresh is not None
            and _is_ready(alert, load, now)
            and _offer(conn, fresh, reader, alert, directory, now)
        ):
            alerts.change(conn, alert.id, {"item_id": item.id, "offered_at": now})
            over = None
    if over is not None:
        alerts.end(conn, alert.id, over, now)


def _is_ready(alert: Alert, load: Load, now: datetime) -> bool:
    """Say whether the reader promised to be ready, or was asked just now and reads nothing."""
    if alert.answer:
        return alert.answer == YES
    asked = alert.rung_at is not None and now < alert.rung_at + PATIENCE
    return asked and alert.reader not in load.busy


def _offer(
    conn: Connection, item: Item, reader: Reader, alert: Alert, directory: Directory,
    now: datetime,
) -> bool:  # fmt: skip
    """Offer the exam with the proof of all rules; False where a rule says no by now."""
    case = case_in(directory, item, reader, now)
    judged = eligibility(case)
    if not (reader.on_duty(now) and is_eligible(judged)):
        return False
    flags = [one for one in item.flags if one not in (NOBODY, OFF_DUTY)]
    done = store.change(conn, item.id, {
        "state": State.OFFERED, "offered_to": reader.id, "offered_group": reader.group,
        "offered_at": now, "offer_reason": f"{alert.level}: reserved before the images",
        "flags": flags, "updated_at": now,
    }, items.c.version == item.version, items.c.held_by.is_(None))  # fmt: skip
    if done is None:
        return False
    end_other_shares(conn, item, reader.group, now)
    store.add_proofs(conn, [Proof(
        item.id, reader.id, reader.group, "offer", True, agreement_used(case), judged, now,
        directory.version,
    )])  # fmt: skip
    if reader.group != item.owner_group:
        network.share(conn, item.owner_group, reader.group, shared_objects(item), "offer", now)
    events.publish(conn, ItemOffered(item.owner_group, item.id, reader.group, now))
    return True
