"""Make worklist items from what arrives, and finish them. The caller owns the transaction."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection

from confrere.imaging.model import Study
from confrere.jobs import events
from confrere.kernel.errors import NotFound
from confrere.kernel.ids import GroupId, ItemId, OrderId, PatientId, ReaderId, StudyId
from confrere.network import service as network
from confrere.network.model import Directory, Site
from confrere.orders.model import CANCELLED, COMPLETE, REPORTED, Order
from confrere.patients.model import Patient
from confrere.worklist import store, store_choices
from confrere.worklist.case import case_in
from confrere.worklist.eligibility import eligibility
from confrere.worklist.exam import compose
from confrere.worklist.model import (
    ADDENDUM,
    ASSIGNED,
    ATTESTED,
    DOWNTIME,
    LATE,
    NOBODY,
    OFF_DUTY,
    READ,
    SILENT,
    Item,
    ItemFinished,
    Proof,
    State,
    Verdict,
    shared_objects,
)
from confrere.worklist.outside import keep_apart
from confrere.worklist.tables import items
from confrere.worklist.taking import Chose, Offers

# what a person or the dispatcher said of an exam, which its sources do not know
KEPT_FLAGS = (NOBODY, OFF_DUTY, ATTESTED, ASSIGNED, SILENT, DOWNTIME)


def refresh(
    conn: Connection,
    owner: GroupId,
    site: Site,
    study: Study | None,
    orders: Sequence[Order],
    patient: Patient | None,
    now: datetime,
    *,
    new_images: bool = False,
) -> Item | None:
    """Bring the item of an exam up to date; make it when the exam is there to be read.

    An order alone makes an item only when its exam is complete. Images that come after a
    signature make an addendum task for the signer; they never reopen a signed report.
    """
    for name in sorted([str(o.id) for o in orders] + ([str(study.id)] if study else [])):
        store.lock_exam(conn, owner, name)
    known = store.of_exam(conn, owner, study.id if study else None, [o.id for o in orders])
    values = compose(study, orders, patient, site)
    unfinished = [one for one in known if one.finished_at is None]
    if orders and all(o.content.status == CANCELLED for o in orders):
        return _cancel(conn, unfinished, now)
    if unfinished:
        main, spare = _one_of(unfinished)
        _cancel(conn, spare, now)
        if study and main.study not in (None, study.id):
            values = _together(main, values, study)
        study_id = main.study or (study.id if study else None)
        kept = [f for f in main.flags if f in KEPT_FLAGS]
        values["flags"] = [*values["flags"], *kept]
        changed = store.change(
            conn, main.id, values | {"study_id": study_id, "updated_at": now}
        )
        if changed:
            _extend_share(conn, changed, study, now)
            return keep_apart(conn, changed, site, now)
        return changed
    if known:
        return _late(conn, known[0], values, study, now) if new_images else None
    if not _is_to_be_read(study, orders):
        return None
    made = values | {
        "owner_group": owner, "site_id": site.id, "study_id": study.id if study else None,
        "kind": READ, "state": State.WAITING, "created_at": now, "updated_at": now,
        "shadow": site.is_shadow,
    }  # fmt: skip
    return keep_apart(conn, store.add(conn, made), site, now)


def _is_to_be_read(study: Study | None, orders: Sequence[Order]) -> bool:
    """Say whether an exam that is new here waits for a report."""
    if orders and all(o.content.status in (REPORTED, CANCELLED) for o in orders):
        return False  # its report came before its images
    return study is not None or any(o.content.status == COMPLETE for o in orders)


def _extend_share(conn: Connection, item: Item, study: Study | None, now: datetime) -> None:
    """What came after the offer is open to the group that reads, too."""
    to = item.held_group or item.offered_group
    if to and to != item.owner_group:
        more = [("study", study.id)] if study else []
        network.share(conn, item.owner_group, to, [*shared_objects(item), *more], "offer", now)


def _one_of(unfinished: Sequence[Item]) -> tuple[Item, list[Item]]:
    """Choose the item that goes on when images and order had one each; the rest is spare."""
    main = min(unfinished, key=lambda i: (i.held_by is None, i.study is None, i.created_at))
    spare = [
        one
        for one in unfinished
        if one.id != main.id and one.kind == main.kind == READ and one.held_by is None
    ]
    return main, spare


def _cancel(conn: Connection, unfinished: Sequence[Item], now: datetime) -> Item | None:
    changed = None
    for one in unfinished:
        values = {"state": State.CANCELLED, "finished_at": now, "updated_at": now}
        changed = store.change(conn, one.id, values)
    return changed


def _together(item: Item, values: dict[str, object], study: Study) -> dict[str, object]:
    """A second study of the same order: its images count too, the first stays the main one."""
    counted = max(item.image_count, study.instance_count)
    return {
        n: v for n, v in values.items() if n not in ("clock_at", "clock_source", "due_at")
    } | {"image_count": counted}


def _late(
    conn: Connection, done: Item, values: dict[str, object], study: Study | None, now: datetime
) -> Item | None:
    if done.state is not State.FINAL:
        return None  # cancelled, or reported elsewhere: nobody here has anything to add
    made = values | {
        "owner_group": done.owner_group, "site_id": done.site,
        "study_id": study.id if study else done.study, "kind": ADDENDUM,
        "flags": [LATE], "images_complete": True, "clock_at": now,
        "clock_source": "late images", "state": State.OFFERED if done.finished_by else State.WAITING,
        "offered_to": done.finished_by, "offered_group": done.finished_group, "offered_at": now,
        "offer_reason": "images came after you signed", "created_at": now, "updated_at": now,
    }  # fmt: skip
    task = store.add(conn, made)
    _extend_share(conn, task, study, now)
    return task


def get(conn: Connection, item_id: ItemId) -> Item:
    """One item; NotFound, also when it is another group's."""
    found = store.get(conn, [item_id])
    if not found:
        raise NotFound("no such item on your worklist")
    return found[0]


