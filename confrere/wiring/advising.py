"""Advice on orders: for orders that came by HL7, and what of other groups may be opened."""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection

from confrere.advice import service as advice
from confrere.advice.model import Asked, Prior
from confrere.kernel.ids import GroupId, OrderId
from confrere.network import service as network
from confrere.orders import service as orders


def order_changed(conn: Connection, order_id: OrderId, now: datetime) -> None:
    """An order came or changed: advise, follow what became of it, keep the repeats."""
    order = orders.get(conn, order_id)
    if network.is_shadow(conn, order.site):
        return  # what is only compared is advised on by nobody
    advice.order_changed(conn, order, now)
    open_similar(conn, replace(advice.asked_of(conn, order, now), order=order.id), now)
    advice.note_exam(conn, order, now)


def open_similar(conn: Connection, asked: Asked, now: datetime) -> None:
    """Open to the ordering group those exams of other groups that a card will name.

    Runs as the system role. Only where an agreement in force shares priors (`may_see`), and
    only the exams that the order would repeat; the database's wall then decides what is shown.
    """
    for prior in advice.duplicates_of(advice.advise(conn, asked)):
        if prior.owner_group != asked.owner_group:
            _open(conn, prior, asked.owner_group, now)


def _open(conn: Connection, prior: Prior, to: GroupId, now: datetime) -> None:
    named = {"order": prior.order, "study": prior.study, "report": prior.report}
    objects: list[tuple[str, UUID]] = [
        (kind, one) for kind, one in named.items() if one is not None
    ]
    objects += [("patient", one) for one in advice.whose(conn, prior)]
    network.share(conn, prior.owner_group, to, objects, "advice", now)
