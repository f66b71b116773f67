"""Gather all that the study page shows of one exam, in one transaction of the caller."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from confrere.advice import service as advice
from confrere.advice.model import Given
from confrere.archives import service as archives
from confrere.archives.model import Fetch
from confrere.audit.service import note_access
from confrere.chart import service as chart
from confrere.chart.model import Beside
from confrere.delivery import service as delivery
from confrere.delivery.model import Outgoing
from confrere.imaging import service as imaging
from confrere.imaging.model import Study
from confrere.kernel.errors import Conflict, NotFound, Refused
from confrere.kernel.ids import ItemId, OrderId, PatientId, StudyId
from confrere.kernel.principal import Principal
from confrere.network import service as network
from confrere.network.model import Directory, Reader
from confrere.orders import performing
from confrere.orders import service as orders
from confrere.orders.model import Order
from confrere.orders.performed import Kept
from confrere.patients import service as patients
from confrere.patients.model import Patient
from confrere.reading import service as reading
from confrere.reading.model import ELSEWHERE, FINAL, HERE, Report, Version
from confrere.web.study_priors import Earlier, Prior, put_together
from confrere.web.study_standing import Standing, concerns
from confrere.worklist import moving
from confrere.worklist import service as worklist
from confrere.worklist.board import Move
from confrere.worklist.model import ADDENDUM, Item, Verdict

if TYPE_CHECKING:
    from sqlalchemy import Connection

MOST_PRIORS = 60


@dataclass(frozen=True, slots=True)
class Look:
    """An exam, who looks at it, and how every reader was judged on it just now."""

    standing: Standing
    directory: Directory
    verdicts: dict[UUID, tuple[Verdict, ...]]
    moved: Move | None = None  # a lead took it from this person last


@dataclass(frozen=True, slots=True)
class Exam:
    """What stands beside the images."""

    patient: Patient | None
    orders: tuple[Order, ...]
    studies: tuple[Study, ...]  # of this exam, the main one first
    priors: tuple[Prior, ...]
    report: Report | None  # written here
    versions: tuple[Version, ...]
    received: tuple[tuple[Report, tuple[Version, ...]], ...]  # of this exam, from elsewhere
    first_prior: tuple[Report, tuple[Version, ...]] | None  # shown without a click
    messages: tuple[Outgoing, ...]  # results on their way to the site
    beside: Beside  # notes, allergies, lab values, papers
    fetched: dict[str, tuple[Fetch, str]]  # study UID -> how a prior came, and whose archive's
    performed: tuple[Kept, ...] = ()  # what its modality told of begin and end
    advice: tuple[Given, ...] = ()  # what was advised on its orders; own group only


def look(conn: "Connection", me: Principal, item_id: UUID, now: datetime) -> Look:
    """Find an exam and judge the readers; NotFound when it is not this person's group's.

    Conflict when it went back to its own group while this person's group wrote its report.
    """
    item = _visible(conn, me, ItemId(item_id))
    if not concerns(item, me.groups):
        raise NotFound("no such item on your worklist")
    directory = network.directory(conn, now)
    reader = directory.readers.get(me.reader) if me.reader else None
    verdicts = worklist.verdicts(item, directory, now)
    own = verdicts.get(reader.id, ()) if reader else ()
    standing = Standing(item, directory.sites[item.site], me, reader, own, now)
    taken = None if standing.is_mine else moving.moved_from(conn, item.id, me.reader)
    if taken is not None and taken.to_reader not in (item.held_by, item.offered_to):
        taken = None  # the exam has gone on since
    return Look(standing, directory, verdicts, taken)


def _visible(conn: "Connection", me: Principal, item: ItemId) -> Item:
    try:
        return worklist.get(conn, item)
    except NotFound:
        if moved := moving.moved_from(conn, item, me.reader):
            raise Conflict(f"{moved.told()}. Your draft is kept with the exam") from None
        begun = reading.of_item(conn, item)
        if begun is None or begun.reader_group not in me.groups or begun.state == FINAL:
            raise
    raise Conflict(
        "this exam went back to its own group: no agreement lets your group read it now. Your "
        "draft is kept with it. The other group may resume the agreement, which offers the "
        "exam again; or one of its readers takes it over"
    )


def reader_of(found: Look) -> Reader:
    """The reader who looks; raises Refused for everybody else."""
    if found.standing.reader is None:
        raise Refused("only a reader of the collaborative may do this; sign in as one")
    return found.standing.reader


def gather(conn: "Connection", found: Look) -> Exam:
    """Read what belongs to the exam, as far as this connection may see it."""
    item = found.standing.item
    patient = _patient(conn, item)
    asked = orders.get_many(conn, item.orders)
    studies = _studies(conn, item)
    priors = _priors(conn, found, patient, studies)
    report = report_here(conn, item)
    received = [
        one for one in reading.of_exam(conn, item.study, item.orders) if one.origin == ELSEWHERE
    ]
    first = next((prior.reports[0] for prior in priors if prior.reports), None)
    wanted = [*received, *([report] if report else []), *([first] if first else [])]
    texts = reading.versions(conn, [one.id for one in wanted])
    return Exam(
        patient, tuple(asked), studies, priors, report,
        tuple(texts[report.id]) if report else (),
        tuple((one, tuple(texts[one.id])) for one in received),
        (first, tuple(texts[first.id])) if first else None,
        tuple(delivery.of_report(conn, report.id)) if report else (),
        chart.beside(conn, _identities(conn, patient), item.orders), _fetched(conn, priors),
        tuple(performing.of_exam(
            conn, item.owner_group, item.site, item.accessions, [one.study_uid for one in studies]
        )),
        tuple(advice.of_orders(conn, item.owner_group, item.orders)),
    )  # fmt: skip


def _fetched(conn: "Connection", priors: Sequence[Prior]) -> dict[str, tuple[Fetch, str]]:
    """The archive has a name where it is the own group's; another group's is not told."""
    names = {one.id: one.name for one in archives.listed(conn)}
    found: dict[str, Fetch] = {}
    for owner in {one.study.owner_group for one in priors if one.study}:
        uids = [p.study.study_uid for p in priors if p.study and p.study.owner_group == owner]
        found |= archives.asked(conn, owner, uids)
    return {uid: (one, names.get(one.archive, "")) for uid, one in found.items()}


def _identities(conn: "Connection", patient: Patient | None) -> list[PatientId]:
    """The exam's patient under all identifiers that are surely theirs."""
    return [one.id for one in patients.same_person(conn, patient)] if patient else []


