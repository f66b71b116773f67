"""Tell each site's own system who reads its exams, and what came of them."""

import logging
from datetime import datetime

from sqlalchemy import Connection

from confrere.delivery import service as delivery
from confrere.hl7.datatypes import Coded, Identifier, Person
from confrere.hl7.datatypes import Name as PersonName
from confrere.hl7.outbound import Parties
from confrere.hl7.outbound_status import OrderStatus, OutboundStatus, write_status
from confrere.kernel.errors import DomainError
from confrere.kernel.ids import OrderId, PeerId
from confrere.network import service as network
from confrere.network.model import Directory
from confrere.patients import service as patients
from confrere.wiring.heard import identifier, name
from confrere.worklist.statuses import News, news
from confrere.worklist.telling import Status, Word

log = logging.getLogger(__name__)

WORDS = {
    Word.READY: OrderStatus.READY, Word.READING: OrderStatus.READING,
    Word.READY_PRELIMINARY: OrderStatus.READY_PRELIMINARY,
    Word.READING_PRELIMINARY: OrderStatus.READING_PRELIMINARY,
    Word.FINAL: OrderStatus.FINAL, Word.CANCELLED: OrderStatus.CANCELLED,
    Word.REPORTED_THERE: OrderStatus.REPORTED_THERE,
}  # fmt: skip


def tell(conn: Connection, directory: Directory, now: datetime) -> int:
    """Put into the outbox what sites are to be told now; return how many messages.

    One that cannot be written holds up none of the others.
    """
    told = 0
    for one in news(conn, directory, now):
        peer = directory.sites[one.order.site].status_peer
        if peer is None:
            continue
        try:
            with conn.begin_nested():
                _send(conn, directory, one, peer, now)
        except DomainError as error:
            log.warning("an order's status could not be told: %s", type(error).__name__)
            continue
        told += 1
    return told


def control_id(order: OrderId, number: int) -> str:
    """A control id of 20 characters, new for each status of an order (MSH-10)."""
    return f"{order.hex[:13]}S{number:06d}"


def _send(conn: Connection, directory: Directory, one: News, to: PeerId, now: datetime) -> None:
    order, content = one.order, one.order.content
    site, peer = directory.sites[order.site], network.peer(conn, to)
    patient = patients.get(conn, order.patient)
    said = OutboundStatus(
        (identifier(patient),), name(patient), patient.demographics.birth_date,
        patient.demographics.sex,
        Identifier(content.placer_number) if content.placer_number else None,
        Identifier(content.filler_number) if content.filler_number else None,
        content.accession, Coded(content.procedure_code, content.procedure_text),
        WORDS[one.status.word], one.status.since or now, _reader(directory, one.status),
        content.patient_class,
    )  # fmt: skip
    parties = Parties((("CONFRERE",), (site.code,)), ((peer.application,), (peer.facility,)))
    control = control_id(order.id, one.number)
    message = write_status(said, parties, control, now)
    # an exam of a shadow site that is still told of was begun before: its read is finished
    delivery.send_status(
        conn, order.owner_group, to, site.id, content.accession, control, message, now,
        begun_live=True,
    )  # fmt: skip


def _reader(directory: Directory, status: Status) -> Person | None:
    if status.reader is None:
        return None
    known = directory.readers.get(status.reader)
    family, _, given = (known.name if known else status.name).partition(",")
    npi = known.npi if known else ""
    return Person(
        npi, PersonName(family.strip(), given.split(",")[0].strip()), "", "NPI" if npi else ""
    )
