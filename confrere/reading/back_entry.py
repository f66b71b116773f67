"""Enter what was read at a gateway in downtime: with its true times, and never over another's read.

The caller owns the transaction. What cannot be entered is kept as it came, for a person.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Connection

from confrere.imaging import service as imaging
from confrere.imaging.model import Study
from confrere.jobs import events
from confrere.kernel.errors import Conflict, Invalid, NotFound
from confrere.kernel.ids import GroupId, ItemId, SiteId
from confrere.network import service as network
from confrere.network.gateways import Gateway
from confrere.network.model import Directory
from confrere.orders import service as orders
from confrere.reading import service, store, store_downtime
from confrere.reading.downtime import (
    ASIDE,
    CONFLICT,
    ENTERED,
    OPEN,
    WAITING,
    DowntimeRead,
    Met,
    Signed,
    meet,
)
from confrere.reading.model import DRAFT, FINAL, PRELIMINARY, ReportSigned
from confrere.reading.tables import downtime_reads, reports
from confrere.reading.text import clean, render, require_signable
from confrere.worklist import downtime as exams
from confrere.worklist import service as worklist
from confrere.worklist.downtime import Times
from confrere.worklist.model import READ, Item

LEASE = timedelta(minutes=30)  # the reader of a preliminary goes on with it so long
MOST_LISTED = 500


def receive(
    conn: Connection, gateway: Gateway, came: Signed, now: datetime
) -> DowntimeRead:  # fmt: skip
    """Keep a signature of a gateway, once, and enter it where nothing stands in the way.

    Invalid when it says nothing, or its signer is not one of the gateway's group.
    """
    text = clean(dict(came.sections))
    require_signable(text)
    if came.kind not in (PRELIMINARY, FINAL):
        raise Invalid("a read is preliminary or final", "kind")
    if came.opened_at > came.signed_at:
        raise Invalid(
            "a read is signed after it was opened: set the gateway's clock", "signed_at"
        )
    reader = network.reader(conn, came.signer, now)
    if reader.group != gateway.owner_group:
        raise Invalid("the signer is not a reader of this gateway's group", "signer")
    kept = store_downtime.add(conn, {
        "owner_group": gateway.owner_group, "gateway_id": gateway.id,
        "gateway_name": gateway.name, "site_id": gateway.site, "read_key": came.key,
        "kind": came.kind, "sections": text, "signer_id": reader.id,
        "signer_name": reader.name, "opened_at": came.opened_at, "signed_at": came.signed_at,
        "images_at": came.images_at, "image_count": came.image_count,
        "study_uid": came.study_uid, "accession": came.accession, "mrn": came.mrn,
        "patient_name": came.patient_name, "description": came.description,
        "taken_over": came.taken_over, "state": WAITING, "received_at": now,
    })  # fmt: skip
    if kept is None:
        known = store_downtime.known(conn, gateway.id, came.key)
        if known is None:
            raise NotFound("no such read")
        return known
    found, _ = exam_of(conn, kept.owner_group, kept.site, came.study_uid, came.accession)
    return _settle(conn, kept, found, now)


def exam_of(
    conn: Connection, owner: GroupId, site: SiteId, study_uid: str, accession: str
) -> tuple[list[Item], Study | None]:
    """The items of a study or accession number at a site, and the study where it is here."""
    study = imaging.of_uid(conn, owner, study_uid) if study_uid else None
    tied = imaging.orders_of(conn, study.id) if study else []
    found = [one.id for one in orders.match(conn, owner, site, accession, study_uid)]
    wanted = list(dict.fromkeys([*tied, *found]))
    return worklist.of_exam(conn, owner, study.id if study else None, wanted), study


def arrived(conn: Connection, item: Item | None, study: Study | None, now: datetime) -> None:
    """An exam came to be known, or its images did: enter what was read of it in downtime."""
    if item is None and study is None:
        return
    owner = item.owner_group if item else study.owner_group  # type: ignore[union-attr]
    uid = study.study_uid if study else ""
    numbers = list(item.accessions) if item else []
    numbers += [study.accession] if study and study.accession else []
    for one in store_downtime.of_exam(conn, owner, uid, numbers, (WAITING, ENTERED)):
        if one.state == WAITING:
            found, _ = exam_of(conn, owner, one.site, one.what.study_uid, one.what.accession)
            _settle(conn, one, found, now)
        elif study and study.study_uid == one.what.study_uid and one.item and one.report:
            exams.attach(conn, one.item, study.id, study.instance_count)
            when = reports.c.study_id.is_(None)
            store.change(conn, one.report, {"study_id": study.id}, when)


def saw_all(conn: Connection, study: Study) -> bool:
    """Say whether a downtime read was made with as many images as are here: none came late."""
    entered = store_downtime.of_exam(conn, study.owner_group, study.study_uid, [], (ENTERED,))
    return any(one.what.image_count >= study.instance_count for one in entered)


def _settle(
    conn: Connection, read: DowntimeRead, found: Sequence[Item], now: datetime
) -> DowntimeRead:
    directory = network.directory(conn, now)
    names = {key: one.name for key, one in directory.readers.items()}
    met = meet(read, found, names, now)
    if met.state == ENTERED and met.item:
        met = _judged(conn, read, met.item, directory)
    if met.state == ENTERED and met.item:
        return _enter(conn, read, met.item, directory, now)
    if met.state == CONFLICT and met.item and met.item.finished_at is None:
        exams.mark(conn, met.item, now, on=True)
    return _change(conn, read, {
        "state": met.state, "why": met.why, "item_id": met.item.id if met.item else None,
    })  # fmt: skip


def _judged(conn: Connection, read: DowntimeRead, item: Item, directory: Directory) -> Met:
    """Look at the draft and the rules too, which are not the item's own."""
    reader = directory.readers[read.what.signer]
    begun = service.of_item(conn, item.id)
    has_draft = begun is not None and begun.state == DRAFT and any(begun.draft.values())
    if begun and has_draft and begun.author not in (None, reader.id):
        return Met(CONFLICT, f"{begun.author_name} has begun a report at the centre", item)
    against = exams.judge(conn, item, reader, directory, _times(read), read.what.kind)
    if against:
        return Met(CONFLICT, "; ".join(against), item)
    return Met(ENTERED, "", item)


