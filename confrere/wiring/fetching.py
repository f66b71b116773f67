"""Fetch relevant priors ahead from foreign archives, at order time and at arrival.

Only identifiers of the assigner that an archive knows are asked for, only where group and
agreement let the reader see what comes, and what comes must name the patient asked for.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Connection, Engine

from confrere.archives import service as archives
from confrere.archives.model import FETCH_TASK, Archive, Candidate, Fetch, starts_at
from confrere.chart.relevance import Relevance, Subject, relevance, side_of
from confrere.database.engine import transaction
from confrere.files.folder import BlobStore
from confrere.imaging import keeping as imaging_keeping
from confrere.imaging import service as imaging
from confrere.imaging.kept import AWAY
from confrere.jobs import events
from confrere.kernel.errors import DomainError, Unavailable
from confrere.kernel.ids import OrderId, StudyId
from confrere.network import service as network
from confrere.orders import service as orders
from confrere.orders.model import CANCELLED, REPORTED, Order
from confrere.orders.priorities import AT_ONCE
from confrere.orders.suggesting import words_say
from confrere.patients import service as patients
from confrere.patients.model import Patient
from confrere.wiring import archive_clients, priors
from confrere.wiring.archive_filing import file_answer

LEASE = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Way:
    """What fetching needs: the system role's engine, the blob store, our AE title."""

    engine: Engine
    blobs: BlobStore
    aet: str


@dataclass(frozen=True, slots=True)
class _Place:
    archive: Archive
    patient: Patient
    mrn: str  # as this archive knows them
    token: str


def look(way: Way, order_id: OrderId, now: datetime) -> int:
    """Ask the archives for an order's relevant priors; return how many are to be fetched.

    Raises Unavailable after all were asked, when one did not answer: the job tries again.
    """
    with transaction(way.engine, frozenset()) as conn:
        order = orders.get(conn, order_id)
        places = _places(conn, order)
    asked, failed = 0, 0
    for one in places:
        try:
            found = archive_clients.find(one.archive, one.token, way.aet, one.mrn)
        except DomainError as error:
            failed += 1
            with transaction(way.engine, frozenset()) as conn:
                archives.note_test(conn, one.archive.id, f"a search failed: {error}", now)
            continue
        with transaction(way.engine, frozenset()) as conn:
            asked += _ask(conn, one, order, found, now)
    if failed:
        raise Unavailable(f"{failed} archives did not answer a search for priors")
    return asked


def of_study(way: Way, study_id: StudyId, now: datetime) -> int:
    """A study arrived: look for the priors of its orders, in case the order came long ago."""
    with transaction(way.engine, frozenset()) as conn:
        found = imaging.orders_of(conn, study_id)
    return sum(look(way, one, now) for one in found)


def fetch_due(
    way: Way, clock: Callable[[], datetime], wait: Callable[[float], None] = time.sleep
) -> int:
    """Fetch what is due, one study at a time with the archive's pause; return how many came."""
    with transaction(way.engine, frozenset()) as conn:
        due = archives.due(conn, clock())
    came = 0
    for number, one in enumerate(due):
        with transaction(way.engine, frozenset()) as conn:
            taken = archives.begin(conn, one.id, clock() + LEASE)
            archive = archives.get(conn, one.archive)
            token = archives.token_of(conn, archive)
        if taken is None or not archive.enabled:
            continue
        if number:
            wait(archive.pause_seconds)
        came += _fetch(way, taken, archive, token, clock())
    return came


def _places(conn: Connection, order: Order) -> list[_Place]:
    """Which archives may be asked about an order's patient, and under which identifier."""
    if order.content.status in (REPORTED, CANCELLED):
        return []
    same = patients.same_person(conn, patients.get(conn, order.patient))
    agreements = network.agreements(conn)
    found = []
    for one in same:
        if one.owner_group != order.owner_group and not priors.shares(
            agreements, {one.owner_group, order.owner_group}
        ):
            continue
        found += [
            _Place(archive, one, number, archives.token_of(conn, archive))
            for archive in archives.listed(conn, [one.owner_group])
            for assigner, number in sorted(one.demographics.record_numbers)
            if archive.enabled and archive.assigner == assigner
        ]
    return found