def get_open(conn: Connection, ids: Sequence[ItemId]) -> list[Item]:
    """Those of these items that are open and that the caller may see."""
    return [one for one in store.get(conn, ids) if one.finished_at is None]


def get_many(conn: Connection, ids: Sequence[ItemId]) -> list[Item]:
    """Items by id, those that the caller may see."""
    return store.get(conn, ids)


def of_exam(
    conn: Connection, owner: GroupId, study: StudyId | None, orders: Sequence[OrderId]
) -> list[Item]:
    """Items of a study or of any of these orders, open ones first."""
    return store.of_exam(conn, owner, study, orders)


def open_items(conn: Connection, limit: int = 2000) -> list[Item]:
    """All open items that the caller's groups may see, by due time."""
    return store.open_items(conn, limit=limit)


def open_of_patients(conn: Connection, patients: Sequence[PatientId]) -> list[Item]:
    """Open items of these identities."""
    return store.open_items(conn, items.c.patient_id.in_(patients))


def finished_since(conn: Connection, reader: ReaderId, at: datetime) -> list[Item]:
    """What a reader finished since `at`, newest first."""
    return store.finished_since(conn, reader, at)


def finished(conn: Connection, limit: int = 200) -> list[Item]:
    """Finished items that the caller may see, newest first."""
    return store.finished_items(conn, items.c.synthetic.is_(False), limit=limit)


def finished_after(conn: Connection, at: datetime) -> list[Item]:
    """What anybody finished since `at`, as far as the caller may see it."""
    return store.finished_after(conn, at)


def last_rings(conn: Connection) -> dict[ItemId, tuple[ReaderId, int]]:
    """The reader and ring of the last decision about each open item."""
    return store.last_rings(conn)


def decliners(conn: Connection) -> dict[ItemId, frozenset[ReaderId]]:
    """Who of the caller's groups declined which open item."""
    return store.decliners(conn)


def offers_between(
    conn: Connection, mine: GroupId, since: datetime, until: datetime
) -> dict[tuple[GroupId, GroupId], Offers]:
    """Count what was offered to and claimed by other groups' readers, by owner and reader's group."""
    return store_choices.offers_between(conn, mine, since, until)


def declined_by(
    conn: Connection, mine: GroupId, since: datetime, until: datetime
) -> dict[GroupId, int]:
    """Count what a group's own readers declined of other groups' exams, by owner."""
    return store_choices.declined_by(conn, mine, since, until)


def chosen(
    conn: Connection, group: GroupId, since: datetime, until: datetime
) -> dict[ReaderId, Chose]:
    """What each of a group's readers was offered, took and declined in a period."""
    return store_choices.chosen(conn, group, since, until)


def finish(
    conn: Connection, item: Item, how: State, reader: ReaderId | None,
    group: GroupId | None, now: datetime,
) -> Item | None:  # fmt: skip
    """Close an item once; publishes ItemFinished. None when it was closed already."""
    done = store.change(
        conn, item.id, {
            "state": how, "finished_at": now, "finished_by": reader, "finished_group": group,
            "held_by": None, "hold_token": None, "lease_until": None, "updated_at": now,
        },
        items.c.finished_at.is_(None),
    )  # fmt: skip
    if done:
        events.publish(conn, ItemFinished(done.owner_group, done.id, how.value, now))
    return done


def note_preliminary(conn: Connection, item: Item, now: datetime) -> None:
    """Mark that a preliminary report is out; the item stays with its holder."""
    values = {"state": State.PRELIMINARY, "updated_at": now}
    if item.preliminary_at is None:
        values["preliminary_at"] = now
    store.change(conn, item.id, values)


def set_prior_count(conn: Connection, item: ItemId, count: int) -> None:
    """Show how many priors stand beside an exam."""
    store.change(conn, item, {"prior_count": count}, items.c.prior_count != count)


def proofs_of(conn: Connection, item: ItemId) -> list[Proof]:
    """The proofs kept for an item, oldest first."""
    return store.proofs_of(conn, item)


def why_offered(conn: Connection, item: ItemId) -> str:
    """Why an exam was offered as it was last, in one sentence; empty where nothing is kept."""
    return store.last_sentence(conn, item)


def verdicts(item: Item, directory: Directory, at: datetime) -> dict[UUID, tuple[Verdict, ...]]:
    """Judge every reader on an exam now: "why me", "why not me", "why nobody"."""
    return {
        one.id: eligibility(case_in(directory, item, one, at))
        for one in directory.readers.values()
    }


def why(
    conn: Connection, item: Item, reader: ReaderId, at: datetime
) -> tuple[tuple[Verdict, ...], Proof | None]:
    """Why a reader might, or might not, read an exam at an instant of the past or now.

    The verdicts are judged again from what was on record then; beside them the last proof
    that was kept up to then, which holds what was seen.
    """
    directory = network.directory(conn, at)
    known = directory.readers.get(reader)
    if known is None:
        raise NotFound("no such reader")
    kept = [one for one in store.proofs_of(conn, item.id) if one.reader == reader]
    last = next((one for one in reversed(kept) if one.at <= at), None)
    return eligibility(case_in(directory, item, known, at)), last
