"""DiagnosticReport: one reading as signed, with its addenda.

Source: hl7.org/fhir/R4/diagnosticreport.html.
"""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from uuid import UUID

from confrere.fhir.elements import (
    Json,
    coding,
    compact,
    concept,
    head,
    identifier,
    instant,
    present,
    reference,
    site_system,
)
from confrere.fhir.parameters import ID, LAST_UPDATED, Criteria, Kind, Parameter
from confrere.fhir.resource import Access, Caller, Found, Page, Resource, paged, sites_by_id
from confrere.fhir.service_request import numbers
from confrere.identity.permissions import Permission
from confrere.imaging import service as imaging
from confrere.kernel.errors import Invalid
from confrere.kernel.ids import OrderId, PatientId, ReaderId, ReportId, SiteId
from confrere.kernel.periods import Place
from confrere.orders import service as orders
from confrere.orders.model import Order, OrdersSought
from confrere.reading import service
from confrere.reading.model import (
    ADDENDUM,
    AMENDED,
    FINAL,
    PRELIMINARY,
    Report,
    ReportsSought,
    Version,
    state_of,
)
from confrere.reading.text import whole_text

if TYPE_CHECKING:
    from sqlalchemy import Connection

STATUS_SYSTEM = "http://hl7.org/fhir/diagnostic-report-status"
SECTION_SYSTEM = "http://terminology.hl7.org/CodeSystem/v2-0074"
RADIOLOGY = coding(SECTION_SYSTEM, "RAD", "Radiology")
IMAGING_REPORT = coding("http://loinc.org", "18748-4", "Diagnostic imaging study")
MOST_ORDERS = 500  # orders under the accession numbers of one search
PARAMETERS = (
    ID,
    LAST_UPDATED,
    Parameter("patient", Kind.REFERENCE, "Who was examined", ("Patient",), "subject"),
    Parameter("subject", Kind.REFERENCE, "Who was examined", ("Patient",), "subject"),
    Parameter("identifier", Kind.TOKEN, "The accession number of an order it answers"),
    Parameter("based-on", Kind.REFERENCE, "The order", ("ServiceRequest",), "basedOn"),
    Parameter("status", Kind.TOKEN, "preliminary, final or amended"),
    Parameter("category", Kind.TOKEN, "RAD"),
    Parameter("date", Kind.DATE, "When the exam was complete"),
    Parameter("issued", Kind.DATE, "When it was last signed"),
    Parameter(
        "results-interpreter",
        Kind.REFERENCE,
        "Who read it",
        ("Practitioner",),
        "resultsInterpreter",
    ),
)


@dataclass(frozen=True, slots=True)
class Exam:
    """What a report is about, as far as the caller may see it; codes are of sites."""

    orders: tuple[Order, ...] = ()
    has_study: bool = False
    site_codes: Mapping[SiteId, str] | None = None


def to_resource(report: Report, versions: Sequence[Version], exam: Exam) -> Json:
    """Write a report from its signed versions; drafts are nobody's to see here.

    An addendum makes it `amended`; the conclusion then ends with the addendum, and
    `presentedForm` holds the whole text.
    """
    said = report.title or next((one.content.procedure_text for one in exam.orders), "")
    last = versions[-1] if versions else None
    return head("DiagnosticReport", report.id, report.updated_at) | compact(
        {
            "identifier": _accessions(exam),
            "basedOn": [reference("ServiceRequest", one.id) for one in exam.orders],
            "status": state_of(report, versions),
            "category": [concept("", RADIOLOGY)],
            "code": concept(said or "Imaging report", IMAGING_REPORT),
            "subject": reference("Patient", report.patient) if report.patient else {},
            "effectiveDateTime": instant(report.exam_at),
            "issued": instant(last.signed_at if last else None),
            "performer": present(
                reference("Organization", report.reader_group) if report.reader_group else {}
            ),
            "resultsInterpreter": _interpreters(report, versions),
            "imagingStudy": [reference("ImagingStudy", report.study)] if exam.has_study else [],
            "conclusion": conclusion(versions),
            "presentedForm": _form(whole_text(versions)),
        }
    )


def conclusion(versions: Sequence[Version]) -> str:
    """The latest impression, then each addendum; empty when the text has no sections."""
    return whole_text(
        [
            one
            if one.kind == ADDENDUM
            else replace(one, text=one.sections.get("impression", ""))
            for one in versions
        ]
    ).strip()


