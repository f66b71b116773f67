"""The demonstration's laboratory values and requisitions, as sites' systems send them. Pure."""

from base64 import b64encode
from datetime import timedelta

from confrere.demo.messages import RECEIVER, OrderPlan
from confrere.hl7.acknowledge import Stamp
from confrere.hl7.emit import Header, message, segment
from confrere.hl7.timestamp import write_timestamp

SAMPLE_BEFORE = timedelta(hours=5)


def laboratory(order: OrderPlan, stamp: Stamp) -> bytes:
    """Write creatinine and eGFR of some hours ago (ORU^R01 of a laboratory)."""
    taken = write_timestamp(stamp.at - SAMPLE_BEFORE)
    return message(_header(order, stamp, ("ORU", "R01", "ORU_R01")), [
        _patient(order),
        segment("OBR", {1: "1", 3: f"L{order.accession}", 7: taken, 24: "CH", 25: "F",
                        4: ("24323-8", "Comprehensive metabolic panel", "LN")}),
        segment("OBX", {1: "1", 2: "NM", 3: ("2160-0", "Creatinine", "LN"), 5: "1.4",
                        6: "mg/dL", 7: "0.6-1.1", 8: "H", 11: "F", 14: taken}),
        segment("OBX", {1: "2", 2: "NM", 3: ("98979-8", "eGFR CKD-EPI 2021", "LN"), 5: "38",
                        6: "mL/min/1.73m2", 7: ">60", 8: "L", 11: "F", 14: taken}),
    ])  # fmt: skip


def requisition(order: OrderPlan, stamp: Stamp) -> bytes:
    """Write a scanned requisition (MDM^T02 with an embedded PDF)."""
    paper = pdf_of((
        "REQUISITION (synthetic)", order.site.name, f"Patient: {order.person.dicom_name}",
        f"Accession: {order.accession}", f"Exam: {order.wording[1]}",
        f"Question: {order.question[:70]}", f"Referrer: {order.referrer}",
    ))  # fmt: skip
    return message(_header(order, stamp, ("MDM", "T02", "MDM_T02")), [
        _patient(order),
        segment("TXA", {1: "1", 2: "RQ", 3: "AP", 4: write_timestamp(stamp.at),
                        12: f"DOC{order.accession}", 15: order.accession}),
        segment("OBX", {1: "1", 2: "ED", 3: ("RQ", "Requisition", "L"), 11: "F",
                        5: ("", "application", "pdf", "Base64", b64encode(paper).decode())}),
    ])  # fmt: skip


def pdf_of(lines: tuple[str, ...]) -> bytes:
    """Write a page of text as PDF 1.4 (ISO 32000-1), with its cross references."""
    shown = " T* ".join(f"({_escaped(one)}) Tj" for one in lines)
    text = f"BT /F1 13 Tf 60 780 Td 22 TL {shown} ET"
    objects = (
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        (
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R "
            "/Resources << /Font << /F1 5 0 R >> >> >>"
        ),
        f"<< /Length {len(text)} >>\nstream\n{text}\nendstream",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    )
    out, places = "%PDF-1.4\n", []
    for number, one in enumerate(objects, 1):
        places.append(len(out))
        out += f"{number} 0 obj\n{one}\nendobj\n"
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    count = len(objects) + 1
    end = f"trailer\n<< /Size {count} /Root 1 0 R >>\nstartxref\n{len(out)}\n%%EOF\n"
    return f"{out}xref\n0 {count}\n0000000000 65535 f \n{table}{end}".encode("ascii")


def _escaped(text: str) -> str:
    plain = text.encode("ascii", "replace").decode()
    return plain.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")


def _header(order: OrderPlan, stamp: Stamp, kind: tuple[str, ...]) -> Header:
    sender: tuple[tuple[str, ...], tuple[str, ...]] = (
        (order.site.application,), (order.site.facility,)
    )  # fmt: skip
    return Header(sender, RECEIVER, kind, stamp.control_id, stamp.at, "2.5.1")


def _patient(order: OrderPlan) -> str:
    person = order.person
    return segment("PID", {
        1: "1", 3: (order.mrn, "", "", (order.site.assigner,), "MR"),
        5: (person.family, person.given), 7: person.birth_date.strftime("%Y%m%d"),
        8: person.sex,
    })  # fmt: skip