def _enter(
    conn: Connection, read: DowntimeRead, item: Item, directory: Directory, now: datetime
) -> DowntimeRead:
    """Make it a signed version of the exam's report; publishes ReportSigned."""
    what, reader = read.what, directory.readers[read.what.signer]
    text, site = dict(what.sections), directory.sites[item.site]
    report = service.open_report(conn, item, reader, what.opened_at)
    is_final = what.kind == FINAL
    head = {
        "state": what.kind, "version": reports.c.version + 1, "updated_at": now,
        "author_id": reader.id, "author_name": reader.name, "reader_group": reader.group,
        "order_ids": list(item.orders), "study_id": item.study, "patient_id": item.patient,
        "exam_at": item.clock_at or what.images_at,
    } | ({"final_at": what.signed_at} if is_final else {})  # fmt: skip
    if not any(report.draft.values()):  # what was begun here stays kept with the exam
        head["draft"] = text
    changed = store.change(conn, report.id, head, reports.c.state != FINAL)
    if changed is None:
        raise Conflict("this exam has a signed report: write an addendum to it")
    made = store.add_version(conn, changed, {
        "kind": what.kind, "sections": text, "text": render(text), "signer_id": reader.id,
        "signer_name": reader.name, "signed_at": what.signed_at,
        "provenance": read.provenance,
    })  # fmt: skip
    if is_final:
        exams.finish(conn, item, reader, site, _times(read), now)
    else:
        exams.note_preliminary(conn, item, reader, site, _times(read), now, LEASE)
    events.publish(
        conn, ReportSigned(report.owner_group, report.id, made.number, what.kind, now)
    )
    return _change(conn, read, {
        "state": ENTERED, "why": "", "item_id": item.id, "report_id": report.id,
    })  # fmt: skip


