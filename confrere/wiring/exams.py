"""Bring studies, orders and patients together as exams on the worklist.

Each function is a subscriber's work: idempotent, run by the worker as the system role.
"""

import logging
from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Connection

from confrere.archives import service as archives
from confrere.files.folder import BlobStore
from confrere.imaging import asides
from confrere.imaging import service as imaging
from confrere.imaging.model import Study
from confrere.imaging.other_numbers import other_numbers
from confrere.kernel.errors import DomainError, Invalid
from confrere.kernel.ids import OrderId, PatientId, StudyId
from confrere.network import service as network
from confrere.network.model import Site
from confrere.orders import service as orders
from confrere.orders.model import COMPLETE, IN_PROGRESS, ORDERED, Order
from confrere.patients import linking
from confrere.patients import service as patients
from confrere.patients.model import Demographics, Number, Patient
from confrere.patients.telling import UNTOLD
from confrere.worklist import service as worklist
from confrere.worklist.model import Item
from confrere.worklist.withdrawing import withdraw

log = logging.getLogger(__name__)

WAITING = frozenset({ORDERED, IN_PROGRESS, COMPLETE})


def study_changed(
    conn: Connection, study_id: StudyId, now: datetime, *, new_images: bool
) -> Item | None:
    """A study arrived, grew or was closed: type it, tie it to its orders, list it."""
    study = imaging.study(conn, study_id)
    if study.site_id is None:
        return None  # the exceptions page asks a person for the site
    site = network.site(conn, study.site_id)
    patient = _patient(conn, study, site, now)
    if _is_fetched(conn, study, patient, now):
        return None
    found = _orders(conn, study, site, patient, now)
    if not found and (study.instance_count == 0 or study.outside):
        # moved away, rejected, or brought along as a prior: nothing to be read by itself
        return withdraw(conn, study.owner_group, study.id, now)
    if found and patient and found[0].patient != patient.id and _names_no_issuer(study, site):
        patient = patients.get(conn, found[0].patient)  # the order says whose number it is
        imaging.attach_patient(conn, study.id, patient.id)
    return worklist.refresh(
        conn, study.owner_group, site, study, found, patient, now, new_images=new_images
    )


def order_changed(conn: Connection, order_id: OrderId, now: datetime) -> Item | None:
    """An order was placed or changed: find its images, list it when there is work."""
    order = orders.get(conn, order_id)
    site = network.site(conn, order.site)
    patient = patients.get(conn, order.patient)
    if not imaging.studies_of_order(conn, order.id):
        for study in imaging.unattached(
            conn, order.owner_group, order.content.accession, order.content.study_uid,
            patient.demographics.mrn,
        ):  # fmt: skip
            if study.site_id in (None, order.site):
                study_changed(conn, study.id, now, new_images=False)
    studies = imaging.studies_of_order(conn, order.id)
    if studies:
        return study_changed(conn, studies[0].id, now, new_images=False)
    return worklist.refresh(conn, order.owner_group, site, None, [order], patient, now)


def patient_seen(conn: Connection, patient_id: PatientId, now: datetime) -> None:
    """A patient was added or changed: match them; `PersonChanged` then brings their priors."""
    linking.link_matches(conn, patient_id, now)


def note_other_numbers(
    conn: Connection, blobs: BlobStore, study_id: StudyId, now: datetime
) -> None:
    """Keep what else a study's images call its patient: another assigner's number of them.

    Not those of images from outside: whoever burned a disc is known to nobody here.
    """
    study = imaging.study(conn, study_id)
    if study.patient_id is None or study.outside:
        return
    known = patients.get(conn, study.patient_id)
    told = frozenset(Number(*pair) for pair in other_numbers(conn, blobs, study))
    if told - known.demographics.further:
        bare = Demographics(known.demographics.assigner, known.demographics.mrn, further=told)
        patients.record(conn, study.owner_group, bare, now, UNTOLD)


