"""Find a person's earlier exams, as far as this connection and the agreements allow."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Connection

from confrere.advice.model import Asked, Prior, may_see
from confrere.imaging import service as imaging
from confrere.imaging.model import Study
from confrere.kernel.errors import NotFound
from confrere.kernel.ids import OrderId, StudyId
from confrere.network import service as network
from confrere.orders import service as orders
from confrere.orders.duplicates import Exam
from confrere.orders.following_up import recommended
from confrere.orders.model import CANCELLED, ORDERED, Order
from confrere.orders.parts import typed_by_words
from confrere.patients import service as patients
from confrere.patients.model import Patient
from confrere.reading import service as reading
from confrere.reading.model import Report, Version

MOST = 200
Texts = Mapping[UUID, Sequence[Version]]


def priors_of(conn: Connection, asked: Asked) -> list[Prior]:
    """The person's earlier exams: orders, images without an order, reports alone.

    The person is who stands behind the identity by links that are sure; another group's
    exams come only where an agreement lets this group see them.
    """
    try:
        patient = patients.get(conn, asked.patient)
    except NotFound:
        return []
    agreed = network.agreements(conn)
    same = [
        one
        for one in patients.same_person(conn, patient)
        if may_see(one.owner_group, asked.owner_group, agreed)
    ]
    return of_identities(conn, same, asked)


def of_identities(conn: Connection, same: Sequence[Patient], asked: Asked) -> list[Prior]:
    """The earlier exams of these identities, without the order that is asked about."""
    ids = [one.id for one in same]
    owners = sorted({one.owner_group for one in same})
    ordered = [
        one
        for one in orders.search(conn, MOST, patients=ids, owners=owners)
        if one.content.status != CANCELLED and not _is_same(one, asked)
    ]
    reports = reading.of_patients(conn, ids, MOST)
    studies = imaging.studies_of_patients(conn, ids)[:MOST]
    ties = imaging.orders_of_studies(conn, [one.id for one in studies])
    texts = reading.versions(conn, [one.id for one in reports])
    study_of = {order: study.id for study in studies for order in ties.get(study.id, ())}
    report_of = {order: one for one in reports for order in one.orders}
    found: list[Prior | None] = [
        _of_order(one, study_of.get(one.id), report_of.get(one.id), texts) for one in ordered
    ]
    found += [
        _of_study(one, [r for r in reports if r.study == one.id], texts)
        for one in studies
        if not ties.get(one.id)
    ]
    told = {prior.report for prior in found if prior is not None}
    known = {one.id for one in ordered}
    found += [
        _of_report(one, texts)
        for one in reports
        if one.id not in told and asked.order not in one.orders and not known & set(one.orders)
    ]
    return [one for one in found if one is not None]


def _is_same(order: Order, asked: Asked) -> bool:
    if order.id == asked.order:
        return True
    said = order.content
    same_site = order.site == asked.site
    placer = bool(asked.placer_number) and said.placer_number == asked.placer_number
    accession = bool(asked.accession) and said.accession == asked.accession
    return same_site and (placer or accession)


def exam_of(order: Order, day: date, follow_ups: str = "") -> Exam:
    """An order's exam in the words of the rules; untyped ones by their own words."""
    said = order.content
    modality, region, contrast = typed_by_words(said.procedure_text)
    return Exam(
        str(order.id), order.modality or modality, order.body_region or region, day,
        str(order.site), order.contrast or contrast, said.procedure_text,
        said.clinical_question, said.accession, recommended(follow_ups),
    )  # fmt: skip


def day_of(order: Order) -> date:
    """The day of an order's exam: complete, else ordered, else when it last changed."""
    said = order.content
    return (said.exam_complete_at or said.ordered_at or order.updated_at).date()


def impression_of(versions: Sequence[Version]) -> str:
    """The impression of the last full version, with addenda; else the end of its text."""
    full = [one for one in versions if one.kind != "addendum"]
    if not full:
        return ""
    last = full[-1]
    said = last.sections.get("impression", "").strip()
    if not said and "impression" in last.text.casefold():
        said = last.text[last.text.casefold().rindex("impression") + len("impression") :]
    added = [f"Addendum: {one.text.strip()}" for one in versions if one.kind == "addendum"]
    return " ".join([(said or last.text).strip(" :\n"), *added]).strip()


def _of_order(
    order: Order, study: StudyId | None, report: Report | None,
    texts: Texts,
) -> Prior:  # fmt: skip
    versions = texts.get(report.id, ()) if report else ()
    said = impression_of(versions)
    waiting = order.content.status == ORDERED and study is None and report is None
    return Prior(
        exam_of(order, day_of(order), said), order.owner_group, order.site, order.id, study,
        report.id if report else None, said, waiting,
    )  # fmt: skip


def _of_study(study: Study, reports: Sequence[Report], texts: Texts) -> Prior | None:
    day = _day(study.study_date)
    if day is None:
        return None
    report = reports[0] if reports else None
    versions = texts.get(report.id, ()) if report else ()
    said = impression_of(versions)
    modality, region, contrast = typed_by_words(study.description)
    own = next((one for one in study.modalities if one not in ("SR", "PR", "KO")), modality)
    exam = Exam(
        str(study.id), own, region, day, str(study.site_id or study.institution), contrast,
        study.description, "", study.accession, recommended(said),
    )  # fmt: skip
    return Prior(
        exam, study.owner_group, study.site_id, None, study.id,
        report.id if report else None, said,
    )  # fmt: skip


def _of_report(report: Report, texts: Texts) -> Prior | None:
    at: datetime | None = report.exam_at or report.final_at
    if at is None:
        return None
    said = impression_of(texts.get(report.id, ()))
    modality, region, contrast = typed_by_words(report.title)
    exam = Exam(
        str(report.id), modality, region, at.date(), str(report.site or ""), contrast,
        report.title, follow_ups=recommended(said),
    )  # fmt: skip
    order: OrderId | None = report.orders[0] if report.orders else None
    return Prior(exam, report.owner_group, report.site, order, report.study, report.id, said)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(f"{text[:4]}-{text[4:6]}-{text[6:8]}")
    except ValueError:
        return None
