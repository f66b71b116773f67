"""The study page: images, the report, and what a reader must know beside them.

Also as two windows, the viewer and the report, that follow each other. Who may not know the
patient sees why they may not read the exam, and nothing of the patient.
"""

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, Response

from confrere.chart.model import NOTE, PROTOCOL, QC_DONE
from confrere.database.engine import transaction
from confrere.delivery import service as delivery
from confrere.identity.permissions import Permission
from confrere.kernel.errors import NotFound
from confrere.kernel.ids import ReportId
from confrere.kernel.principal import Principal
from confrere.orders.priorities import NAMES
from confrere.reading import service as reading
from confrere.reading.model import FINAL, HERE, SECTIONS
from confrere.reading.text import whole_text
from confrere.web import reading_json as shape
from confrere.web.access import allow
from confrere.web.context import context_of
from confrere.web.rendering import render
from confrere.web.study_exam import Exam, Look, gather, look, note_looked, note_report
from confrere.web.study_links import own_viewer, site_viewer
from confrere.web.study_papers import listed, scans
from confrere.web.study_priors import Prior
from confrere.web.study_readers import RULES, judged
from confrere.web.study_standing import Mode

Looker = Annotated[Principal, Depends(allow(Permission.READ_WORKLIST))]
ReportReader = Annotated[Principal, Depends(allow(Permission.READ_REPORTS))]
Viewer = Annotated[Principal, Depends(allow(Permission.READ_IMAGES))]
DOOR = "web"

router = APIRouter(default_response_class=HTMLResponse)


@router.get("/items/{item_id}")
def study_page(request: Request, me: Looker, item_id: UUID) -> Response:
    """Show the images with the report beside them."""
    return _page(request, me, item_id, "study.html")


@router.get("/items/{item_id}/viewer")
def viewer_window(request: Request, me: Viewer, item_id: UUID) -> Response:
    """Show the images alone, for a monitor of their own."""
    return _page(request, me, item_id, "viewer_window.html")


@router.get("/items/{item_id}/report")
def report_window(request: Request, me: Looker, item_id: UUID) -> Response:
    """Show the report alone; the viewer's window follows it."""
    return _page(request, me, item_id, "report_window.html")


@router.get("/items/{item_id}/delivery")
def delivery_part(request: Request, me: ReportReader, item_id: UUID) -> Response:
    """Show whether the results have reached the site."""
    context = context_of(request)
    with transaction(context.engine, me.groups) as conn:
        found = look(conn, me, item_id, context.now())
        report = reading.of_item(conn, found.standing.item.id)
        messages = delivery.of_report(conn, report.id) if report else []
    standing = found.standing
    return render(
        request, "parts/study_delivery.html", messages=messages, item=standing.item,
        own=standing.me.group == standing.item.owner_group, site=standing.site,
    )  # fmt: skip


@router.get("/items/{item_id}/priors/{report_id}")
def prior_text(request: Request, me: ReportReader, item_id: UUID, report_id: UUID) -> Response:
    """Show the text of a prior's report; it is noted when it is opened, not before."""
    context = context_of(request)
    with transaction(context.engine, me.groups) as conn:
        found = look(conn, me, item_id, context.now())
        if not found.standing.knows_patient:
            raise NotFound("no such report")
        exam = gather(conn, found)
        shown = [one for prior in exam.priors for one in prior.reports if one.id == report_id]
        if not shown:
            raise NotFound("no such report beside this exam")
        texts = reading.versions(conn, [ReportId(report_id)])[report_id]
        note_report(conn, context.audit_key, me, shown[0], context.now(), DOOR)
    return render(
        request, "parts/study_prior_text.html", report=shown[0], text=whole_text(texts)
    )


def _page(request: Request, me: Principal, item_id: UUID, template: str) -> Response:
    context = context_of(request)
    with transaction(context.engine, me.groups) as conn:
        found = look(conn, me, item_id, context.now())
        if not found.standing.knows_patient:
            return render(request, "study_concealed.html", **_concealed(found))
        exam = gather(conn, found)
        papers = listed(item_id, exam.beside.papers, scans(conn, exam.studies))
        note_looked(conn, context.audit_key, found, exam, DOOR)
    return render(
        request, template, aet=context.settings.aet, **_values(found, exam), **_beside(exam),
        papers=papers,
    )  # fmt: skip


