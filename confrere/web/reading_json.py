"""The JSON shapes of exams, reports and verdicts. Pure. Times are ISO 8601, UTC."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from confrere.reading.model import Report, Version
from confrere.web.study_readers import Judged
from confrere.web.study_standing import Standing
from confrere.worklist.board import Move
from confrere.worklist.model import Item, Verdict


def item_json(
    standing: Standing,
    report: Report | None,
    versions: Sequence[Version],
    moved: Move | None = None,
) -> dict[str, Any]:
    """Write an item for whoever asks; without the patient for those who may not know."""
    item = standing.item
    written: dict[str, Any] = {
        "id": str(item.id),
        "url": f"/items/{item.id}",
        "state": item.state.value,
        "kind": item.kind,
        "mode": standing.mode.value,
        "priority": item.priority,
        "modality": item.modality,
        "body_region": item.body_region,
        "subspecialty": item.subspecialty,
        "flags": list(item.flags),
        "site": {"name": standing.site.name, "state": standing.site.state},
        "reporting": standing.site.reporting,
        "image_count": item.image_count,
        "images_complete": item.images_complete,
        "clock_at": instant(item.clock_at),
        "clock_source": item.clock_source,
        "due_at": instant(item.due_at),
        "finished_at": instant(item.finished_at),
        "eligible": standing.is_eligible,
        "may_know_patient": standing.knows_patient,
        "verdicts": [verdict_json(one) for one in standing.verdicts],
        "hold": hold_json(standing),
        "moved": moved.told() if moved else None,
        "outside": standing.outside,
    }
    if not standing.knows_patient:
        return written
    return written | {
        "accessions": list(item.accessions),
        "description": item.description,
        "clinical_question": item.clinical_question,
        "patient": {
            "name": item.patient_name,
            "mrn": item.mrn,
            "assigner": standing.site.assigner,
            "sex": item.sex,
            "birth_date": day(item.birth_date),
        },
        "offer_reason": item.offer_reason,
        "offered_to_me": item.offered_to is not None and item.offered_to == standing.me.reader,
        "report": report_json(report, versions) if report else None,
    }


def hold_json(standing: Standing) -> dict[str, Any] | None:
    """Write who holds an exam; the token only for its holder."""
    item = standing.item
    if item.held_by is None or item.finished_at is not None:
        return None
    return {
        "mine": standing.is_mine,
        "name": item.held_name,
        "lease_until": instant(item.lease_until),
        "token": str(item.hold_token) if standing.is_mine else None,
    }


def claimed_json(item: Item, report: Report | None) -> dict[str, Any]:
    """Write a claim that was won: what the editor needs to open."""
    return {
        "item": str(item.id),
        "token": str(item.hold_token),
        "lease_until": instant(item.lease_until),
        "draft": draft_json(report),
    }


def draft_json(report: Report | None) -> dict[str, Any]:
    """Write a draft; version 0 with no sections where none was begun."""
    if report is None:
        return {"version": 0, "saved_at": None, "sections": {}}
    return {
        "version": report.version,
        "saved_at": instant(report.draft_at),
        "sections": report.draft,
    }


def report_json(report: Report, versions: Sequence[Version]) -> dict[str, Any]:
    """Write a report: its draft and every signed version."""
    return {
        "id": str(report.id),
        "state": report.state,
        "author": report.author_name,
        "draft": draft_json(report),
        "versions": [version_json(one) for one in versions],
    }


def version_json(one: Version) -> dict[str, Any]:
    """Write a signed version."""
    return {
        "report": str(one.report),
        "number": one.number,
        "kind": one.kind,
        "sections": one.sections,
        "text": one.text,
        "signer": one.signer_name,
        "signed_at": instant(one.signed_at),
    }


def verdict_json(one: Verdict) -> dict[str, Any]:
    """Write one rule's outcome."""
    return {
        "rule": one.rule,
        "holds": one.holds,
        "outcome": one.outcome.value,
        "billing_hold": one.billing_hold,
        "because": one.because,
        "remedy": one.remedy,
        "cites": one.cites,
    }


def judged_json(row: Judged) -> dict[str, Any]:
    """Write one reader's verdicts."""
    return {
        "name": row.name or None,
        "group": row.group,
        "me": row.is_me,
        "offered": row.offered,
        "holds_it": row.holds_it,
        "on_duty": row.on_duty,
        "eligible": row.eligible,
        "verdicts": [verdict_json(one) for one in row.verdicts],
    }


def instant(at: datetime | None) -> str | None:
    """Write an instant."""
    return at.isoformat() if at else None


def day(on: date | None) -> str | None:
    """Write a date."""
    return on.isoformat() if on else None
