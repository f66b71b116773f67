"""What can be done with orders. The caller owns the transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from confrere.jobs import events
from confrere.kernel.errors import Invalid, NotFound
from confrere.kernel.ids import GroupId, OrderId, PatientId, SiteId
from confrere.kernel.periods import Place, years_between
from confrere.orders import store
from confrere.orders.merging import heard_now, is_old, merged, plausible
from confrere.orders.model import (
    BACKLOADED,
    COMPLETE,
    REPORTED,
    Coverage,
    Order,
    OrderChanged,
    OrderContent,
    OrdersSought,
    Procedure,
    ToldTime,
    Unmapped,
)
from confrere.orders.priorities import priority_of
from confrere.orders.tables import orders
from confrere.patients import service as patients


def place(
    conn: Connection, owner: GroupId, site: SiteId, patient: PatientId,
    content: OrderContent, at: datetime,
) -> Order:  # fmt: skip
    """Place or change an order; publishes OrderChanged. The same message again changes nothing.

    The site's procedure map types the exam; a code that is not in it leaves the
    subspecialty empty and `mapped` false: it never becomes "general" silently. A cancelled
    or reported order is not brought back, and a message older than the system's last one only
    fills what is empty.
    """
    if not content.accession.strip():
        raise Invalid(
            "the order has no accession number: send it in OBR-18 (or IPC-1, or OBR-3)",
            "OBR-18",
        )
    store.lock_accession(conn, owner, content.accession)
    known = store.by_accession(conn, owner, content.accession, site)
    before = known[0] if known else None
    heard = before.said if before else {}
    content, source = plausible(before, content)
    whole = merged(before.content, content, heard) if before else content
    derived = {} if before and is_old(content, heard) else _derive(content, before, source)
    line = store.procedure(conn, owner, site, whole.procedure_code)
    if line or before is None:
        derived |= typed(line, _age(conn, patient, whole.ordered_at or at))
    derived["said"] = heard_now(content, heard)
    order = store.save(conn, owner, site, patient, whole, derived, at)
    events.publish(conn, OrderChanged(owner, order.id, at))
    return order


def place_prior(
    conn: Connection, owner: GroupId, site: SiteId, patient: PatientId,
    content: OrderContent, at: datetime,
) -> Order:  # fmt: skip
    """Keep the order of an earlier report; one that is known stays as it is.

    Nothing is published: an earlier exam is no work, and it counts in no measure.
    """
    store.lock_accession(conn, owner, content.accession)
    if known := store.by_accession(conn, owner, content.accession, site):
        return known[0]
    line = store.procedure(conn, owner, site, content.procedure_code)
    derived = typed(line, _age(conn, patient, content.exam_complete_at or at))
    derived |= {"said": {}, "clock_source": BACKLOADED}
    return store.save(
        conn, owner, site, patient, replace(content, status=REPORTED), derived, at
    )


def typed(line: Procedure | None, age: int | None) -> dict[str, Any]:
    """What a line of the map says of an exam; nothing is guessed where there is no line."""
    if line is None:
        return {"mapped": False}
    return {
        "mapped": True, "modality": line.modality, "body_region": line.body_region,
        "subspecialty": line.subspecialty_of(age), "contrast": line.contrast,
        "advanced": line.advanced, "minutes": line.minutes, "wrvu": line.wrvu,
        "certificates": list(line.certificates),
    }  # fmt: skip


def _age(conn: Connection, patient: PatientId, at: datetime) -> int | None:
    """The patient's age in whole years; None where the birth date is not known."""
    known = patients.get_many(conn, [patient])
    born = known[0].demographics.birth_date if known else None
    return years_between(born, at.date()) if born else None


def _derive(content: OrderContent, before: Order | None, source: str) -> dict[str, Any]:
    words = (content.procedure_text, content.clinical_question)
    asked = content.requested_priority or content.patient_class
    derived: dict[str, Any] = {}
    if before is None or asked:
        derived["priority"] = priority_of(
            content.requested_priority, content.patient_class, *words
        )
    if content.exam_complete_at or content.status == COMPLETE:
        derived["clock_source"] = source
    return derived


def note_time(
    conn: Connection, order: Order, what: str, said: datetime, heard: datetime
) -> None:
    """Keep what time a site told of a step, and when we heard of it; the first word stays."""
    store.add_time(conn, order, ToldTime(order.id, what, said, heard))


def told_times(
    conn: Connection, site: SiteId, since: datetime, until: datetime
) -> list[ToldTime]:
    """What a site told of steps that we heard of in a period."""
    return store.times_of(conn, site, since, until)


def of_site(
    conn: Connection, site: SiteId, since: datetime, until: datetime, limit: int
) -> list[Order]:
    """A site's orders of exams of a period, newest first: complete then, else ordered then."""
    return store.of_site(conn, site, since, until, limit)


def get(conn: Connection, order_id: OrderId) -> Order:
    """One order; NotFound, also when it is another group's."""
    found = store.get(conn, [order_id])
    if not found:
        raise NotFound("no such order")
    return found[0]