def load(conn: "Connection", caller: Caller, ids: Sequence[UUID]) -> list[Found]:
    """Signed reports by id."""
    wanted = frozenset(ReportId(one) for one in ids)
    sought = ReportsSought(ids=wanted, sites=caller.sites)
    return _found(conn, caller, service.page(conn, sought, len(wanted)))


def find(
    conn: "Connection", caller: Caller, asked: Criteria, limit: int, after: Place | None
) -> Page:
    """Signed reports that fit."""
    ids, subjects = asked.ids(), asked.references("patient", "subject")
    readers = asked.references("results-interpreter")
    if asked.codes("category", SECTION_SYSTEM, ["RAD"]) == frozenset():
        return Page([])
    based_on = tuple(frozenset(map(OrderId, one)) for one in asked.alternatives("based-on"))
    sought = ReportsSought(
        ids=frozenset(map(ReportId, ids)) if ids is not None else None,
        patients=frozenset(map(PatientId, subjects)) if subjects is not None else None,
        sites=caller.sites,
        readers=frozenset(map(ReaderId, readers)) if readers is not None else None,
        orders=based_on + _under(conn, caller, asked),
        states=asked.codes("status", STATUS_SYSTEM, (PRELIMINARY, FINAL, AMENDED)),
        exam=asked.instants("date"),
        signed=asked.instants("issued"),
        updated=asked.instants("_lastUpdated"),
    )
    rows = service.page(conn, sought, limit + 1, after)
    kept, then = paged(rows, limit, lambda one: Place(one.updated_at, one.id))
    return Page(_found(conn, caller, kept), then)


def _under(
    conn: "Connection", caller: Caller, asked: Criteria
) -> tuple[frozenset[OrderId], ...]:
    """The orders under each accession number that is asked for."""
    sites = sites_by_id(conn)
    under = []
    for tokens in asked.tokens("identifier"):
        if any(token.code is None for token in tokens):
            raise Invalid("identifier: give the accession number after the bar", "identifier")
        meant = frozenset(
            number
            for token in tokens
            for number in numbers(token, sites)
            if number.kind == "accession"
        )
        sought = OrdersSought(numbers=(meant,), sites=caller.sites)
        under.append(frozenset(one.id for one in orders.page(conn, sought, MOST_ORDERS)))
    return tuple(under)


def _accessions(exam: Exam) -> list[Json]:
    codes = exam.site_codes or {}
    return [
        identifier(
            one.content.accession, site_system("accession", codes.get(one.site, "")), "ACSN"
        )
        for one in exam.orders
    ]


def _interpreters(report: Report, versions: Sequence[Version]) -> list[Json]:
    """Whoever signed, each once; the author of a report that nobody here signed."""
    signers = {one.signer_name: one.signer for one in versions}
    return present(
        *(
            reference("Practitioner", signer, name)
            for name, signer in (signers or {report.author_name: report.author}).items()
        )
    )


def _form(text: str) -> list[Json]:
    raw = text.encode()
    if not raw:
        return []
    return [
        {
            "contentType": "text/plain; charset=utf-8",
            "data": b64encode(raw).decode("ascii"),
            "size": len(raw),
            "title": "Report",
        }
    ]


def _found(conn: "Connection", caller: Caller, rows: Sequence[Report]) -> list[Found]:
    versions = service.versions(conn, [one.id for one in rows])
    wanted = sorted({order for one in rows for order in one.orders})
    known = {one.id: one for one in orders.get_many(conn, wanted) if caller.sees(one.site)}
    studies = {
        one.id
        for one in imaging.get_many(conn, [one.study for one in rows if one.study])
        if caller.sees(one.site_id)
    }
    codes = {key: one.code for key, one in sites_by_id(conn).items()}
    return [
        Found(
            to_resource(
                one,
                versions[one.id],
                Exam(
                    tuple(known[order] for order in one.orders if order in known),
                    one.study in studies,
                    codes,
                ),
            ),
            Access("report", one.owner_group, one.id, one.patient, one.study),
        )
        for one in rows
    ]


DIAGNOSTIC_REPORT = Resource(
    "DiagnosticReport",
    "A signed reading, preliminary or final, with its addenda; also one signed elsewhere",
    Permission.READ_REPORTS,
    PARAMETERS,
    load,
    find,
)
