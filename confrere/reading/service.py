"""Write, sign and amend reports. The caller owns the transaction.

A signed version is never changed: what is added later is a version of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Connection

from confrere.jobs import events
from confrere.kernel.errors import Conflict, Invalid, NotFound, Refused
from confrere.kernel.ids import (
    GroupId,
    ItemId,
    OrderId,
    PatientId,
    ReportId,
    SiteId,
    StudyId,
)
from confrere.kernel.periods import Place
from confrere.network.model import READS_ELSEWHERE, Directory, Reader
from confrere.reading import store
from confrere.reading.model import (
    ADDENDUM,
    DRAFT,
    ELSEWHERE,
    FINAL,
    HERE,
    PRELIMINARY,
    Report,
    ReportReceived,
    ReportSigned,
    ReportsSought,
    Version,
)
from confrere.reading.tables import reports
from confrere.reading.text import clean, render, require_signable
from confrere.worklist import claims
from confrere.worklist import service as worklist
from confrere.worklist.model import ADDENDUM as ADDENDUM_TASK
from confrere.worklist.model import Item, State


@dataclass(frozen=True, slots=True)
class Hold:
    """A reader's claim on an item, as their window knows it."""

    item: ItemId
    reader: Reader
    token: UUID


def open_report(conn: Connection, item: Item, reader: Reader, now: datetime) -> Report:
    """The report that belongs to an item; an empty draft when there is none yet."""
    return store.open_for_item(conn, {
        "owner_group": item.owner_group, "reader_group": reader.group, "item_id": item.id,
        "site_id": item.site, "patient_id": item.patient, "study_id": item.study,
        "order_ids": list(item.orders), "author_id": reader.id, "author_name": reader.name,
        "origin": HERE, "state": DRAFT, "title": item.description, "draft": {},
        "exam_at": item.clock_at, "updated_at": now,
    })  # fmt: skip


def save_draft(
    conn: Connection, hold: Hold, sections: dict[str, str], version: int, now: datetime,
    lease: timedelta,
) -> Report:  # fmt: skip
    """Save a draft and prolong the hold; returns the report with its next draft version.

    Conflict when the hold is stale, or when another window saved in between.
    """
    item = claims.renew(
        conn, hold.item, hold.reader.id, hold.token, now, lease,
        drafted=any(words.strip() for words in sections.values()),
    )  # fmt: skip
    report = open_report(conn, item, hold.reader, now)
    saved = store.change(
        conn,
        report.id,
        {
            "draft": clean(sections), "draft_at": now, "version": reports.c.version + 1,
            "author_id": hold.reader.id, "author_name": hold.reader.name,
            "reader_group": hold.reader.group,
        },
        reports.c.version == version,
        reports.c.state != FINAL,
    )  # fmt: skip
    if saved is None:
        raise Conflict(
            "this draft was changed in another window: reload to see it before you go on"
        )
    return saved


def sign(
    conn: Connection, hold: Hold, sections: dict[str, str], kind: str, directory: Directory,
    now: datetime,
) -> Version:  # fmt: skip
    """Sign a preliminary or final report; publishes ReportSigned.

    Raises Conflict when the hold is stale or the report is signed already, Refused when the
    reader is no longer eligible or the site reports in its own dictation system, Invalid
    when there is nothing to sign.
    """
    item = claims.confirm(conn, hold.item, hold.reader.id, hold.token, now)
    if directory.sites[item.site].reporting == READS_ELSEWHERE:
        raise Refused("this site's reports are signed in its own dictation system")
    if item.kind == ADDENDUM_TASK:
        raise Invalid("these late images need an addendum, not a new report", "kind")
    text = clean(sections)
    require_signable(text)
    claims.prove(conn, item, hold.reader, directory, "sign", now, kind)
    report = open_report(conn, item, hold.reader, now)
    if report.state == FINAL:
        raise Conflict("this report is already signed; write an addendum")
    head = {
        "draft": text, "state": kind, "version": reports.c.version + 1, "updated_at": now,
        "author_id": hold.reader.id, "author_name": hold.reader.name,
        "reader_group": hold.reader.group, "order_ids": list(item.orders),
        "study_id": item.study, "patient_id": item.patient, "exam_at": item.clock_at,
    } | ({"final_at": now} if kind == FINAL else {})  # fmt: skip
    changed = store.change(conn, report.id, head, reports.c.state != FINAL)
    if changed is None:
        raise Conflict("this report is already signed; write an addendum")
    made = _write(conn, changed, kind, text, render(text), hold.reader, now)
    if kind == FINAL:
        worklist.finish(conn, item, State.FINAL, hold.reader.id, hold.reader.group, now)
    else:
        worklist.note_preliminary(conn, item, now)
    return made


def addend(
    conn: Connection, report_id: ReportId, reader: Reader, text: str, now: datetime,
    task: Item | None = None,
) -> Version:  # fmt: skip
    """Add to a final report; publishes ReportSigned. Finishes the addendum task, if given.

    Only a reader of the group that signed may add to it.
    """
    report = get(conn, report_id)
    if report.state != FINAL or report.origin != HERE:
        raise Conflict("only a final report that was signed here can have an addendum")
    if report.reader_group != reader.group:
        raise Refused("an addendum is written by the group that signed the report")
    words = clean({"findings": text})["findings"]
    if not words:
        raise Invalid("write the addendum before you sign it", "text")
    store.change(conn, report.id, {"updated_at": now})
    made = _write(conn, report, ADDENDUM, {"addendum": words}, words, reader, now)
    if task is not None:
        worklist.finish(conn, task, State.FINAL, reader.id, reader.group, now)
    return made


