"""The HL7 door put together: store whole, then acknowledge; the worker reads it later."""

import secrets
from collections.abc import Callable

from confrere.audit import service as audit
from confrere.audit.model import COLLABORATIVE, Agent, Event
from confrere.database.engine import transaction
from confrere.delivery import service as delivery
from confrere.hl7.acknowledge import Stamp
from confrere.hl7.door import Decision, respond
from confrere.hl7.envelope import Envelope
from confrere.hl7.mllp import Limits, Listener
from confrere.hl7.mllp import Peer as Caller
from confrere.kernel.errors import Refused
from confrere.wiring.device_permissions import may_send
from confrere.wiring.house import House
from confrere.wiring.peers import PeerBook


def open_hl7_door(house: House, book: PeerBook, host: str, port: int) -> Listener:
    """Listen for MLLP; raises OSError when the address is taken."""

    def stamp() -> Stamp:
        return Stamp(house.now(), secrets.token_hex(10))

    def receive(raw: bytes, caller: Caller) -> bytes:
        return respond(raw, _accepter(house, book, caller), stamp)

    listener = Listener(
        host, port, Limits(), admit=lambda address: book.knows_address("hl7", address),
        receive=receive, stamp=stamp,
    )  # fmt: skip
    listener.start()
    return listener


def _accepter(
    house: House, book: PeerBook, caller: Caller
) -> Callable[[Envelope, bytes], Decision]:
    def accept(envelope: Envelope, raw: bytes) -> Decision:
        application = envelope.sending_application[0] if envelope.sending_application else ""
        facility = envelope.sending_facility[0] if envelope.sending_facility else ""
        peer = book.by_application(application, facility, caller.address)
        if peer is None:
            _note_unknown(house, application, facility, caller.address)
            raise Refused("sender is not registered: add MSH-3 and MSH-4 on the network page")
        if not may_send(envelope.message_type):
            raise Refused(f"{envelope.message_type or 'no'} messages are not taken here: MSH-9")
        kind = f"{envelope.message_type}^{envelope.trigger}".strip("^")
        with transaction(house.app, frozenset({peer.owner_group})) as conn:
            if not delivery.is_known(conn, peer, envelope.control_id, raw):
                delivery.keep(
                    conn, peer, kind, envelope.control_id, raw, caller.address, house.now()
                )
        return Decision()

    return accept


def _note_unknown(house: House, application: str, facility: str, address: str) -> None:
    detail = {"address": address, "application": application[:64], "facility": facility[:64]}
    event = Event(
        COLLABORATIVE, house.now(), "E", "message", "hl7", Agent(None, "unknown sender", None),
        "refused", detail=detail,
    )  # fmt: skip
    with transaction(house.app, frozenset()) as conn:
        audit.note(conn, house.audit_key, event)
