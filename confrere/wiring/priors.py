"""What a reader may see beside an exam: the same person's earlier studies and reports.

Within the owner group everything of the linked person counts. Another group's priors are
shown only where an agreement in force between it and the reading or the owner group shares
priors; for treatment, 45 CFR 164.506(c)(2). Doubtful identity links are never followed.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Connection

from confrere.imaging import service as imaging
from confrere.imaging.model import Study
from confrere.kernel.errors import NotFound
from confrere.kernel.ids import GroupId, ItemId, PatientId, ReportId, StudyId
from confrere.network import service as network
from confrere.network.agreements import IN_FORCE
from confrere.network.model import Agreement
from confrere.patients import service as patients
from confrere.patients.model import Patient
from confrere.reading import service as reading
from confrere.reading.model import Report
from confrere.worklist import service as worklist
from confrere.worklist.model import Item

PRIOR = "prior"  # why a share was made


def share_priors(conn: Connection, item_id: ItemId, to: GroupId, now: datetime) -> None:
    """Open an exam's priors to the group that was offered it and to its owner; count them."""
    try:
        item = worklist.get(conn, item_id)
    except NotFound:
        return
    if item.patient is None:
        return
    same = patients.same_person(conn, patients.get(conn, item.patient))
    agreements = network.agreements(conn)
    for group in {to, item.owner_group}:
        allowed = [one for one in same if may_see(one.owner_group, item, group, agreements)]
        studies, reports = _of(conn, allowed, item)
        _open(conn, group, allowed, studies, reports, now)
        if group == to:
            worklist.set_prior_count(conn, item.id, len(studies))


def refresh(conn: Connection, patient_id: PatientId, now: datetime) -> None:
    """What came after the offer: open a person's new priors to whoever is to read them now."""
    try:
        same = patients.same_person(conn, patients.get(conn, patient_id))
    except NotFound:
        return
    for item in worklist.open_of_patients(conn, [one.id for one in same]):
        to = item.held_group or item.offered_group
        if to is not None:
            share_priors(conn, item.id, to, now)


def person_changed(conn: Connection, patient_id: PatientId, now: datetime) -> None:
    """Other identities than before are this one's person: close its records, open them anew.

    What stood as a prior under a link that was taken back is closed to every other group, also
    beside exams that are read by now; what the links at hand still justify is opened again.
    """
    try:
        patient = patients.get(conn, patient_id)
    except NotFound:
        return
    studies = imaging.studies_of_patients(conn, [patient.id])
    reports = reading.of_patients(conn, [patient.id])
    objects: list[UUID] = [patient.id, *(s.id for s in studies), *(r.id for r in reports)]
    objects += [order for r in reports for order in r.orders]
    network.end_shares(conn, patient.owner_group, None, objects, now, PRIOR)
    refresh(conn, patient.id, now)


def of_study(conn: Connection, study_id: StudyId, now: datetime) -> None:
    """A study arrived, which may be a prior of an exam that waits."""
    patient = imaging.study(conn, study_id).patient_id
    if patient is not None:
        refresh(conn, patient, now)


def of_report(conn: Connection, report_id: ReportId, now: datetime) -> None:
    """A report was signed or came, which may be a prior's."""
    patient = reading.get(conn, report_id).patient
    if patient is not None:
        refresh(conn, patient, now)


def _open(
    conn: Connection, to: GroupId, allowed: Sequence[Patient], studies: Sequence[Study],
    reports: Sequence[Report], now: datetime,
) -> None:  # fmt: skip
    for owner in {one.owner_group for one in allowed} - {to}:
        objects: list[tuple[str, UUID]] = [
            ("patient", p.id) for p in allowed if p.owner_group == owner
        ]
        objects += [("study", s.id) for s in studies if s.owner_group == owner]
        objects += [("report", r.id) for r in reports if r.owner_group == owner]
        objects += [("order", o) for r in reports if r.owner_group == owner for o in r.orders]
        network.share(conn, owner, to, objects, PRIOR, now)


def may_see(owner: GroupId, item: Item, to: GroupId, agreements: Sequence[Agreement]) -> bool:
    """Say whether a prior of `owner` may stand beside this exam for a reader of `to`."""
    if owner == to:
        return True
    if shares(agreements, {owner, to}):
        return True
    return owner != item.owner_group and shares(agreements, {owner, item.owner_group})


def shares(agreements: Sequence[Agreement], pair: set[GroupId]) -> bool:
    """Say whether an agreement in force between two groups shares priors."""
    return any(
        one.state == IN_FORCE
        and one.shares_priors
        and {one.owner_group, one.reading_group} == pair
        for one in agreements
    )


def _of(
    conn: Connection, allowed: Sequence[Patient], item: Item
) -> tuple[list[Study], list[Report]]:
    ids = [one.id for one in allowed]
    studies = [s for s in imaging.studies_of_patients(conn, ids) if s.id != item.study]
    reports = [
        r for r in reading.of_patients(conn, ids) if not set(r.orders) & set(item.orders)
    ]
    if item.clock_at is None:
        return studies, reports
    # what was made after this exam is no prior of it; a site's day may be ahead of UTC's
    last_day = f"{item.clock_at + timedelta(hours=14):%Y%m%d}"
    return (
        [s for s in studies if s.study_date <= last_day],
        [r for r in reports if (r.exam_at or r.final_at or item.clock_at) <= item.clock_at],
    )