def _write(
    conn: Connection, report: Report, kind: str, sections: dict[str, str], text: str,
    reader: Reader, now: datetime,
) -> Version:  # fmt: skip
    made = store.add_version(conn, report, {
        "kind": kind, "sections": sections, "text": text, "signer_id": reader.id,
        "signer_name": reader.name, "signed_at": now,
    })  # fmt: skip
    events.publish(conn, ReportSigned(report.owner_group, report.id, made.number, kind, now))
    return made


@dataclass(frozen=True, slots=True)
class Received:
    """A report that came by HL7 from a site's own system."""

    owner_group: GroupId
    site: SiteId
    patient: PatientId
    orders: tuple[OrderId, ...]
    study: StudyId | None
    title: str
    text: str
    final: bool
    author_name: str
    signed_at: datetime
    exam_at: datetime | None


def receive(conn: Connection, came: Received, items: Sequence[Item], now: datetime) -> Report:
    """Keep a report from elsewhere; a final one closes the open items of its exam.

    A final report that is sent again with other text becomes a further version; the same
    text again, or one signed before, changes nothing. Publishes ReportReceived.
    """
    state = FINAL if came.final else PRELIMINARY
    report = _known(conn, came) or store.add(conn, {
        "owner_group": came.owner_group, "reader_group": None, "item_id": None,
        "site_id": came.site, "patient_id": came.patient, "study_id": came.study,
        "order_ids": list(came.orders), "author_name": came.author_name, "origin": ELSEWHERE,
        "state": state, "title": came.title, "draft": {}, "exam_at": came.exam_at,
        "final_at": came.signed_at if came.final else None, "updated_at": now,
    })  # fmt: skip
    before = store.versions(conn, [report.id])[report.id]
    if not before or _is_news(report, before[-1], came):
        store.add_version(conn, report, {
            "kind": state, "sections": {}, "text": came.text, "signer_id": None,
            "signer_name": came.author_name, "signed_at": came.signed_at,
        })  # fmt: skip
        head: dict[str, object] = {"state": state, "updated_at": now}
        head |= {"final_at": came.signed_at} if came.final else {}
        report = store.change(conn, report.id, head) or report
        events.publish(conn, ReportReceived(came.owner_group, report.id, now))
    if came.final:
        for item in items:
            worklist.finish(conn, item, State.EXTERNAL, None, None, now)
    return report


def _is_news(report: Report, last: Version, came: Received) -> bool:
    """Say whether a message tells more than the last one; an older one tells nothing."""
    if report.state != FINAL:
        return came.final or last.text != came.text
    return came.final and came.signed_at >= last.signed_at and last.text != came.text


def _known(conn: Connection, came: Received) -> Report | None:
    same = reports.c.order_ids.overlap(list(came.orders))
    asked = [reports.c.owner_group == came.owner_group, reports.c.origin == ELSEWHERE, same]
    return next(iter(store.search(conn, asked, 1)), None) if came.orders else None


def get(conn: Connection, report_id: ReportId) -> Report:
    """One report; NotFound, also when it is another group's."""
    if not (found := store.get(conn, [report_id])):
        raise NotFound("no such report")
    return found[0]


def of_item(conn: Connection, item: ItemId) -> Report | None:
    """The report of an item, if it was begun."""
    return next(iter(store.search(conn, [reports.c.item_id == item], 1)), None)


def of_exam(conn: Connection, study: StudyId | None, orders: Sequence[OrderId]) -> list[Report]:
    """Signed reports about a study or any of these orders, newest first."""
    about = [reports.c.study_id == study] if study else []
    about += [reports.c.order_ids.overlap(list(orders))] if orders else []
    if not about:
        return []
    condition = about[0] if len(about) == 1 else about[0] | about[1]
    return store.search(conn, [condition, reports.c.state != DRAFT], 20)


def of_patients(
    conn: Connection, patients: Sequence[PatientId], limit: int = 100
) -> list[Report]:
    """Signed reports of these identities, newest first."""
    wanted = [reports.c.patient_id.in_(patients), reports.c.state != DRAFT]
    return store.search(conn, wanted, limit)


def search(
    conn: Connection, limit: int, offset: int = 0, *, ids: Sequence[ReportId] = (),
    patients: Sequence[PatientId] = (), orders: Sequence[OrderId] = (),
    studies: Sequence[StudyId] = (), state: str = "", sites: Sequence[SiteId] = (),
    updated_from: datetime | None = None, updated_to: datetime | None = None,
) -> list[Report]:  # fmt: skip
    """Search signed reports, newest first; every condition given must hold."""
    given = [
        reports.c.state != DRAFT,
        reports.c.id.in_(ids) if ids else None,
        reports.c.patient_id.in_(patients) if patients else None,
        reports.c.order_ids.overlap(list(orders)) if orders else None,
        reports.c.study_id.in_(studies) if studies else None,
        reports.c.state == state if state else None,
        reports.c.site_id.in_(sites) if sites else None,
        reports.c.updated_at >= updated_from if updated_from else None,
        reports.c.updated_at < updated_to if updated_to else None,
    ]
    return store.search(conn, [one for one in given if one is not None], limit, offset)


def versions(conn: Connection, ids: Sequence[ReportId]) -> dict[UUID, list[Version]]:
    """Signed versions of reports, in order."""
    return store.versions(conn, ids)


def page(
    conn: Connection, sought: ReportsSought, limit: int, after: Place | None = None
) -> list[Report]:
    """Signed reports that fit, last changed first, from behind `after` on."""
    return store.page(conn, sought, limit, after)


def patients_at(
    conn: Connection, site: SiteId, patients: Sequence[PatientId]
) -> set[PatientId]:
    """Which of these patients have a signed report at a site."""
    return store.patients_at(conn, site, patients)
