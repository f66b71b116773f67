"""What a site's own system says of who reads an exam, from its order status and report status.

Values of HL7 tables 0038 (ORC-5) and 0123 (OBR-25):

- OBR-25 F or C: reported there; its ORU closes the exam.
- OBR-25 P (preliminary), R (stored, not yet verified) or A (some results), or ORC-5 A: there is
  a text there, which somebody goes on with.
- ORC-5 IP or OBR-25 I: being read, once the exam is complete or where OBR-32 names who reads.
  Before that IP is the acquisition's.
- ORC-5 SC or CM, or OBR-25 S, and none of these: let go.

A new order (ORC-1 NW) and a cancellation say nothing of who reads.
"""

from datetime import datetime

from sqlalchemy import Connection

from confrere.hl7.datatypes import Person
from confrere.hl7.orders import OrderMessage
from confrere.hl7.parse import Message
from confrere.hl7.results import ResultMessage
from confrere.kernel.ids import OrderId, ReaderId
from confrere.network import service as network
from confrere.network.model import Reader, Site
from confrere.network.systems import Peer
from confrere.orders.model import Order
from confrere.worklist import outside, statuses
from confrere.worklist import service as worklist
from confrere.worklist.elsewhere import BEING_READ, DRAFTED, IN_PROGRESS, LET_GO, REPORTED, Said

CANCELS = frozenset({"CA", "DC", "OC", "CR", "OD"})  # ORC-1, table 0119
FINAL, TEXT = frozenset({"F", "C"}), frozenset({"P", "R", "A"})  # OBR-25
ONLY_STATUS = frozenset({"I", "S"})  # an ORU with these brings no report


def word_of(
    order_status: str, result_status: str, control: str = "SC", *, named: bool = False
) -> str | None:
    """Tell what a status says of a read at the site; None where it says nothing of it.

    `named` is that the message names a reader.
    """
    if control in CANCELS or control == "NW" or order_status == "CA":
        return None
    if result_status in FINAL:
        return REPORTED
    if result_status in TEXT or order_status == "A":
        return DRAFTED
    if order_status == "IP" or result_status == "I":
        return BEING_READ if named else IN_PROGRESS
    if order_status in ("SC", "CM") or result_status == "S":
        return LET_GO
    return None


def hear_order(
    conn: Connection, site: Site, peer: Peer, message: Message, said: OrderMessage,
    order: Order, heard_at: datetime,
) -> None:  # fmt: skip
    """Take in what an order message says of who reads."""
    word = word_of(
        said.status, said.result_status, said.control, named=said.interpreter is not None
    )
    sent_at = said.sent_at or heard_at
    _hear(conn, site, peer, message, order.id, word, said.interpreter, sent_at, heard_at)


def hear_result(
    conn: Connection, site: Site, peer: Peer, message: Message, came: ResultMessage,
    orders: list[OrderId], heard_at: datetime,
) -> None:  # fmt: skip
    """Take in what a report's status says of who reads; a final one closes the exam itself."""
    named = came.reader is not None
    word = (
        None if came.status in FINAL else word_of(came.order_status, came.status, named=named)
    )
    for order in orders:
        sent_at = came.sent_at or heard_at
        _hear(conn, site, peer, message, order, word, came.reader, sent_at, heard_at)


def _hear(
    conn: Connection, site: Site, peer: Peer, message: Message, order: OrderId,
    word: str | None, reader: Person | None, said_at: datetime, heard_at: datetime,
) -> None:  # fmt: skip
    if word is None or (word != LET_GO and _is_our_own(conn, site, order, reader, heard_at)):
        return
    source = message.header.text(3).strip() or peer.name
    who = ", ".join(p for p in (reader.name.family, reader.name.given) if p) if reader else ""
    outside.hear(conn, order, site, Said(source, word, said_at, heard_at, who), peer.id)


def _is_our_own(
    conn: Connection, site: Site, order: OrderId, named: Person | None, at: datetime
) -> bool:
    """Say whether a system repeats what we told it: it names who reads, or read, it here."""
    if named is None:
        return False
    items = worklist.of_exam(conn, site.owner_group, None, [order])
    ours = {one for item in items for one in (item.held_by, item.finished_by) if one}
    ours |= statuses.readers_told(conn, [order])
    return any(_is_same(network.reader(conn, ReaderId(one), at), named) for one in ours)


def _is_same(reader: Reader, named: Person) -> bool:
    if named.identifier and named.identifier == reader.npi:
        return True
    family, _, given = reader.name.casefold().partition(",")
    first = named.name.given.casefold()
    said_given = given.strip().split(",")[0].strip()
    return bool(first) and (family.strip(), said_given) == (named.name.family.casefold(), first)
