"""The DICOM door put together: who may call, and how an instance is filed."""

import logging
import secrets
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from zoneinfo import ZoneInfo

from confrere.audit import service as audit
from confrere.audit.model import COLLABORATIVE, Agent, Event
from confrere.database.engine import transaction
from confrere.dimse import status
from confrere.dimse.door import Door
from confrere.dimse.events import Event as DoorEvent
from confrere.dimse.events import Opened, TurnedAway
from confrere.dimse.limits import Limits
from confrere.dimse.service import (
    CALLING_NOT_RECOGNISED,
    Admission,
    Call,
    Outcome,
    Rejection,
    Service,
)
from confrere.dimse.store import StoreRequest
from confrere.files.incoming import Incoming as Blob
from confrere.imaging import asides
from confrere.imaging.batching import GroupCommit
from confrere.imaging.examining import head_of
from confrere.imaging.filing_again import note_of, with_digest
from confrere.imaging.head import Head, read_whole, refuse_other
from confrere.imaging.model import Arrival, Aside
from confrere.imaging.model import Outcome as Filing
from confrere.imaging.whole import check_whole
from confrere.kernel.errors import Invalid, Refused
from confrere.kernel.ids import StudyId
from confrere.network.model import Site
from confrere.network.systems import Peer, SiteHints
from confrere.wiring import device_audit
from confrere.wiring.device_audit import Caller
from confrere.wiring.device_permissions import dimse_services
from confrere.wiring.dicom_commitment import commitment_service
from confrere.wiring.dicom_performed import performed_service
from confrere.wiring.dicom_query import Desk, query_services
from confrere.wiring.dicom_worklist import worklist_service
from confrere.wiring.house import House
from confrere.wiring.peers import PeerBook
from confrere.wiring.site_switches import services_for

log = logging.getLogger(__name__)

REMEDY = "correct the object at its source and send it again"


class Sink:
    """Opens a place for each instance that a peer announces."""

    def __init__(self, house: House, book: PeerBook, filing: GroupCommit) -> None:
        self.house, self.book, self.filing = house, book, filing

    def begin(self, request: StoreRequest) -> "Incoming":
        """Open a blob; raises OSError when the disk is full.

        Raises Refused when the peer was switched off since the association began.
        """
        caller = request.admission.peer
        secured = caller.secured if isinstance(caller, Caller) else None
        if self.book.by_title(request.calling_aet, request.address, secured) is None:
            raise Refused("this AE title is no longer registered or is switched off")
        return Incoming(self, request, self.house.blobs.begin())


class Incoming:
    """One instance on its way in; acknowledged only when its bytes and its row are durable."""

    def __init__(self, sink: Sink, request: StoreRequest, blob: Blob) -> None:
        self._sink, self._request, self._blob = sink, request, blob

    def write(self, view: memoryview) -> None:
        """Keep the bytes as they came."""
        self._blob.write(view)

    def abort(self) -> None:
        """Forget it."""
        self._blob.discard()

    def finish(self) -> Outcome:
        """Check the bytes, make them durable, file them, then answer."""
        caller = self._request.admission.peer
        if not isinstance(caller, Caller):
            self._blob.discard()
            return Outcome(status.NOT_AUTHORISED, "this peer is not registered")
        try:
            head = self._read()
        except Invalid as error:
            size = self._blob.size
            self._keep_aside(caller.peer, error, self._blob.keep(), size)
            raise
        except BaseException:
            self._blob.discard()
            raise
        return self._file(caller, head)

    def _read(self) -> Head:
        """Look at the bytes from end to end; raises Invalid."""
        syntax, content = self._request.transfer_syntax, self._blob.memory
        if content is None:
            with self._blob.open() as stream:
                check_whole(stream, syntax)
                head = head_of(stream, syntax)
        else:
            head = read_whole(content, syntax)
        refuse_other(head, self._request.sop_class, self._request.sop_instance)
        return head

    def _file(self, caller: Caller, head: Head) -> Outcome:
        peer = caller.peer
        hints = SiteHints(
            institution=head.institution,
            issuer=head.patient_id_issuer,
            accession=head.accession_number,
        )
        site = self._sink.book.site_of(peer, hints)
        arrival = self._arrival(peer, site, head)
        digest = self._blob.keep(sync=False, note=note_of(arrival))
        filed = self._sink.filing.submit(with_digest(arrival, digest), self._blob.mark)
        if filed.study_id is not None and filed.study_id not in caller.noted:
            self._note(caller, filed.study_id)
        if filed.outcome is Filing.CONFLICT:
            return Outcome(
                status.CONFLICTING_INSTANCE,
                "other bytes are stored under this UID; these are kept aside",
            )
        return Outcome(status.SUCCESS)

    def _note(self, caller: Caller, study: StudyId) -> None:
        house = self._sink.house
        with transaction(house.app, frozenset({caller.peer.owner_group})) as conn:
            device_audit.queue_stored(conn, caller, study, house.now())
        caller.noted.add(study)

    def _arrival(self, peer: Peer, site: Site | None, head: Head) -> Arrival:
        request = self._request
        return Arrival(
            peer.owner_group, site.id if site else None, head, request.sop_class,
            request.transfer_syntax, b"", self._blob.size, request.calling_aet,
            self._sink.house.now(), site.assigner if site else "",
            ZoneInfo(site.time_zone) if site else None,
        )  # fmt: skip

    def _keep_aside(self, peer: Peer, error: Invalid, digest: bytes, size: int) -> None:
        request, house = self._request, self._sink.house
        aside = Aside(
            peer.owner_group, "invalid", str(error), digest, size, house.now(),
            field=error.field, remedy=REMEDY, calling_aet=request.calling_aet,
            sop_uid=request.sop_instance, transfer_syntax=request.transfer_syntax,
            detail={"sop_class": request.sop_class},
        )  # fmt: skip
        with transaction(house.app, frozenset({peer.owner_group})) as conn:
            asides.keep(conn, aside)


