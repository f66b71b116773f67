"""Send signed reports to the site that ordered them, one result for each accession number."""

from datetime import datetime, timedelta

from sqlalchemy import Connection

from confrere.delivery import service as delivery
from confrere.delivery.model import Outgoing
from confrere.hl7.datatypes import Coded, Identifier, Person
from confrere.hl7.datatypes import Name as PersonName
from confrere.hl7.outbound import OutboundResult, Parties, write_result
from confrere.hl7.sender import Sender
from confrere.imaging import service as imaging
from confrere.kernel.errors import Refused
from confrere.kernel.ids import OrderId, ReportId
from confrere.network import service as network
from confrere.network.model import Reader, Site
from confrere.network.systems import Peer
from confrere.orders import service as orders
from confrere.orders.model import REPORTED, Order
from confrere.patients import service as patients
from confrere.reading import service as reading
from confrere.reading.model import ADDENDUM, FINAL, PRELIMINARY, Report, Version
from confrere.reading.text import whole_text
from confrere.settings import is_loopback
from confrere.wiring.heard import identifier, name
from confrere.worklist import service as worklist

STATUS = {PRELIMINARY: "P", FINAL: "F", ADDENDUM: "C"}  # HL7 table 0123
TIMEOUT = timedelta(seconds=15)


def report_signed(conn: Connection, report_id: ReportId, number: int, now: datetime) -> None:
    """A version was signed: mark its orders, and put a result for each into the outbox."""
    report = reading.get(conn, report_id)
    versions = [v for v in reading.versions(conn, [report_id])[report_id] if v.number <= number]
    version = versions[-1]
    if version.kind == FINAL:
        orders.mark(conn, report.orders, REPORTED, now)
    sent = {m.control_id for m in delivery.of_report(conn, report_id)}
    for order_id in report.orders:
        control = control_id(report_id, order_id, number)
        if control in sent:
            continue
        order = orders.get(conn, order_id)
        site = network.site(conn, order.site)
        if site.result_peer is None:
            continue
        content = compose(conn, report, versions, order, site, control, now)
        delivery.send(
            conn, report.owner_group, site.result_peer, site.id, report_id, "ORU^R01",
            order.content.accession, control, content, now, begun_live=_begun_live(conn, report),
        )  # fmt: skip


def _begun_live(conn: Connection, report: Report) -> bool:
    """Say whether a report's exam was read for the site, and not in shadow of its own read."""
    return report.item is not None and not worklist.get(conn, report.item).shadow


def control_id(report: ReportId, order: OrderId, number: int) -> str:
    """A control id that stays the same when the job runs again (MSH-10, 20 characters)."""
    return f"{report.hex[:10]}{order.hex[:6]}{number:04d}"


def compose(
    conn: Connection, report: Report, versions: list[Version], order: Order, site: Site,
    control: str, now: datetime,
) -> bytes:  # fmt: skip
    """Write the ORU^R01 of one order's result."""
    version = versions[-1]
    content = order.content
    studies = imaging.studies_of_order(conn, order.id)
    signer = network.reader(conn, version.signer, now) if version.signer is not None else None
    patient = patients.get(conn, order.patient)
    result = OutboundResult(
        identifiers=(identifier(patient),),
        name=name(patient),
        birth_date=patient.demographics.birth_date,
        sex=patient.demographics.sex,
        placer=Identifier(content.placer_number) if content.placer_number else None,
        filler=Identifier(content.filler_number) if content.filler_number else None,
        accession=content.accession,
        procedure=Coded(content.procedure_code, content.procedure_text),
        status=STATUS[version.kind],
        reader=signer_of(signer, version),
        observed_at=report.exam_at or content.exam_complete_at,
        reported_at=version.signed_at,
        text=whole_text(versions),
        patient_class=content.patient_class,
        study_uid=studies[0].study_uid if studies else "",
    )
    peer = network.peer(conn, site.result_peer) if site.result_peer else None
    parties = Parties(
        (("CONFRERE",), (site.code,)),
        ((peer.application if peer else "",), (peer.facility if peer else "",)),
    )
    return write_result(result, parties, control, now)


def signer_of(reader: Reader | None, version: Version) -> Person:
    """Write a signer for OBR-32: NPI with its assigner, and the name."""
    family, _, given = version.signer_name.partition(",")
    npi = reader.npi if reader else ""
    return Person(
        npi, PersonName(family.strip(), given.split(",")[0].strip()), "", "NPI" if npi else ""
    )


def transmit(peer: Peer, message: Outgoing) -> tuple[str, str]:
    """Send one message to its registered peer; give the answer's code and text.

    Raises Refused for a peer that is switched off, or lies beyond loopback without leave
    to be reached in the clear.
    """
    host = peer.address or "127.0.0.1"
    if not peer.enabled:
        raise Refused("the destination is switched off on the network page")
    if not is_loopback(host) and not peer.plain_beyond_loopback:
        raise Refused("plain HL7 to this address is not allowed: see the network page")
    answer = Sender().send(host, peer.port, message.content, TIMEOUT)
    return answer.code, answer.text
