"""SQL of credentials and what belongs to them, in and out."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import insert

from confrere.kernel.ids import GroupId, PatientId, ReaderId, SiteId
from confrere.network import tables as t
from confrere.network.credentials import Exclusion, ReadingPlace
from confrere.network.facts import ends_on, kind_of, restored, written
from confrere.network.kinds import KINDS, Fact
from confrere.network.records import Credential, Document, Recorded, Reminder
from confrere.network.rules import Rule

CHUNK = 5000


def known_at(table: sa.Table, at: datetime) -> sa.ColumnElement[bool]:
    """Rows that were on record at an instant."""
    c = table.c
    return sa.and_(
        sa.or_(c.recorded_at.is_(None), c.recorded_at <= at),
        sa.or_(c.ended_at.is_(None), c.ended_at > at),
    )


def facts(
    conn: Connection, at: datetime, readers: Sequence[UUID] | None = None
) -> dict[UUID, dict[str, list[Fact]]]:
    """What was on record at `at`, by reader or site and kind; of all, or of these readers."""
    c = t.credentials.c
    query = sa.select(c.kind, c.reader_id, c.site_id, c.details).where(
        known_at(t.credentials, at)
    )
    if readers is not None:
        query = query.where(c.reader_id.in_(readers))
    found: dict[UUID, dict[str, list[Fact]]] = defaultdict(lambda: defaultdict(list))
    for kind, reader, site, details in conn.execute(query.order_by(c.recorded_at, c.id)):
        fact = restored(KINDS[kind], details, site)
        found[reader or site][kind].append(fact)
    return found


def places(
    conn: Connection, at: datetime, readers: Sequence[UUID] | None = None
) -> dict[UUID, list[ReadingPlace]]:
    """Where readers attested to sit, from `at` on."""
    c = t.places.c
    known = sa.or_(c.recorded_at.is_(None), c.recorded_at <= at)
    query = sa.select(t.places).where(c.ends_at > at, known)
    if readers is not None:
        query = query.where(c.reader_id.in_(readers))
    found: dict[UUID, list[ReadingPlace]] = defaultdict(list)
    for r in conn.execute(query):
        found[r.reader_id].append(ReadingPlace(r.country, r.state, r.starts_at, r.ends_at))
    return found


def add_place(
    conn: Connection, reader: ReaderId, place: ReadingPlace, at: datetime | None
) -> None:
    """Keep an attestation."""
    values = {
        "reader_id": reader, "country": place.country, "state": place.state,
        "starts_at": place.starts_at, "ends_at": place.ends_at, "recorded_at": at,
    }  # fmt: skip
    conn.execute(sa.insert(t.places).values(values))


def credentials(
    conn: Connection, *when: sa.ColumnElement[bool], limit: int | None = None
) -> list[Credential]:
    """Credentials with how they were recorded, what ends first at the top."""
    c = t.credentials.c
    query = sa.select(t.credentials).where(*when).order_by(c.ends_on.nulls_last(), c.id)
    return [_credential(r) for r in conn.execute(query.limit(limit))]


def of_subject(
    conn: Connection, reader: ReaderId | None, site: SiteId | None, *, ended: bool
) -> list[Credential]:
    """Credentials of a reader, or of a site itself; the ended ones on request."""
    c = t.credentials.c
    whose = (
        c.reader_id == reader if reader else sa.and_(c.reader_id.is_(None), c.site_id == site)
    )
    return credentials(conn, whose, *([] if ended else [c.ended_at.is_(None)]))


def ending(conn: Connection, last: date, groups: Sequence[GroupId] | None) -> list[Credential]:
    """Credentials whose last day is `last` or earlier, of some groups or of all.

    What has been renewed already is left out.
    """
    c, later = t.credentials.c, t.credentials.alias().c
    renewed = sa.exists().where(later.replaces == c.id, later.ended_at.is_(None))
    when = [c.ended_at.is_(None), c.ends_on <= last, ~renewed]
    if groups is not None:
        readers = sa.select(t.readers.c.id).where(t.readers.c.group_id.in_(groups))
        sites = sa.select(t.sites.c.id).where(t.sites.c.owner_group.in_(groups))
        when.append(
            sa.or_(
                c.reader_id.in_(readers), sa.and_(c.reader_id.is_(None), c.site_id.in_(sites))
            )
        )
    return credentials(conn, *when)


def get(conn: Connection, credential: UUID) -> Credential | None:
    """One credential."""
    found = credentials(conn, t.credentials.c.id == credential)
    return found[0] if found else None


def add(
    conn: Connection, made: Iterable[tuple[ReaderId | None, SiteId | None, Fact, UUID | None]],
    recorded: Recorded,
) -> list[UUID]:  # fmt: skip
    """Record facts: (reader, site, fact, what it replaces); return their ids in order."""
    rows = [
        {
            "kind": kind_of(fact).code, "reader_id": reader,
            "site_id": getattr(fact, "site", site), "details": written(fact),
            "ends_on": ends_on(fact), "recorded_at": recorded.at, "recorded_by": recorded.by,
            "replaces": replaces,
        }
        for reader, site, fact, replaces in made
    ]  # fmt: skip
    ids: list[UUID] = []
    done = sa.insert(t.credentials).returning(t.credentials.c.id, sort_by_parameter_order=True)
    for start in range(0, len(rows), CHUNK):
        ids += conn.execute(done, rows[start : start + CHUNK]).scalars()
    return ids


def end(conn: Connection, ids: Sequence[UUID], because: str, at: datetime) -> list[UUID]:
    """End credentials that are on record; return those that this call ended."""
    c = t.credentials.c
    done = (
        sa.update(t.credentials)
        .where(c.id.in_(ids), c.ended_at.is_(None))
        .values(ended_at=at, ended_because=because)
        .returning(c.id)
    )
    return list(conn.execute(done).scalars())


def exclusions(conn: Connection, at: datetime) -> list[Exclusion]:
    """Who may not read for whom, as far as this connection may see it."""
    query = sa.select(t.exclusions).where(known_at(t.exclusions, at))
    return [_exclusion(r) for r in conn.execute(query)]


def standing_exclusions(
    conn: Connection, reader: ReaderId | None = None
) -> list[tuple[UUID, Exclusion]]:
    """The exclusions that stand, with their ids: of one reader, or all that may be seen."""
    c = t.exclusions.c
    query = sa.select(t.exclusions).where(c.ended_at.is_(None))
    if reader is not None:
        query = query.where(c.reader_id == reader)
    return [(r.id, _exclusion(r)) for r in conn.execute(query.order_by(c.recorded_at, c.id))]


def add_exclusion(
    conn: Connection, owner: GroupId, group: GroupId, made: Exclusion, recorded: Recorded
) -> UUID:
    """Keep an exclusion."""
    values = {
        "owner_group": owner, "reader_group": group, "reader_id": made.reader,
        "patient_id": made.patient, "site_id": made.site, "kind": made.kind,
        "valid_from": made.valid_from, "valid_to": made.valid_to,
        "recorded_at": recorded.at, "recorded_by": recorded.by,
    }  # fmt: skip
    done = sa.insert(t.exclusions).values(values).returning(t.exclusions.c.id)
    made_id: UUID = conn.execute(done).scalar_one()
    return made_id


def end_exclusion(conn: Connection, exclusion: UUID, at: datetime) -> bool:
    """Withdraw an exclusion; say whether it stood and was the caller's."""
    c = t.exclusions.c
    done = sa.update(t.exclusions).where(c.id == exclusion, c.ended_at.is_(None))
    return conn.execute(done.values(ended_at=at).returning(c.id)).first() is not None


