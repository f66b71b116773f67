"""To whom images may belong: orders, patients and studies of the group that owns them."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Connection

from confrere.imaging import service as imaging
from confrere.imaging.model import Study
from confrere.kernel.errors import Invalid, NotFound
from confrere.kernel.ids import GroupId, OrderId, PatientId, StudyId
from confrere.orders import service as orders
from confrere.orders.model import Order
from confrere.patients import service as patients
from confrere.patients.model import Patient

MOST = 20
ORDER, PATIENT, STUDY = "order", "patient", "study"


@dataclass(frozen=True, slots=True)
class Target:
    """One that images may be given to: an order, a patient without one, or a study."""

    key: str
    title: str
    detail: str
    patient: Patient | None
    order: Order | None = None
    study: Study | None = None


def found(conn: Connection, study: Study, sought: str) -> list[Target]:
    """What fits an accession number, an MRN or the beginning of a family name, likely ones first."""
    if not sought:
        raise Invalid("give an accession number, an MRN or a family name", "sought")
    owner = [study.owner_group]
    by_number = orders.search(conn, MOST, owners=owner, accession=sought)
    people = {one.id: one for one in patients.search(conn, owner, {"number": sought}, MOST)}
    if not people and not by_number:
        family = sought.partition(",")[0].strip()
        people = {o.id: o for o in patients.search(conn, owner, {"family": family}, MOST)}
    theirs = orders.search(conn, MOST, owners=owner, patients=list(people)) if people else []
    listed = list({one.id: one for one in [*by_number, *theirs]}.values())
    whose = people | {
        one.id: one for one in patients.get_many(conn, [o.patient for o in listed])
    }
    studies = [
        one
        for one in imaging.studies_of_patients(conn, list(whose))
        if one.id != study.id and one.owner_group == study.owner_group
    ]
    return [
        *(_of_order(one, whose.get(one.patient)) for one in listed),
        *(
            _of_study(one, whose.get(one.patient_id))
            for one in studies[:MOST]
            if one.patient_id
        ),
        *(_of_patient(one) for one in whose.values()),
    ]


def chosen(conn: Connection, study: Study, key: str) -> Target:
    """The one that a person chose; raises Invalid, or NotFound where it is not the group's."""
    kind, _, text = key.partition(":")
    try:
        number = UUID(text)
    except ValueError:
        raise Invalid("choose to whom the images belong", "to") from None
    target = _target(conn, kind, number)
    holder = target.order or target.study or target.patient
    if holder is None or holder.owner_group != study.owner_group:
        raise NotFound("no such order, patient or study of your group")
    return target


def same_person(conn: Connection, study: Study, to: Target) -> bool:
    """Say whether the images' patient and the target's are known to be one person."""
    if study.patient_id is None or to.patient is None:
        return False
    if study.patient_id == to.patient.id:
        return True
    own = patients.get(conn, study.patient_id)
    return own.person is not None and own.person == to.patient.person


def _target(conn: Connection, kind: str, number: UUID) -> Target:
    if kind == ORDER:
        order = orders.get(conn, OrderId(number))
        return _of_order(order, patients.get(conn, order.patient))
    if kind == STUDY:
        other = imaging.study(conn, StudyId(number))
        whose = patients.get(conn, other.patient_id) if other.patient_id else None
        return _of_study(other, whose)
    if kind == PATIENT:
        return _of_patient(patients.get(conn, PatientId(number)))
    raise Invalid("choose to whom the images belong", "to")


def _of_order(order: Order, patient: Patient | None) -> Target:
    what = order.content.procedure_text or order.modality or "order"
    return Target(
        f"{ORDER}:{order.id}", f"order {order.content.accession}", what, patient, order=order
    )


def _of_study(study: Study, patient: Patient | None) -> Target:
    images = f"{study.instance_count} image{'s' if study.instance_count != 1 else ''}"
    day = f"{study.study_date[:4]}-{study.study_date[4:6]}-{study.study_date[6:8]}"
    what = f"{study.description or 'not described'}, {day if study.study_date else 'no date'}, {images}"
    title = f"study {study.accession or study.study_uid[-12:]}"
    return Target(f"{STUDY}:{study.id}", title, what, patient, study=study)


def _of_patient(patient: Patient) -> Target:
    return Target(
        f"{PATIENT}:{patient.id}", f"patient {patient.demographics.mrn}", "without an order",
        patient,
    )  # fmt: skip


def candidates_outside(
    conn: Connection, owner: GroupId, said: dict[str, str], sought: str
) -> list[Target]:
    """Local patients for images from outside, each alone and with its orders.

    Without `sought`, those with the family name and birth date that the images say.
    """
    if sought:
        people = patients.search(conn, [owner], {"number": sought}, MOST)
        numbered = orders.search(conn, MOST, owners=[owner], accession=sought)
        people += patients.get_many(conn, [one.patient for one in numbered])
        if not people:
            family = sought.partition(",")[0].strip()
            people = patients.search(conn, [owner], {"family": family}, MOST)
    else:
        family, born = (
            said.get("name", "").partition("^")[0].strip(),
            said.get("birth_date", ""),
        )
        people = patients.search(conn, [owner], {"family": family}, MOST) if family else []
        people.sort(key=lambda one: _born(one) != born)
    found = list({one.id: one for one in people}.values())
    theirs = orders.search(conn, MOST, owners=[owner], patients=[p.id for p in found])
    listed = []
    for one in found:
        listed.append(_of_patient(one))
        listed += [_of_order(order, one) for order in theirs if order.patient == one.id]
    return listed


def chosen_outside(conn: Connection, owner: GroupId, key: str) -> Target:
    """The patient or order that a person chose for images from outside."""
    kind, _, text = key.partition(":")
    try:
        target = _target(conn, kind, UUID(text))
    except ValueError:
        raise Invalid("choose the patient", "to") from None
    if target.study or target.patient is None or target.patient.owner_group != owner:
        raise NotFound("no such patient or order of your group")
    return target


def _born(patient: Patient) -> str:
    born = patient.demographics.birth_date
    return born.strftime("%Y%m%d") if born else ""