def replay(conn: Connection, blobs: BlobStore, aside_id: UUID, by: str, now: datetime) -> None:
    """File kept bytes again; what still can't be filed stays kept aside, with its reason."""
    try:
        with conn.begin_nested():
            asides.replay(conn, blobs, aside_id, by, now)
    except DomainError as error:
        log.info("a replay of what was kept aside failed: %s", type(error).__name__)


def _is_fetched(conn: Connection, study: Study, patient: Patient | None, now: datetime) -> bool:
    """Say whether a study came because it was asked for from a foreign archive: a prior, no work.

    It is tied to the order of its own report, where that is here. The images of an exam that
    is still to be reported are work wherever they come from.
    """
    if not archives.asked(conn, study.owner_group, [study.study_uid]):
        return False
    found = orders.match(
        conn, study.owner_group, study.site_id, study.accession, study.study_uid
    )
    own = [one for one in found if patient and one.patient == patient.id]
    if any(one.content.status in WAITING for one in own):
        return False
    for one in own:
        imaging.attach_order(conn, study.id, one.id, "accession", now)
    return True


def _patient(conn: Connection, study: Study, site: Site, now: datetime) -> Patient | None:
    if study.patient_id is not None:
        return patients.get(conn, study.patient_id)
    family, _, given = study.patient_name.partition("^")
    said = Demographics(
        study.issuer or site.assigner, study.mrn, family.strip(),
        " ".join(given.replace("^", " ").split()), _birth(study.birth_date), study.sex[:1],
    )  # fmt: skip
    known = patients.find(conn, study.owner_group, said.assigner, said.mrn)
    try:
        # the registration system knows a patient better than an image's header does
        patient = known or patients.record(conn, study.owner_group, said, now, UNTOLD)
    except Invalid:
        return None  # no usable identifier: shown without one, never invented
    imaging.attach_patient(conn, study.id, patient.id)
    return patient


def _orders(
    conn: Connection, study: Study, site: Site, patient: Patient | None, now: datetime
) -> Sequence[Order]:
    """The orders a study is tied to; ties it now when the tie is sure.

    Sure is: the order names the study's UID; or the same accession number and patient; or,
    for images without an accession number, the only open order of this patient, site and
    modality that has no images yet.
    """
    tied = imaging.orders_of(conn, study.id)
    if tied:
        return orders.get_many(conn, tied)
    found = orders.match(
        conn, study.owner_group, study.site_id, study.accession, study.study_uid
    )
    how = (
        "study UID"
        if any(o.content.study_uid == study.study_uid for o in found)
        else "accession"
    )
    safe = [o for o in found if patient is None or _whose(conn, o, study, site, patient)]
    if len(safe) != len(found):
        return []  # a wrong accession number: the images are another patient's
    if not found and not study.accession and patient is not None:
        how, safe = "patient and modality", _only_waiting(conn, study, site, patient)
    for order in safe:
        imaging.attach_order(conn, study.id, order.id, how, now)
    return safe


def _only_waiting(conn: Connection, study: Study, site: Site, patient: Patient) -> list[Order]:
    mrn = {"mrn": patient.demographics.mrn}
    same = [patient.id]
    if _names_no_issuer(study, site):
        same += [p.id for p in patients.search(conn, [study.owner_group], mrn, 10)]
    waiting = [
        order
        for order in orders.search(conn, 20, patients=same, sites=[site.id])
        if order.content.status in WAITING
        and order.modality in study.modalities
        and not imaging.studies_of_order(conn, order.id)
    ]
    return waiting if len(waiting) == 1 else []


def _names_no_issuer(study: Study, site: Site) -> bool:
    """Images rarely name who assigned the patient ID: then the site's own assigner is assumed."""
    return study.issuer in ("", site.assigner)


def _whose(conn: Connection, order: Order, study: Study, site: Site, patient: Patient) -> bool:
    if order.patient == patient.id:
        return True
    other = patients.get(conn, order.patient)
    if other.demographics.mrn == study.mrn and _names_no_issuer(study, site):
        return True
    return other.person is not None and other.person == patient.person


def _birth(text: str) -> date | None:
    try:
        return date.fromisoformat(f"{text[:4]}-{text[4:6]}-{text[6:8]}")
    except ValueError:
        return None