def changed_rules(conn: Connection, at: datetime) -> list[Rule]:
    """What the rules' owners had changed at an instant."""
    return [
        Rule(r.code, r.title, r.kind, r.cites, r.owner, r.effective_from, r.effective_to)
        for r in conn.execute(sa.select(t.rules).where(known_at(t.rules, at)))
    ]


def change_rule(conn: Connection, rule: Rule, recorded: Recorded) -> None:
    """Keep a rule as it is from now on; the version before it is ended."""
    c = t.rules.c
    conn.execute(
        sa.update(t.rules)
        .where(c.code == rule.code, c.ended_at.is_(None))
        .values(ended_at=recorded.at)
    )
    values = {
        "code": rule.code, "title": rule.title, "kind": rule.kind, "cites": rule.cites,
        "owner": rule.owner, "effective_from": rule.effective_from,
        "effective_to": rule.effective_to, "recorded_at": recorded.at,
        "recorded_by": recorded.by,
    }  # fmt: skip
    conn.execute(sa.insert(t.rules).values(values))


def version(conn: Connection) -> int:
    """How often facts have changed."""
    number: int = conn.execute(sa.select(t.facts_version.c.number)).scalar_one()
    return number


def add_document(conn: Connection, values: Mapping[str, Any]) -> UUID:
    """Keep what is known of a document whose bytes are stored."""
    done = sa.insert(t.documents).values(dict(values)).returning(t.documents.c.id)
    made: UUID = conn.execute(done).scalar_one()
    return made