def report_here(conn: "Connection", item: Item) -> Report | None:
    """The report written here: the item's own, or what its late images add to."""
    if item.kind != ADDENDUM:
        return reading.of_item(conn, item.id)
    signed = reading.of_exam(conn, item.study, item.orders)
    return next((one for one in signed if one.origin == HERE and one.state == FINAL), None)


def note_looked(conn: "Connection", key: bytes, found: Look, exam: Exam, door: str) -> None:
    """Note in the audit trail what was shown: the exam, and each report's text."""
    standing = found.standing
    item, me, now = standing.item, standing.me, standing.at
    note_access(
        conn, key, me, door=door, kind="study", owner_group=item.owner_group,
        object_id=item.study or item.id, now=now, patient_id=item.patient, study_id=item.study,
    )  # fmt: skip
    shown = [one for one, _ in exam.received]
    shown += [exam.report] if exam.report else []
    shown += [exam.first_prior[0]] if exam.first_prior else []
    # chains are locked in one order, so that two transactions never wait for each other
    for report in sorted(shown, key=lambda one: (one.owner_group, one.id)):
        note_report(conn, key, me, report, now, door)


def note_report(
    conn: "Connection", key: bytes, me: Principal, report: Report, now: datetime, door: str
) -> None:
    """Note that a report's text was shown."""
    note_access(
        conn, key, me, door=door, kind="report", owner_group=report.owner_group,
        object_id=report.id, now=now, patient_id=report.patient, study_id=report.study,
    )  # fmt: skip


def _patient(conn: "Connection", item: Item) -> Patient | None:
    if item.patient is None:
        return None
    try:
        return patients.get(conn, item.patient)
    except NotFound:
        return None  # a share that has ended: the item's own line still names the patient


def _studies(conn: "Connection", item: Item) -> tuple[Study, ...]:
    found: dict[StudyId, Study] = {}
    if item.study is not None:
        try:
            found[item.study] = imaging.study(conn, item.study)
        except NotFound:
            return ()
    for order in item.orders:
        found |= {one.id: one for one in imaging.studies_of_order(conn, order)}
    if item.study in found:
        return (found.pop(item.study), *found.values())
    return tuple(found.values())


def _priors(
    conn: "Connection", found: Look, patient: Patient | None, own: Sequence[Study]
) -> tuple[Prior, ...]:
    if patient is None:
        return ()
    item = found.standing.item
    ids = _identities(conn, patient)
    mine = {one.id for one in own}
    studies = [one for one in imaging.studies_of_patients(conn, ids) if one.id not in mine]
    studies = studies[:MOST_PRIORS]
    reports = [
        one
        for one in reading.of_patients(conn, ids, MOST_PRIORS)
        if not set(one.orders) & set(item.orders) and one.study not in mine
    ]
    ties = {one.id: imaging.orders_of(conn, one.id) for one in studies}
    wanted: set[OrderId] = {order for tied in ties.values() for order in tied}
    wanted |= {order for one in reports for order in one.orders}
    known = {one.id: one for one in orders.get_many(conn, sorted(wanted))}
    return put_together(item, Earlier(studies, ties, reports, known, found.directory.sites))