def get_many(conn: Connection, ids: Sequence[OrderId]) -> list[Order]:
    """Orders by id, those the caller may see."""
    return store.get(conn, ids)


def match(
    conn: Connection, owner: GroupId, site: SiteId | None, accession: str, study_uid: str
) -> list[Order]:
    """The orders that a study answers: by its UID first, else by its accession number.

    With the site unknown, an accession number that two sites use matches neither.
    """
    by_uid = store.by_study_uid(conn, owner, study_uid) if study_uid else []
    if by_uid or not accession.strip():
        return by_uid
    found = store.by_accession(conn, owner, accession, site)
    return found if len({order.site for order in found}) <= 1 else []


def mark(conn: Connection, ids: Sequence[OrderId], status: str, at: datetime) -> None:
    """Set the status of orders, when their report is signed or taken back."""
    store.set_values(conn, ids, {"status": status, "updated_at": at})


def note_performed(
    conn: Connection, order: Order, values: Mapping[str, Any], at: datetime
) -> None:
    """Take in what the performed steps of an order's exam make of it."""
    store.set_values(conn, [order.id], {**values, "updated_at": at})
    events.publish(conn, OrderChanged(order.owner_group, order.id, at))


def keep_study_uid(conn: Connection, order_id: OrderId, study_uid: str) -> None:
    """Keep the UID under which an order's images will come, where it names none yet."""
    store.keep_study_uid(conn, order_id, study_uid)


def search(
    conn: Connection, limit: int, offset: int = 0, *, accession: str = "",
    patients: Sequence[PatientId] = (), status: str = "", ids: Sequence[OrderId] = (),
    owners: Sequence[GroupId] = (), sites: Sequence[SiteId] = (),
) -> list[Order]:  # fmt: skip
    """Search orders, newest first; every condition given must hold."""
    given = [
        orders.c.accession == accession if accession else None,
        orders.c.patient_id.in_(patients) if patients else None,
        orders.c.status == status if status else None,
        orders.c.id.in_(ids) if ids else None,
        orders.c.owner_group.in_(owners) if owners else None,
        orders.c.site_id.in_(sites) if sites else None,
    ]
    return store.search(conn, [one for one in given if one is not None], limit, offset)


def page(
    conn: Connection, sought: OrdersSought, limit: int, after: Place | None = None
) -> list[Order]:
    """Orders that fit, last changed first, from behind `after` on."""
    return store.page(conn, sought, limit, after)


def patients_at(
    conn: Connection, site: SiteId, patients: Sequence[PatientId]
) -> set[PatientId]:
    """Which of these patients have an order at a site."""
    return store.patients_at(conn, site, patients)


def map_procedures(conn: Connection, lines: Sequence[Procedure]) -> None:
    """Add or replace lines of a site's procedure map."""
    store.save_procedures(conn, lines)


def procedures(conn: Connection, owner: GroupId) -> list[Procedure]:
    """A group's procedure maps, by site and code."""
    return store.all_procedures(conn, owner)


def procedure(conn: Connection, owner: GroupId, site: SiteId, code: str) -> Procedure | None:
    """What a site's code means; None when its map lacks it."""
    return store.procedure(conn, owner, site, code)


def unmapped(conn: Connection, owner: GroupId) -> list[Unmapped]:
    """The codes of open orders that a group's maps lack, most frequent first."""
    return store.unmapped(conn, owner)


def give_meaning(conn: Connection, line: Procedure, at: datetime) -> int:
    """Map a code and type the open orders that wait for it; publishes OrderChanged for each.

    Returns how many there were; an order that was typed before keeps its type.
    """
    store.save_procedures(conn, [line])
    return _retype(conn, [line], at, new=True)


def change_map(conn: Connection, lines: Sequence[Procedure], at: datetime) -> int:
    """Add or replace lines and type the open orders of their codes again; return how many.

    What was reported keeps the type that it was read under.
    """
    store.save_procedures(conn, lines)
    return _retype(conn, lines, at, new=False)


def forget(conn: Connection, owner: GroupId, site: SiteId, code: str) -> None:
    """Remove a line of a site's map; orders keep their type. NotFound when it is not there."""
    if not store.remove_procedure(conn, owner, site, code):
        raise NotFound("this code is not in the site's map any more; reload the list")


def _retype(conn: Connection, lines: Sequence[Procedure], at: datetime, *, new: bool) -> int:
    changed = 0
    for line in lines:
        waiting = store.open_of_code(conn, line, unmapped_only=new)
        for order, whose, ordered in waiting:
            said = typed(line, _age(conn, whose, ordered or at))
            store.set_values(conn, [order], said | {"updated_at": at})
            events.publish(conn, OrderChanged(line.owner_group, order, at))
        changed += len(waiting)
    return changed


def coverage(conn: Connection, owner: GroupId, since: datetime) -> list[Coverage]:
    """How much of each site's orders since then its map types."""
    return store.coverage(conn, owner, since)