def documents(conn: Connection, reader: ReaderId) -> list[Document]:
    """The documents of a reader, newest first."""
    c = t.documents.c
    query = sa.select(t.documents).where(c.reader_id == reader)
    return [_document(r) for r in conn.execute(query.order_by(c.added_at.desc(), c.id))]


def document(conn: Connection, document_id: UUID) -> Document | None:
    """One document."""
    row = conn.execute(sa.select(t.documents).where(t.documents.c.id == document_id)).first()
    return _document(row) if row else None


def add_reminders(conn: Connection, rows: Sequence[Mapping[str, Any]]) -> int:
    """Keep the reminders that were not made before; return how many were new."""
    if not rows:
        return 0
    made = insert(t.reminders).on_conflict_do_nothing(
        index_elements=["credential_id", "threshold"]
    )
    done = made.returning(t.reminders.c.id)
    return len(conn.execute(done, [dict(one) for one in rows]).all())


def reminders(conn: Connection, *, unseen_only: bool = True) -> list[Reminder]:
    """The caller's groups' reminders about what is on record still, newest first."""
    c = t.reminders.c
    query = (
        sa.select(t.reminders)
        .join(t.credentials, t.credentials.c.id == c.credential_id)
        .where(t.credentials.c.ended_at.is_(None))
        .order_by(c.made_at.desc(), c.id)
    )
    if unseen_only:
        query = query.where(c.seen_at.is_(None))
    return [
        Reminder(r.id, GroupId(r.owner_group), r.credential_id, r.threshold, r.made_at)
        for r in conn.execute(query)
    ]


def see_reminder(conn: Connection, reminder: UUID, by: str, at: datetime) -> bool:
    """Mark a reminder as seen; say whether it was there."""
    c = t.reminders.c
    done = sa.update(t.reminders).where(c.id == reminder).values(seen_at=at, seen_by=by)
    return conn.execute(done.returning(c.id)).first() is not None


def _credential(r: Any) -> Credential:
    return Credential(
        r.id, ReaderId(r.reader_id) if r.reader_id else None,
        SiteId(r.site_id) if r.site_id else None,
        restored(KINDS[r.kind], r.details, r.site_id), r.ends_on, r.recorded_at,
        r.recorded_by, r.ended_at, r.ended_because, r.replaces,
    )  # fmt: skip


def _exclusion(r: Any) -> Exclusion:
    return Exclusion(
        ReaderId(r.reader_id), r.kind, PatientId(r.patient_id) if r.patient_id else None,
        SiteId(r.site_id) if r.site_id else None, r.valid_from, r.valid_to,
    )  # fmt: skip


def _document(r: Any) -> Document:
    return Document(
        r.id, GroupId(r.owner_group), ReaderId(r.reader_id), r.credential_id, r.name,
        r.media_type, r.size, r.digest, r.added_at, r.added_by,
    )  # fmt: skip