def _concealed(found: Look) -> dict[str, Any]:
    standing = found.standing
    rows = judged(
        standing.item, found.directory, found.verdicts, standing.me, standing.at
    )  # fmt: skip
    return {"item": standing.item, "standing": standing, "readers": rows, "rules": RULES}


def _values(found: Look, exam: Exam) -> dict[str, Any]:
    standing = found.standing
    item = standing.item
    study_uid = exam.studies[0].study_uid if exam.studies else ""
    compare = [one for one in exam.priors if one.study]
    prior_uid = compare[0].study.study_uid if compare and compare[0].study else ""
    return _concealed(found) | {
        "exam": exam,
        "moved": found.moved,
        "mode": standing.mode.value,
        "modes": Mode,
        "owner": found.directory.groups[item.owner_group],
        "priority": NAMES.get(item.priority, item.priority),
        "site": standing.site,
        "sections": SECTIONS,
        "compare": compare,
        "first_text": whole_text(exam.first_prior[1]) if exam.first_prior else "",
        "viewer_url": own_viewer(study_uid, prior_uid) if study_uid else "",
        "site_viewer": site_viewer(standing.site.viewer_url, study_uid, item.accessions),
        "warnings": _warnings(exam, item.mrn),
        "amendable": _amendable(found, exam),
        "referrers": _once(order.content.referrer_name for order in exam.orders),
        "diagnoses": _once(text for order in exam.orders for text in order.content.diagnoses),
        "advice": exam.advice,
        "locations": _once(order.content.location for order in exam.orders),
        "data": _data(found, exam, compare),
        "received_texts": [(one, whole_text(texts)) for one, texts in exam.received],
    }


def _beside(exam: Exam) -> dict[str, Any]:
    """What stands beside the images: from the order, the site's systems and technologists."""
    known, told = exam.beside, [one.told for one in exam.beside.allergies]
    named = {one.substance.casefold() for one in known.allergies}
    said = (order.content.allergies for order in exam.orders)
    more = [one for text in said for one in text.split(", ") if one.casefold() not in named]
    return {
        "allergies": _once([*told, *more]),
        "notes": _once(order.content.notes for order in exam.orders),
        "tech_notes": known.of_kind(NOTE),
        "qc": known.of_kind(QC_DONE),
        "protocols": known.of_kind(PROTOCOL),
        "labs": known.labs,
    }


def _data(found: Look, exam: Exam, compare: Sequence[Prior]) -> dict[str, Any]:
    """What the page's script needs to begin with."""
    standing = found.standing
    item = standing.item
    return {
        "item": str(item.id),
        "mode": standing.mode.value,
        "state": item.state.value,
        "holder": item.held_name if item.held_at_instant(standing.at) else "",
        "outside": standing.outside,
        "images": item.image_count,
        "now": shape.instant(standing.at),
        "due": shape.instant(item.due_at) if item.finished_at is None else None,
        "hold": shape.hold_json(standing),
        "draft": shape.draft_json(exam.report),
        "report": str(exam.report.id) if exam.report else None,
        "studies": [one.study_uid for one in exam.studies],
        "priors": {
            one.study.study_uid: {"day": shape.day(one.on), "title": one.title}
            for one in compare
            if one.study
        },
    }


def _amendable(found: Look, exam: Exam) -> bool:
    """Say whether an addendum is this person's to write; signing it decides."""
    standing, report = found.standing, exam.report
    if report is None or standing.reader is None or not standing.signs_final:
        return False
    signed_here = report.state == FINAL and report.origin == HERE
    return signed_here and report.reader_group == standing.reader.group


def _warnings(exam: Exam, mrn: str) -> list[str]:
    """Say where the images' own header names another patient than the exam."""
    return [
        f"The images of {study.description or 'a study'} name the patient identifier "
        f"{study.mrn or '(none)'}, the exam {mrn or '(none)'}. Check the patient before you read."
        for study in exam.studies
        if study.mrn != mrn
    ]


def _once(texts: Any) -> list[str]:
    return list(dict.fromkeys(text for text in texts if text))
