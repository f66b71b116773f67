"""What can be done with images: file, close, keep aside, attach, find."""

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from confrere.imaging import filing, store, store_asides, store_links, store_pages
from confrere.imaging.filing import Key, instance_key, study_key
from confrere.imaging.model import (
    Arrival,
    Filed,
    ImagesArrived,
    Outcome,
    Quiet,
    Series,
    StudiesSought,
    Study,
    StudyArrived,
    StudyClosed,
    StudyCorrected,
    quiet_time,
)
from confrere.imaging.tables import instances, series, studies
from confrere.jobs.events import publish
from confrere.kernel.errors import Conflict, NotFound, Refused
from confrere.kernel.ids import GroupId, OrderId, PatientId, SiteId, StudyId
from confrere.kernel.periods import Place
from confrere.network.model import Site
from confrere.orders.model import Order

MOST_CLOSED = 1000  # studies looked at in one sweep; the next sweep takes the rest


def file_instances(conn: Connection, arrivals: Sequence[Arrival]) -> list[Filed]:
    """File a batch in the caller's transaction, from any number of associations and groups.

    The same bytes again are a success and one instance. Other bytes under a UID that their
    group already holds are kept aside; the original is never overwritten. Answers come in
    the order of `arrivals`.
    """
    wanted = filing.once(arrivals)
    known = store.digests(conn, wanted)
    unfiled = [arrival for key, arrival in wanted.items() if key not in known]
    new = _file_new(conn, unfiled) if unfiled else {}
    known |= {key: (wanted[key].digest, study) for key, study in new.items()}
    if outrun := [key for key in wanted if key not in known]:
        known |= store.digests(conn, outrun)
    answers = [_answer(arrival, wanted, new, known) for arrival in arrivals]
    store_asides.keep_asides(
        conn,
        [
            filing.conflict(arrival)
            for arrival, filed in zip(arrivals, answers, strict=True)
            if filed.outcome is Outcome.CONFLICT
        ],
    )
    return answers


def _answer(
    arrival: Arrival,
    wanted: dict[Key, Arrival],
    new: dict[Key, UUID],
    known: dict[Key, tuple[bytes, UUID]],
) -> Filed:
    key = instance_key(arrival)
    digest, study = known[key]
    if key in new and wanted[key] is arrival:
        return Filed(Outcome.NEW, StudyId(study))
    same = digest == arrival.digest
    return Filed(Outcome.SAME if same else Outcome.CONFLICT, StudyId(study))


def _file_new(conn: Connection, arrivals: list[Arrival]) -> dict[Key, UUID]:
    """Insert what no one has filed; return the keys that became rows here, and their studies."""
    heads = {study_key(one): one for one in reversed(arrivals)}
    rows = [filing.study_row(heads[key]) for key in sorted(heads)]
    made = {row.id for row in store.add(conn, studies, rows, "id")}
    locked = store.lock_studies(conn, sorted(heads))
    firsts = {
        (locked[study_key(one)].id, one.head.series_instance): one for one in reversed(arrivals)
    }
    # whoever adds a series holds its study's row, so this can't be outrun
    ids = store.series_ids(conn, [key[0] for key in firsts], [key[1] for key in firsts])
    missing = [
        filing.series_row(firsts[key], key[0]) for key in sorted(firsts) if key not in ids
    ]
    new_series = store.add(conn, series, missing, "id", "study_id", "series_uid")
    ids |= {(row.study_id, row.series_uid): row.id for row in new_series}
    placed = [(one, locked[study_key(one)].id) for one in arrivals]
    added = store.add(
        conn,
        instances,
        [
            filing.instance_row(one, study, ids[study, one.head.series_instance])
            for one, study in placed
        ],
        "owner_group",
        "sop_uid",
        "study_id",
        "series_id",
    )
    filled = {row.series_id for row in added}
    touched = {row.study_id for row in added}
    empty = {row.id for row in new_series} - filled
    store.drop_empty(conn, made - touched, empty)
    if added:
        store.count_series(conn, Counter(row.series_id for row in added))
        grown = Counter(row.study_id for row in new_series if row.id in filled)
        _count(conn, arrivals, locked, added, grown)
        _tell(conn, locked, made, added, arrivals)
    return {(row.owner_group, row.sop_uid): row.study_id for row in added}


def _count(
    conn: Connection,
    arrivals: list[Arrival],
    locked: dict[Key, Any],
    added: list[Any],
    grown: Counter[UUID],
) -> None:
    """Bring the locked studies' counts, modalities and blank values up to date."""
    counts = Counter(row.study_id for row in added)
    keys = {(row.owner_group, row.sop_uid) for row in added}
    mine: dict[UUID, list[Arrival]] = {}
    for one in arrivals:
        if instance_key(one) in keys:
            mine.setdefault(locked[study_key(one)].id, []).append(one)
    rows = [
        filing.study_change(row, mine[row.id], counts[row.id], grown[row.id])
        for row in locked.values()
        if row.id in counts
    ]
    store.save_studies(conn, rows)


def _tell(
    conn: Connection,
    locked: dict[Key, Any],
    made: set[UUID],
    added: list[Any],
    arrivals: list[Arrival],
) -> None:
    counts = Counter(row.study_id for row in added)
    last = max(one.received_at for one in arrivals)
    for row in locked.values():
        if not counts[row.id]:
            continue
        if row.id in made:
            publish(conn, StudyArrived(row.owner_group, row.id, row.first_at))
        late = row.state != "receiving"
        arrived = ImagesArrived(row.owner_group, row.id, counts[row.id], last, late)
        publish(conn, arrived, once=f"{row.id}:{late}")


