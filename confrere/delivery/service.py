"""Keep what comes in, send what must go out, and show both. The caller owns the transaction."""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Connection

from confrere.delivery import store
from confrere.delivery.clocks import MOST, Skew, skew_of
from confrere.delivery.model import (
    DEAD,
    DISMISSED,
    DONE,
    FAILED,
    HELD_BACK,
    SENT,
    STATUS_KIND,
    STORED,
    TRIES_BEFORE_DEAD,
    WAITING,
    Outgoing,
    Received,
    back_off,
)
from confrere.delivery.tables import outgoing
from confrere.jobs import events
from confrere.kernel.errors import Conflict, DomainError, NotFound
from confrere.kernel.ids import GroupId, MessageId, PeerId, ReportId, SiteId
from confrere.network import service as network
from confrere.network.systems import Peer

PROCESS_TASK = "delivery.process"
ACCEPTED = frozenset({"AA", "CA", "0000"})  # HL7 table 0008; DIMSE success
Send = Callable[[Outgoing], tuple[str, str]]  # gives the peer's answer: code and text


def keep(
    conn: Connection, peer: Peer, kind: str, control_id: str, content: bytes, address: str,
    now: datetime,
) -> MessageId:  # fmt: skip
    """Keep a message whole and queue its processing; acknowledge only once this commits."""
    kept = store.add_received(conn, {
        "owner_group": peer.owner_group, "peer_id": peer.id, "site_id": peer.site,
        "door": peer.door, "address": address, "kind": kind[:32], "control_id": control_id[:64],
        "content": content, "state": STORED, "received_at": now,
    })  # fmt: skip
    events.defer(conn, PROCESS_TASK, message_id=kept)
    return kept


def is_known(conn: Connection, peer: Peer, control_id: str, content: bytes) -> bool:
    """Say whether this very message of this peer is kept already, so it has one effect."""
    return bool(control_id) and store.has_received(conn, peer, control_id, content)


def received(conn: Connection, message: MessageId) -> Received:
    """One message that came in; NotFound."""
    found = store.get_received(conn, message)
    if found is None:
        raise NotFound("no such message")
    return found


def mark_done(
    conn: Connection, message: Received, site: SiteId | None, now: datetime,
    said_at: datetime | None = None,
) -> None:  # fmt: skip
    """A message was processed; `said_at` is when it says that it was made (MSH-7)."""
    store.change_received(conn, message.id, {
        "state": DONE, "done_at": now, "attempts": message.attempts + 1, "reason": "",
        "field": "", "remedy": "", "site_id": site or message.site, "said_at": said_at,
    })  # fmt: skip


def skews(conn: Connection) -> dict[PeerId, Skew]:
    """Each sender's clock against ours, by its newest messages; without those too few to tell."""
    found = {peer: skew_of(each) for peer, each in store.differences(conn, MOST).items()}
    return {peer: one for peer, one in found.items() if one is not None}


def arrivals(
    conn: Connection, site: SiteId, since: datetime, until: datetime
) -> dict[str, int]:
    """How many messages of a site came in a period, by state; those of no site yet left out."""
    return store.count_arrivals(conn, site, since, until)


def refused(conn: Connection, site: SiteId, since: datetime, until: datetime) -> dict[str, int]:
    """How many failed messages of a site's own senders named which field, in a period."""
    return store.count_failed_fields(conn, site, since, until)


def mark_failed(
    conn: Connection, message: Received, reason: str, field: str, remedy: str, now: datetime
) -> None:
    """A message can't be processed: it is kept, shown with the reason, and can be replayed."""
    store.change_received(conn, message.id, {
        "state": FAILED, "done_at": now, "attempts": message.attempts + 1, "reason": reason,
        "field": field, "remedy": remedy,
    })  # fmt: skip


def replay(conn: Connection, message: MessageId) -> None:
    """Process a kept message again."""
    found = received(conn, message)
    if found.state == DONE:
        raise Conflict("this message was processed; there is nothing to replay")
    store.change_received(conn, message, {"state": STORED})
    events.defer(conn, PROCESS_TASK, message_id=message)


def dismiss(conn: Connection, message: MessageId, why: str, now: datetime) -> None:
    """Put a failed message aside with a reason; it stays kept."""
    if received(conn, message).state != FAILED:
        raise Conflict("only a failed message can be put aside")
    store.change_received(conn, message, {"state": DISMISSED, "remedy": why, "done_at": now})


def inbox(conn: Connection, states: list[str], limit: int = 200) -> list[Received]:
    """What came in, newest first."""
    return store.list_received(conn, states, limit)


