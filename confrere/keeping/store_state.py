"""SQL of how full the store is, and of which rows name a blob."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import ARRAY, insert

from confrere.keeping.state import Count, PlaceState, Round
from confrere.keeping.tables import cache_rounds, storage_counts, store_state
from confrere.kernel.ids import GroupId, SiteId

_STATE = [store_state.c[one.name] for one in fields(PlaceState)]
# every column of bytes named `digest` names a blob; the catalogue knows them all, also those
# that this process has no table object of
_COLUMNS = sa.text(
    """
    select c.relname from pg_attribute a
    join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
    where a.attname = 'digest' and a.atttypid = 'bytea'::regtype and c.relkind in ('r', 'p')
        and n.nspname = 'public' and not a.attisdropped order by 1
    """
)
_IMAGES = """
    select i.digest from instances i where i.digest = any(:given) and not exists (
        select 1 from study_places p where p.study_id = i.study_id and p.place = 'away'
            and i.received_at < p.changed_at - interval '1 hour')
"""


def named(conn: Connection, digests: Sequence[bytes]) -> set[bytes]:
    """Which of these blobs a row names, as the system sees all rows.

    The images of a study that is at the site's PACS do not count, as theirs may go; what came
    to it since it left does. The hour is for what was on its way to a row at that moment.
    """
    if not digests:
        return set()
    tables = list(conn.execute(_COLUMNS).scalars())
    parts = [
        _IMAGES if one == "instances"
        else f'select digest from public."{one}" where digest = any(:given)'  # noqa: S608
        for one in tables
    ]  # fmt: skip
    query = sa.text(" union ".join(parts)).bindparams(
        sa.bindparam("given", list(digests), type_=ARRAY(sa.LargeBinary))
    )
    return {bytes(one) for one in conn.execute(query).scalars()}


def states(conn: Connection) -> dict[str, PlaceState]:
    """What is known of each place."""
    return {row[0]: PlaceState(*row) for row in conn.execute(sa.select(*_STATE))}


def note(conn: Connection, name: str, values: dict[str, Any]) -> None:
    """Write what was found of a place."""
    made = insert(store_state).values(name=name, **values)
    conn.execute(made.on_conflict_do_update(index_elements=["name"], set_=values))


def note_round(
    conn: Connection, owner: GroupId, site: SiteId, evicted: int, kept: Mapping[str, int],
    at: datetime, after: tuple[datetime, UUID] | None,
) -> None:  # fmt: skip
    """Write what a look at a site's cache came to."""
    used, study = after or (None, None)
    values = {
        "owner_group": owner, "evicted": evicted, "kept": dict(kept), "at": at,
        "after_at": used, "after_study": study,
    }  # fmt: skip
    made = insert(cache_rounds).values(site_id=site, **values)
    conn.execute(made.on_conflict_do_update(index_elements=["site_id"], set_=values))


def rounds(conn: Connection) -> dict[SiteId, Round]:
    """The last look at each site's cache."""
    return {
        SiteId(r.site_id): Round(
            SiteId(r.site_id),
            r.evicted,
            r.kept,
            r.at,
            (r.after_at, r.after_study) if r.after_at and r.after_study else None,
        )
        for r in conn.execute(sa.select(cache_rounds))
    }


def set_counts(conn: Connection, rows: Iterable[dict[str, Any]]) -> None:
    """Write all counts anew."""
    conn.execute(sa.delete(storage_counts))
    if given := list(rows):
        conn.execute(sa.insert(storage_counts), given)


def counts(conn: Connection, owners: Collection[GroupId]) -> list[Count]:
    """Counts of groups, by site."""
    c = storage_counts.c
    query = (
        sa.select(storage_counts).where(c.owner_group.in_(owners)).order_by(c.site_id, c.place)
    )
    return [
        Count(
            SiteId(r.site_id) if r.site_id else None,
            r.place,
            r.studies,
            r.images,
            r.bytes,
            r.counted_at,
        )
        for r in conn.execute(query)
    ]