@dataclass(frozen=True, slots=True)
class DicomDoor:
    """A door with what must be closed after it."""

    door: Door
    filing: GroupCommit

    def stop(self, grace: timedelta) -> None:
        """Drain associations, then file what waits."""
        self.door.stop(grace)
        self.filing.close()


def open_dicom_door(
    house: House, book: PeerBook, host: str, port: int, tls: ssl.SSLContext | None = None
) -> DicomDoor:
    """Open the door; raises OSError when the address is taken."""
    filing = GroupCommit(house.app, house.blobs)
    door = Door(
        host, port, Limits(), admitter(book), Sink(house, book, filing),
        observe=observer(house, book), title=house.settings.aet, further=further_services(house, book),
        tls=tls,
    )  # fmt: skip
    door.start()
    return DicomDoor(door, filing)


def further_services(house: House, book: PeerBook) -> tuple[Service, ...]:
    """What the door provides beside C-ECHO and C-STORE."""
    desk = Desk(house, book)
    return (
        *query_services(desk), worklist_service(desk), commitment_service(desk),
        performed_service(desk),
    )  # fmt: skip


def admitter(book: PeerBook) -> Callable[[Call], Admission | Rejection]:
    """Admit registered AE titles from their address; everyone else is refused at once."""
    services = dimse_services()
    boot, numbers = secrets.token_hex(4), count(1)

    def admit(call: Call) -> Admission | Rejection:
        peer = book.by_title(call.calling_aet, call.address, call.secured)
        if peer is None:
            return CALLING_NOT_RECOGNISED
        caller = Caller(peer, f"{boot}-{next(numbers)}", call.secured)
        return Admission(caller, services_for(book, peer, services))

    return admit


def observer(house: House, book: PeerBook) -> Callable[[DoorEvent], None]:
    """Leave an audit event for each association accepted or refused."""
    numbers = count(1)

    def observe(event: DoorEvent) -> None:
        if isinstance(event, Opened):
            call = event.call
            peer = book.by_title(call.calling_aet, call.address, call.secured)
            outcome, owner = "success", peer.owner_group if peer else COLLABORATIVE
        elif isinstance(event, TurnedAway):
            peer, outcome, owner = None, "refused", COLLABORATIVE
        else:
            return
        name = event.call.calling_aet
        agent = (
            Agent.of_peer(peer.id, peer.name, peer.owner_group, str(next(numbers)))
            if peer
            else Agent(None, name, None)
        )
        detail = {"address": event.call.address}
        if isinstance(event, TurnedAway):
            detail["because"] = event.because
        _note(house, Event(
            owner, house.now(), "E", "association", "dicom", agent, outcome,
            detail=detail,
        ))  # fmt: skip

    return observe


def _note(house: House, event: Event) -> None:
    try:
        with transaction(house.app, frozenset()) as conn:
            audit.note(conn, house.audit_key, event)
    except Exception:
        log.exception("an association could not be audited")