def send(
    conn: Connection, owner: GroupId, peer: PeerId, site: SiteId | None, report: ReportId | None,
    kind: str, accession: str, control_id: str, content: bytes, now: datetime,
    *, begun_live: bool = False,
) -> MessageId:  # fmt: skip
    """Put a message into the outbox; it leaves after this transaction commits.

    The one gate for whatever goes out to a site: while the site is in shadow mode the message
    is kept and held back, unless it is about an exam that was `begun_live`, whose read is
    finished so that nothing is lost.
    """
    values = {
        "owner_group": owner, "peer_id": peer, "site_id": site, "report_id": report,
        "kind": kind, "accession": accession, "control_id": control_id, "content": content,
        "created_at": now, "next_at": now,
    }  # fmt: skip
    if not begun_live and site is not None and network.is_shadow(conn, site):
        values |= {"state": HELD_BACK, "last_error": "the site is in shadow mode"}
    return store.add_outgoing(conn, values)


def send_status(
    conn: Connection, owner: GroupId, peer: PeerId, site: SiteId, accession: str,
    control_id: str, content: bytes, now: datetime, *, begun_live: bool = False,
) -> MessageId:  # fmt: skip
    """Put an exam's status into the outbox, in place of older ones that did not leave yet.

    One that is on its way just now is left alone: it leaves first.
    """
    store.replace_waiting(conn, peer, site, accession)
    return send(
        conn, owner, peer, site, None, STATUS_KIND, accession, control_id, content, now,
        begun_live=begun_live,
    )  # fmt: skip


def deliver_next(
    conn: Connection, peer: PeerId, transmit: Send, now: datetime, jitter: float
) -> bool:
    """Send the first message that waits for a peer; say whether to go on with the next.

    At least once: a crash between the peer's answer and our commit sends it again under the
    same control id. A refusal or a lost line is kept and tried again with growing pauses;
    after TRIES_BEFORE_DEAD the message is set aside as dead, so that others flow, and a
    person can send it again.
    """
    message = store.next_of_peer(conn, peer)
    if message is None or message.next_at > now:
        return False
    tries = message.attempts + 1
    try:
        code, words = transmit(message)
    except (DomainError, OSError) as error:
        code, words = "", str(error) or type(error).__name__
    if code in ACCEPTED:
        values = {"state": SENT, "sent_at": now, "last_error": ""}
    else:
        values = {
            "state": DEAD if tries >= TRIES_BEFORE_DEAD else WAITING,
            "next_at": now + back_off(tries, jitter), "last_error": words[:300],
        }  # fmt: skip
    values |= {"attempts": tries, "answer_code": code, "answer_text": words[:300]}
    store.change_outgoing(conn, message.id, values)
    return values["state"] != WAITING


def due_peers(conn: Connection, now: datetime) -> list[PeerId]:
    """Peers for which something waits and is due."""
    return store.peers_waiting(conn, now)


def send_again(conn: Connection, message: MessageId, now: datetime) -> None:
    """Send a dead, waiting or held-back message now.

    Conflict for what was delivered, for an exam's status that a newer one has overtaken, and
    while the site is in shadow mode.
    """
    found = going_out(conn, message)
    if found.state == HELD_BACK and found.site and network.is_shadow(conn, found.site):
        raise Conflict("the site is in shadow mode: cut it over, then send this message")
    if found.kind == STATUS_KIND and store.has_newer(conn, found):
        raise Conflict("a newer status of this exam took its place; there is nothing to send")
    values = {"state": WAITING, "next_at": now, "attempts": 0}
    if not store.change_outgoing(conn, message, values, outgoing.c.state != SENT):
        raise Conflict("this message was delivered and acknowledged")


def going_out(conn: Connection, message: MessageId) -> Outgoing:
    """One message of the outbox; NotFound."""
    found = store.get_outgoing(conn, message)
    if found is None:
        raise NotFound("no such message")
    return found


def outbox(conn: Connection, states: list[str], limit: int = 200) -> list[Outgoing]:
    """What goes out, newest first."""
    return store.list_outgoing(conn, states, limit)


def of_report(conn: Connection, report: ReportId) -> list[Outgoing]:
    """What was or will be sent for a report."""
    return store.of_report(conn, report)


def counts(conn: Connection) -> tuple[dict[str, int], dict[str, int]]:
    """How many messages are in each state: (inbox, outbox)."""
    return store.count_received(conn), store.count_outgoing(conn)


def waiting_since(conn: Connection) -> datetime | None:
    """Since when the oldest message that still waits has waited; None when none does."""
    return store.oldest_waiting(conn)
