"""The gateway's doors: DICOM and MLLP, the centre's own code, into the local queue.

What is acknowledged is durable here. An object that is not whole, or not what was announced,
is answered as the centre answers it, and goes there all the same, to be kept aside.
"""

import secrets
import threading
from collections.abc import Callable
from datetime import UTC, datetime

from confrere.dimse import status
from confrere.dimse.door import Door
from confrere.dimse.limits import Limits
from confrere.dimse.service import (
    CALLING_NOT_RECOGNISED,
    Admission,
    Call,
    Outcome,
    Rejection,
)
from confrere.dimse.store import StoreRequest
from confrere.files.folder import BlobStore
from confrere.files.incoming import Incoming as Blob
from confrere.gateway.config import Config
from confrere.gateway.model import ROUTINE, STAT, Ordered, Seen, Waiting, rank_of_order
from confrere.gateway.queue import Queue
from confrere.gateway.room import Room
from confrere.hl7.acknowledge import Stamp
from confrere.hl7.door import Decision, respond
from confrere.hl7.envelope import Envelope
from confrere.hl7.mllp import Limits as MllpLimits
from confrere.hl7.mllp import Listener, Peer
from confrere.hl7.orders import OrderMessage, read_order
from confrere.hl7.parse import parse
from confrere.imaging.examining import examine
from confrere.imaging.head import Head, refuse_other
from confrere.kernel.errors import DomainError, Invalid, Refused
from confrere.orders.model import CANCELLED
from confrere.wiring.device_permissions import may_send
from confrere.wiring.inbound_hl7 import order_status

_HIGH = 1  # priority of a C-STORE (PS3.7 table 9.3-1)
_ORDERS = frozenset({"ORM", "OMI", "OMG"})


class Sink:
    """Where instances go. `wake` tells the senders that something came."""

    def __init__(
        self,
        config: Config,
        blobs: BlobStore,
        queue: Queue,
        room: Room,
        wake: Callable[[], None],
    ) -> None:
        self.config, self.blobs, self.queue, self.room = config, blobs, queue, room
        self.wake = wake

    def begin(self, request: StoreRequest) -> "Incoming":
        """Open a blob; raises Unavailable (0xA700) where the disk is nearly full."""
        self.room.require()
        return Incoming(self, request, self.blobs.begin())


class Incoming:
    """One instance on its way in; acknowledged when its bytes and its row are durable."""

    def __init__(self, sink: Sink, request: StoreRequest, blob: Blob) -> None:
        self._sink, self._request, self._blob = sink, request, blob

    def write(self, view: memoryview) -> None:
        """Keep the bytes as they came."""
        self._blob.write(view)

    def abort(self) -> None:
        """Forget it."""
        self._blob.discard()

    def finish(self) -> Outcome:
        """Make it durable, let it wait, then answer."""
        size, request = self._blob.size, self._request
        if not size:
            self._blob.discard()  # there is nothing to keep aside
            raise Invalid("The data set is empty: send it again", "DataSet")
        digest = self._blob.keep()
        head, wrong = self._read(digest)
        one = Waiting(
            0, digest, size, request.sop_class, request.sop_instance, request.transfer_syntax,
            request.calling_aet,
        )  # fmt: skip
        accession = head.accession_number if head else ""
        self._sink.queue.add(one, accession, self._rank(head), seen_of(head) if head else None)
        self._sink.wake()
        return status.outcome_of(wrong) if wrong else Outcome(status.SUCCESS)

    def _read(self, digest: bytes) -> tuple[Head | None, Invalid | None]:
        request = self._request
        try:
            head = examine(self._sink.blobs, digest, request.transfer_syntax)
            refuse_other(head, request.sop_class, request.sop_instance)
        except Invalid as error:
            return None, error
        return head, None

    def _rank(self, head: Head | None) -> int:
        """STAT by the sender, its modality or its C-STORE; what an order says comes on top."""
        request, config = self._request, self._sink.config
        sender = config.sender(request.calling_aet, request.address)
        is_stat = (
            request.priority == _HIGH
            or (sender is not None and sender.stat)
            or (head is not None and head.modality.upper() in config.stat_modalities)
        )
        return STAT if is_stat else ROUTINE


def open_dicom(sink: Sink) -> Door:
    """Open the DICOM door; raises OSError when the address is taken."""
    config = sink.config

    def admit(call: Call) -> Admission | Rejection:
        address = "127.0.0.1" if call.address == "::1" else call.address
        sender = config.sender(call.calling_aet, address)
        if sender is None:
            return CALLING_NOT_RECOGNISED
        return Admission(sender, frozenset({"echo", "store"}))

    door = Door(config.host, config.dicom_port, Limits(), admit, sink, title=config.aet.strip())
    door.start()
    return door


def open_mllp(
    config: Config, queue: Queue, room: Room, wake: Callable[[], None]
) -> Listener:  # fmt: skip
    """Open the HL7 door; raises OSError when the address is taken."""

    def stamp() -> Stamp:
        return Stamp(datetime.now(UTC), secrets.token_hex(10))

    def receive(raw: bytes, peer: Peer) -> bytes:
        def accept(envelope: Envelope, content: bytes) -> Decision:
            if not may_send(envelope.message_type):
                what = envelope.message_type or "no"
                raise Refused(f"{what} messages are not taken here: MSH-9")
            room.require()
            queue.add_letter(content, peer.address, _ordered(envelope, content))
            wake()
            return Decision()

        return respond(raw, accept, stamp)

    listener = Listener(
        config.host, config.mllp_port, MllpLimits(), admit=config.may_send_messages,
        receive=receive, stamp=stamp,
    )  # fmt: skip
    listener.start()
    return listener


def seen_of(head: Head) -> Seen:
    """What is shown of an image's exam while the centre cannot be reached."""
    family, _, given = head.patient_name.partition("^")
    name = ", ".join(part for part in (family, " ".join(given.split("^")).strip()) if part)
    return Seen(
        head.study_instance, head.series_instance, head.series_number or 0,
        head.instance_number or 0, head.frames or (1 if head.rows else 0), head.accession_number, head.patient_id,
        name, head.birth_date, head.sex, head.modality.upper(), head.study_description,
        head.series_description,
    )  # fmt: skip


def _ordered(envelope: Envelope, content: bytes) -> list[Ordered]:
    """What a message orders; nothing where it can't be read.

    The centre reads it again and says what is wrong; here the order of sending hangs on it,
    and what readers see in downtime.
    """
    if envelope.message_type not in _ORDERS:
        return []
    try:
        return [_order(one) for one in read_order(parse(content), UTC) if one.accession]
    except DomainError:
        return []


def _order(one: OrderMessage) -> Ordered:
    who = one.patient
    given = " ".join(part for part in (who.name.given, who.name.middle) if part)
    return Ordered(
        one.accession, rank_of_order(one.priority.code),
        next((each.value for each in who.identifiers), ""),
        ", ".join(part for part in (who.name.family, given) if part),
        f"{who.birth_date:%Y%m%d}" if who.birth_date else "", who.sex[:1],
        one.procedure.text or one.procedure.code, one.reason or one.clinical_information,
        order_status(one) == CANCELLED,
    )  # fmt: skip


class Bell:
    """Wakes whoever waits for something to send."""

    def __init__(self) -> None:
        self._rung = threading.Condition()

    def ring(self) -> None:
        """Wake all."""
        with self._rung:
            self._rung.notify_all()

    def wait(self, seconds: float) -> None:
        """Wait until it rings, or so long."""
        with self._rung:
            self._rung.wait(seconds)