def listed(conn: Connection, owner: GroupId, states: Sequence[str]) -> list[DowntimeRead]:
    """A group's downtime reads in these states, newest first."""
    return store_downtime.listed(conn, owner, states, MOST_LISTED)


def counts(conn: Connection, owner: GroupId) -> dict[str, int]:
    """How many of a group's downtime reads are in each state."""
    return store_downtime.counts(conn, owner)


def get(conn: Connection, key: UUID) -> DowntimeRead:
    """One; NotFound."""
    found = store_downtime.get(conn, key)
    if found is None:
        raise NotFound("no such downtime read")
    return found


def likely(conn: Connection, read: DowntimeRead, accession: str = "") -> list[Item]:
    """The exams that a read may belong to: its own, or those of the number that was typed."""
    if accession:
        found, _ = exam_of(conn, read.owner_group, read.site, "", accession)
    elif read.item is not None:
        found = worklist.get_many(conn, [read.item])
    else:
        what = read.what
        found, _ = exam_of(conn, read.owner_group, read.site, what.study_uid, what.accession)
    return [one for one in found if one.kind == READ and one.owner_group == read.owner_group]


def chosen(conn: Connection, read: DowntimeRead, key: UUID) -> Item:
    """The exam that a person chose for a read; NotFound when it is not of the gateway's site."""
    item = worklist.get(conn, ItemId(key))
    if item.owner_group != read.owner_group or item.site != read.site:
        raise NotFound("no such exam at the gateway's site")
    return item


def enter_by_hand(
    conn: Connection, key: UUID, item: Item, words: str, by: str, now: datetime
) -> DowntimeRead:
    """Enter a read that a person matched, or took in before another's hold; `words` say why.

    Conflict when the exam has a final report: that stands, and the read can be set aside or
    become an addendum. The exam is taken from whoever holds it; their draft stays kept.
    """
    read = _locked(conn, key)
    if item.finished_at is not None:
        raise Conflict(
            "this exam has a signed report: it stands. Write an addendum to it, or set the "
            "downtime read aside"
        )
    directory = network.directory(conn, now)
    reader = directory.readers[read.what.signer]
    exams.judge(conn, item, reader, directory, _times(read), read.what.kind)
    entered = _enter(conn, read, item, directory, now)
    return _change(conn, entered, {
        "settled_at": now, "settled_by": by, "resolution": words,
    })  # fmt: skip


def set_aside(conn: Connection, key: UUID, words: str, by: str, now: datetime) -> DowntimeRead:
    """Close a read that is not entered, in words; its text stays kept."""
    read = _locked(conn, key)
    for item in worklist.get_many(conn, [read.item] if read.item else []):
        exams.mark(conn, item, now, on=False)
    return _change(conn, read, {
        "state": ASIDE, "settled_at": now, "settled_by": by, "resolution": words,
    })  # fmt: skip


def reopen(conn: Connection, key: UUID, now: datetime) -> DowntimeRead:
    """Take a read that was set aside up again: it is matched anew."""
    read = get(conn, key)
    if read.state != ASIDE:
        raise Conflict("only what was set aside can be taken up again")
    found = likely(conn, read)
    again = _change(conn, read, {
        "state": WAITING, "settled_at": None, "settled_by": "", "resolution": "",
    })  # fmt: skip
    return _settle(conn, again, found, now)


def _locked(conn: Connection, key: UUID) -> DowntimeRead:
    read = store_downtime.get(conn, key, lock=True)
    if read is None:
        raise NotFound("no such downtime read")
    if read.state not in OPEN:
        raise Conflict(f"this read is {read.state} already: reload the page")
    return read


def _change(conn: Connection, read: DowntimeRead, values: dict[str, object]) -> DowntimeRead:
    changed = store_downtime.change(conn, read.id, values, downtime_reads.c.state == read.state)
    if changed is None:
        raise Conflict("another change to this read is under way: reload the page")
    return changed


def _times(read: DowntimeRead) -> Times:
    return Times(read.what.opened_at, read.what.signed_at, read.what.images_at)
