"""SQL of this part, in and out."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import insert

from confrere.archives.model import FETCHED, Archive, Fetch
from confrere.archives.tables import archives, fetches
from confrere.kernel.ids import GroupId, OrderId, PatientId, SiteId

SHOWN = [one for one in archives.c if one.name != "token"]


def add(conn: Connection, values: dict[str, Any]) -> Archive | None:
    """Add an archive; None when the group has one of that name."""
    made = insert(archives).values(**values).on_conflict_do_nothing().returning(*SHOWN)
    row = conn.execute(made).first()
    return _archive(row) if row else None


def listed(conn: Connection, owners: Sequence[GroupId] = ()) -> list[Archive]:
    """Archives by name, of all groups the caller sees or of some."""
    query = sa.select(*SHOWN).order_by(archives.c.name)
    if owners:
        query = query.where(archives.c.owner_group.in_(owners))
    return [_archive(row) for row in conn.execute(query)]


def get(conn: Connection, key: UUID) -> Archive | None:
    """One archive."""
    row = conn.execute(sa.select(*SHOWN).where(archives.c.id == key)).first()
    return _archive(row) if row else None


def token(conn: Connection, key: UUID) -> str:
    """The secret for an archive; the app role cannot read it."""
    found = conn.execute(sa.select(archives.c.token).where(archives.c.id == key)).scalar()
    return str(found or "")


def change(conn: Connection, key: UUID, values: dict[str, Any]) -> bool:
    """Change an archive; False when it is not there."""
    done = sa.update(archives).where(archives.c.id == key).values(**values)
    return conn.execute(done.returning(archives.c.id)).first() is not None


def ask(conn: Connection, values: dict[str, Any]) -> Fetch | None:
    """Add a study to fetch; None when it was asked for before."""
    made = insert(fetches).values(**values).on_conflict_do_nothing().returning(fetches)
    row = conn.execute(made).first()
    return _fetch(row) if row else None


def fetch(conn: Connection, key: UUID, *, lock: bool = False) -> Fetch | None:
    """One fetch."""
    query = sa.select(fetches).where(fetches.c.id == key)
    row = conn.execute(query.with_for_update() if lock else query).first()
    return _fetch(row) if row else None


def change_fetch(conn: Connection, key: UUID, values: dict[str, Any]) -> Fetch:
    """Write how a fetch stands."""
    done = sa.update(fetches).where(fetches.c.id == key).values(**values).returning(fetches)
    return _fetch(conn.execute(done).one())


def fetches_listed(conn: Connection, limit: int) -> list[Fetch]:
    """Fetches, newest first."""
    query = sa.select(fetches).order_by(fetches.c.asked_at.desc(), fetches.c.id).limit(limit)
    return [_fetch(row) for row in conn.execute(query)]


def due(conn: Connection, now: datetime, limit: int) -> list[Fetch]:
    """Fetches whose time has come."""
    c = fetches.c
    query = sa.select(fetches).where(c.next_at <= now).order_by(c.next_at).limit(limit)
    return [_fetch(row) for row in conn.execute(query)]


def lapsed(conn: Connection, now: datetime, limit: int) -> list[Fetch]:
    """Fetched studies whose lifetime is over; what is a site's own has the site's lifetime."""
    c = fetches.c
    query = sa.select(fetches).where(
        c.state == FETCHED, c.expires_at <= now, c.again.is_(False)
    )
    return [_fetch(row) for row in conn.execute(query.order_by(c.expires_at).limit(limit))]


def of_studies(conn: Connection, owner: GroupId, uids: Sequence[str]) -> list[Fetch]:
    """Fetches of these studies."""
    query = sa.select(fetches).where(
        fetches.c.owner_group == owner, fetches.c.study_uid.in_(uids)
    )
    return [_fetch(row) for row in conn.execute(query)]


def counts(conn: Connection) -> dict[UUID, dict[str, int]]:
    """How many fetches stand how, by archive."""
    c = fetches.c
    query = sa.select(c.archive_id, c.state, sa.func.count()).group_by(c.archive_id, c.state)
    found: dict[UUID, dict[str, int]] = {}
    for archive, state, number in conn.execute(query):
        found.setdefault(archive, {})[state] = number
    return found


def _archive(r: Any) -> Archive:
    night = (r.night_from, r.night_until) if r.night_from and r.night_until else None
    return Archive(
        r.id, GroupId(r.owner_group), r.name, r.way, r.assigner, r.aet, r.address, r.port,
        r.url, SiteId(r.site_id) if r.site_id else None, r.keeps_days, r.most_studies,
        r.pause_seconds, night, r.plain, r.enabled, r.tested_at, r.tested,
    )  # fmt: skip


def _fetch(r: Any) -> Fetch:
    return Fetch(
        r.id, GroupId(r.owner_group), r.archive_id, PatientId(r.patient_id),
        OrderId(r.order_id) if r.order_id else None, r.study_uid, r.study_date, r.modality,
        r.description, r.why, r.state, r.tries, r.images, r.reason, r.asked_at, r.next_at,
        r.done_at, r.expires_at, r.again,
    )  # fmt: skip