def _ask(
    conn: Connection, place: _Place, order: Order, found: Sequence[Candidate], now: datetime
) -> int:
    """Ask for the most relevant ones that are not here."""
    theirs = imaging.studies_of_patients(conn, [place.patient.id])
    places = imaging_keeping.kept(conn, [one.id for one in theirs])
    here = {one.study_uid for one in theirs if places[one.id].place != AWAY}
    away = {one.study_uid for one in theirs} - here
    new = [
        one for one in found
        if one.study_uid not in here and one.study_uid != order.content.study_uid
        and (not one.accession or one.accession != order.content.accession)
    ]  # fmt: skip
    ranked = sorted(
        ((judge(order, one, now), one) for one in new),
        key=lambda pair: (pair[0].score, pair[1].study_date), reverse=True,
    )  # fmt: skip
    wanted = [(r, c) for r, c in ranked if r.is_relevant][: place.archive.most_studies]
    zone = network.site(conn, place.archive.site).time_zone if place.archive.site else "UTC"
    order_owner = place.patient.owner_group
    start = starts_at(place.archive, zone, now, urgent=order.priority in AT_ONCE)
    asked = sum(
        archives.ask(
            conn, place.archive, place.patient.id, order.id, c, r.why, start, now,
            again=c.study_uid in away,
        ) is not None
        or (c.study_uid in away and archives.ask_again(conn, order_owner, c.study_uid, start))
        for r, c in wanted
    )  # fmt: skip
    if asked and start <= now:
        events.defer(conn, FETCH_TASK, once=FETCH_TASK, queue=events.LONG)
    return asked


def judge(order: Order, one: Candidate, now: datetime) -> Relevance:
    """Say how relevant a study of an archive is for an order."""
    said = words_say(one.description)
    day = _day(one.study_date)
    exam = Subject(
        order.body_region, order.modality, side_of(order.content.procedure_text), now.date()
    )
    return relevance(exam, Subject(
        said.region, one.modality or said.modality, side_of(one.description),
        day.date() if day else None,
    ))  # fmt: skip


def _day(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, "%Y%m%d")  # noqa: DTZ007 - DICOM DA has no zone
    except ValueError:
        return None


def _fetch(way: Way, fetch: Fetch, archive: Archive, token: str, now: datetime) -> bool:
    try:
        if archive.way == "dimse":
            images = archive_clients.move(archive, way.aet, fetch.study_uid)
        else:
            with transaction(way.engine, frozenset()) as conn:
                patient = patients.get(conn, fetch.patient)
            with archive_clients.retrieve(archive, token, fetch.study_uid) as answer:
                images = file_answer(
                    way.engine, way.blobs, archive, patient, fetch.study_uid, answer, now
                )
        with transaction(way.engine, frozenset()) as conn:
            _arrived(conn, fetch, archive, images, now, way.blobs.secure)
    except DomainError as error:
        with transaction(way.engine, frozenset()) as conn:
            archives.note_failed(conn, fetch, str(error), now)
        return False
    return True


def _arrived(
    conn: Connection, fetch: Fetch, archive: Archive, images: int, now: datetime,
    secure: Callable[[bytes], bool],
) -> None:  # fmt: skip
    """Tie what came to its patient; raises Unavailable where nothing did."""
    study = imaging.of_uid(conn, archive.owner_group, fetch.study_uid)
    if study is None:
        raise Unavailable(
            f"it says it sent {images} images and none arrived: register it as a PACS too, and "
            "look at its destination's address"
        )
    patient = patients.get(conn, fetch.patient)
    if study.mrn not in {number for _, number in patient.demographics.record_numbers}:
        raise Unavailable("its images name another patient than was asked for: look at both")
    imaging.attach_patient(conn, study.id, fetch.patient)
    kept = imaging_keeping.one(conn, study.id)
    imaging_keeping.come_back(conn, kept, secure, now)
    archives.note_fetched(conn, fetch, study.instance_count, archive.keeps_days, now)
    priors.refresh(conn, fetch.patient, now)


def test(way: Way, key: UUID, now: datetime) -> str:
    """Try an archive; what it said is kept, and told."""
    with transaction(way.engine, frozenset()) as conn:
        archive = archives.get(conn, key)
        token = archives.token_of(conn, archive)
    try:
        said = archive_clients.check(archive, token, way.aet)
    except DomainError as error:
        said = f"failed: {error}"
    with transaction(way.engine, frozenset()) as conn:
        archives.note_test(conn, key, said, now)
    return said