def close_quiet_studies(conn: Connection, quiet: Quiet, now: datetime) -> list[StudyId]:
    """Close the studies that nothing reached for their modality's and site's quiet time."""
    due = [
        (row.id, row.last_at)
        for row in store.receiving(conn, MOST_CLOSED)
        if row.last_at + quiet_time(row.site_id, row.modalities, quiet) <= now
    ]
    closed = store.close(conn, due, now) if due else []
    for owner, study in closed:
        publish(conn, StudyClosed(GroupId(owner), StudyId(study), now))
    return [StudyId(study) for _, study in closed]


def attach_patient(conn: Connection, study_id: StudyId, patient_id: PatientId) -> None:
    """Say whose study it is; raises NotFound."""
    if not store_links.set_patient(conn, study_id, patient_id):
        raise NotFound("no such study; reload the list")


def attach_order(
    conn: Connection, study_id: StudyId, order_id: OrderId, how: str, at: datetime
) -> bool:
    """Tie a study to an order, saying by which rule; False when they are tied already."""
    return store_links.add_order(conn, study_id, order_id, how, at)


def tie_order(conn: Connection, study_id: StudyId, order: Order, by: str, at: datetime) -> None:
    """Tie a study to the order that a person chose; publishes StudyCorrected.

    The study becomes that order's patient's. Refused where owner or site differ.
    """
    found = study(conn, study_id)
    if found.owner_group != order.owner_group or found.site_id not in (None, order.site):
        raise Refused("the order belongs to another site than the images")
    if not attach_order(conn, study_id, order.id, f"by hand: {by}", at):
        raise Conflict("these images have this order already; reload the list")
    attach_patient(conn, study_id, order.patient)
    publish(conn, StudyCorrected(found.owner_group, study_id, at))


def without_site(conn: Connection, owner: GroupId, limit: int = 500) -> list[Study]:
    """A group's studies of which no rule told the site, newest first."""
    return store_links.without_site(conn, owner, limit)


def choose_site(conn: Connection, study_id: StudyId, site: Site, at: datetime) -> None:
    """Say whose study it is where no rule could; publishes StudyCorrected."""
    found = study(conn, study_id)
    if site.owner_group != found.owner_group:
        raise Refused("the site is another group's")
    if not store_links.set_site(conn, study_id, site.id):
        raise Conflict("the site was chosen already; reload the list")
    publish(conn, StudyCorrected(found.owner_group, study_id, at))


def orders_of(conn: Connection, study_id: StudyId) -> list[OrderId]:
    """Return the orders a study answers, oldest tie first."""
    return store_links.orders_of(conn, study_id)


def studies_of_order(conn: Connection, order_id: OrderId) -> list[Study]:
    """Return the studies that answer an order, newest first."""
    return store_links.studies_of_order(conn, order_id)


def studies_of_patients(conn: Connection, patient_ids: Collection[PatientId]) -> list[Study]:
    """Return the studies of these patients that the caller's groups may see, newest first."""
    return store_links.studies_of_patients(conn, patient_ids)


def study(conn: Connection, study_id: StudyId) -> Study:
    """Read one study; raises NotFound."""
    found = store_links.study(conn, study_id)
    if found is None:
        raise NotFound("no such study; reload the list")
    return found


def get_many(conn: Connection, ids: Sequence[StudyId]) -> list[Study]:
    """Studies by id, those the caller may see."""
    return store_pages.studies_by_id(conn, ids)


def page(
    conn: Connection, sought: StudiesSought, limit: int, after: Place | None = None
) -> list[Study]:
    """Studies that fit, last changed first, from behind `after` on."""
    return store_pages.page(conn, sought, limit, after)


def series_of_studies(conn: Connection, ids: Sequence[StudyId]) -> dict[StudyId, list[Series]]:
    """Return the series of each study that has any, by number."""
    return store_pages.series_of_studies(conn, ids)


def of_uid(conn: Connection, owner: GroupId, uid: str) -> Study | None:
    """A group's study by its UID; None when it is not here."""
    return store_links.of_uid(conn, owner, uid)


def orders_of_studies(conn: Connection, ids: Sequence[StudyId]) -> dict[StudyId, list[OrderId]]:
    """Return the orders of each study that answers any, oldest tie first."""
    return store_pages.orders_of_studies(conn, ids)


def patients_at(
    conn: Connection, site: SiteId, patients: Sequence[PatientId]
) -> set[PatientId]:
    """Return which of these patients have a study at a site."""
    return store_pages.patients_at(conn, site, patients)


def of_site(
    conn: Connection, site: SiteId, since: datetime, until: datetime, limit: int
) -> list[Study]:
    """Return a site's studies whose first image came in a period, newest first."""
    return store_links.of_site(conn, site, since, until, limit)


def unattached(
    conn: Connection, owner: GroupId, accession: str, study_uid: str, mrn: str = ""
) -> list[Study]:
    """Return a group's studies that may be waiting for this order, first come first."""
    return store_links.unattached(conn, owner, accession, study_uid, mrn)
