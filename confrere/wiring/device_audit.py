"""What machines did with patient data: one event a study and association, one a message.

A door queues the event with the transaction that files the images, and the worker writes it
once the study's patient is known; nothing is noted that did not happen, and nothing that
happened goes unnoted.
"""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection

from confrere.audit import service as audit
from confrere.audit.model import Agent, Event
from confrere.delivery.model import AVAILABILITY_KIND, COMMITMENT_KIND, STATUS_KIND, Outgoing
from confrere.imaging import holders
from confrere.imaging import service as imaging
from confrere.imaging.editions import SOURCE
from confrere.jobs import events
from confrere.kernel.errors import NotFound
from confrere.kernel.ids import PatientId, PeerId, StudyId
from confrere.network import service as network
from confrere.network.systems import Peer
from confrere.orders import service as orders
from confrere.reading import service as reading

STORED_TASK = "audit.images_stored"
_KINDS = {
    STATUS_KIND: "order status", COMMITMENT_KIND: "commitment",
    AVAILABILITY_KIND: "availability",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Caller:
    """A registered peer on one association, and the studies already noted for it."""

    peer: Peer
    conversation: str
    secured: str | None = None  # by TLS: its certificate's fingerprint, or empty; None: plain
    noted: set[StudyId] = field(default_factory=set)


def queue_stored(conn: Connection, caller: Caller, study: StudyId, at: datetime) -> None:
    """Queue the event of a study's first instance on an association."""
    events.defer(
        conn, STORED_TASK, peer_id=caller.peer.id, study_id=study,
        conversation=caller.conversation, at=at,
    )  # fmt: skip


def note_stored(
    conn: Connection, key: bytes, peer_id: PeerId, study_id: StudyId, conversation: str,
    at: datetime,
) -> None:  # fmt: skip
    """Note that a peer stored images of a study, so that it holds them too."""
    peer, study = network.peer(conn, peer_id), imaging.study(conn, study_id)
    holders.note_holder(conn, study.owner_group, study.id, peer.id, SOURCE, at)
    agent = Agent.of_peer(peer.id, peer.name, peer.owner_group, conversation)
    audit.note(conn, key, Event(
        peer.owner_group, at, "C", "study", "dicom", agent, patient_id=study.patient_id,
        study_id=study.id, object_id=study.id,
    ))  # fmt: skip


def note_message(
    conn: Connection, key: bytes, peer: Peer, kind: str, patient: PatientId | None,
    message: UUID, at: datetime,
) -> None:  # fmt: skip
    """Note that a peer's message placed an order, told of a patient or brought a report."""
    agent = Agent.of_peer(peer.id, peer.name, peer.owner_group, str(message))
    audit.note(conn, key, Event(
        peer.owner_group, at, "C", kind, "hl7", agent, patient_id=patient, object_id=message
    ))  # fmt: skip


def note_sent(conn: Connection, key: bytes, peer: Peer, sent: Outgoing, at: datetime) -> None:
    """Note that a report, or an exam's status, was given to its site's system and taken."""
    agent = Agent.of_peer(peer.id, peer.name, peer.owner_group, sent.control_id)
    kind = _KINDS.get(sent.kind, "report")
    audit.note(conn, key, Event(
        sent.owner_group, at, "R", kind, "results", agent, patient_id=_patient_of(conn, sent),
        object_id=sent.report,
    ))  # fmt: skip


def _patient_of(conn: Connection, sent: Outgoing) -> PatientId | None:
    if sent.report is None:
        if not sent.accession:
            return None
        sites = [sent.site] if sent.site else []
        about = orders.search(
            conn, 1, accession=sent.accession, owners=[sent.owner_group], sites=sites
        )
        return about[0].patient if about else None
    try:
        return reading.get(conn, sent.report).patient
    except NotFound:
        return None
