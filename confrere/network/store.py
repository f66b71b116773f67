"""SQL of this part, in and out."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import ARRAY, insert

from confrere.kernel.ids import GroupId, PeerId, ReaderId, SiteId
from confrere.network import store_credentials
from confrere.network import tables as t
from confrere.network.credentials import DECLARED, ReadingPlace, current, day_of
from confrere.network.kinds import Fact
from confrere.network.model import Group, Reader, Site
from confrere.network.presence import Shift
from confrere.network.systems import Peer, SiteRule

Facts = Mapping[UUID, Mapping[str, Sequence[Fact]]]

SHARED = sa.select(t.shares.c.object_id).where(  # made once: every access to images asks it
    t.shares.c.to_group == sa.any_(sa.bindparam("to", type_=ARRAY(sa.Uuid))),
    t.shares.c.kind == sa.bindparam("kind"),
    t.shares.c.ended_at.is_(None),
)


def groups(conn: Connection) -> list[Group]:
    """All groups, by name."""
    rows = conn.execute(sa.select(t.groups).order_by(t.groups.c.name))
    return [Group(GroupId(r.id), r.code, r.name, r.time_zone, r.synthetic, r.tin) for r in rows]


def sites(
    conn: Connection, site: SiteId | None = None, facts: Facts | None = None
) -> list[Site]:
    """All sites by name, or one; their own certificates come from `facts`."""
    query = sa.select(t.sites).order_by(t.sites.c.name)
    if site is not None:
        query = query.where(t.sites.c.id == site)
    held = facts or {}
    return [_site(row, held.get(row.id, {})) for row in conn.execute(query)]


def readers(
    conn: Connection, at: datetime, only: Sequence[ReaderId] | None = None,
    facts: Facts | None = None,
) -> list[Reader]:  # fmt: skip
    """Readers with what was on record at `at`, and the shifts that end after it.

    `facts` saves reading them again where the caller has them.
    """
    query = sa.select(t.readers).order_by(t.readers.c.name)
    if only is not None:
        query = query.where(t.readers.c.id.in_(only))
    rows = conn.execute(query).all()
    ids = [row.id for row in rows]
    narrowed = ids if only is not None else None
    held = facts if facts is not None else store_credentials.facts(conn, at, narrowed)
    places = store_credentials.places(conn, at, narrowed)
    shifts = _grouped(conn, t.shifts, ids, t.shifts.c.ends_at > at)
    return [
        _reader(row, at, held.get(row.id, {}), places.get(row.id, ()), shifts[row.id])
        for row in rows
    ]


def shifts_from(conn: Connection, at: datetime) -> dict[ReaderId, tuple[Shift, ...]]:
    """Every reader's shifts that end after `at`, by when they begin."""
    query = sa.select(t.shifts).where(t.shifts.c.ends_at > at).order_by(t.shifts.c.starts_at)
    found: dict[ReaderId, list[Shift]] = defaultdict(list)
    for row in conn.execute(query):
        found[ReaderId(row.reader_id)].append(shift(row))
    return {reader: tuple(some) for reader, some in found.items()}


def reader_of_npi(conn: Connection, npi: str) -> tuple[str, str] | None:
    """Name and group of who has an NPI."""
    query = (
        sa.select(t.readers.c.name, t.groups.c.name)
        .join(t.groups, t.groups.c.id == t.readers.c.group_id)
        .where(t.readers.c.npi == npi, t.readers.c.active)
    )
    row = conn.execute(query).first()
    return (row[0], row[1]) if row else None


def peers(conn: Connection, door: str | None = None) -> list[Peer]:
    """The registered peers that this connection may see."""
    query = sa.select(t.peers).order_by(t.peers.c.name)
    if door is not None:
        query = query.where(t.peers.c.door == door)
    return [_peer(row) for row in conn.execute(query)]


def peer(conn: Connection, peer_id: PeerId) -> Peer | None:
    """One peer."""
    row = conn.execute(sa.select(t.peers).where(t.peers.c.id == peer_id)).first()
    return _peer(row) if row else None


def site_rules(conn: Connection, owner: GroupId) -> list[SiteRule]:
    """A group's rules of site resolution, in rank order."""
    query = (
        sa.select(t.site_rules)
        .where(t.site_rules.c.owner_group == owner)
        .order_by(t.site_rules.c.rank)
    )
    return [
        SiteRule(
            GroupId(r.owner_group), SiteId(r.site_id), r.rank,
            PeerId(r.peer_id) if r.peer_id else None,
            r.facility, r.institution, r.issuer, r.accession_prefix,
        )
        for r in conn.execute(query)
    ]  # fmt: skip


def add(conn: Connection, table: sa.Table, values: Iterable[dict[str, Any]]) -> list[Any]:
    """Insert rows; return their ids in order."""
    rows = list(values)
    if not rows:
        return []
    done = sa.insert(table).returning(table.c.id, sort_by_parameter_order=True)
    return list(conn.execute(done, rows).scalars())


def change_peer(conn: Connection, peer_id: PeerId, values: dict[str, Any]) -> bool:
    """Change a peer; say whether it was there."""
    done = sa.update(t.peers).where(t.peers.c.id == peer_id).values(**values)
    return conn.execute(done.returning(t.peers.c.id)).first() is not None


def set_result_peer(conn: Connection, site: SiteId, peer_id: PeerId) -> None:
    """Say where a site's results go."""
    conn.execute(sa.update(t.sites).where(t.sites.c.id == site).values(result_peer=peer_id))


def mode_of(conn: Connection, site: SiteId) -> str | None:
    """A site's mode as it is this instant; None when there is no such site."""
    found: str | None = conn.execute(
        sa.select(t.sites.c.mode).where(t.sites.c.id == site)
    ).scalar()
    return found


def mode_changes(conn: Connection, site: SiteId) -> list[Any]:
    """When a site went into which mode, newest first."""
    query = sa.select(t.site_modes).where(t.site_modes.c.site_id == site)
    return list(conn.execute(query.order_by(t.site_modes.c.at.desc())))


def change_site(conn: Connection, site: SiteId, values: dict[str, Any]) -> bool:
    """Change a site; say whether it was there and the caller's."""
    done = sa.update(t.sites).where(t.sites.c.id == site).values(**values)
    return conn.execute(done.returning(t.sites.c.id)).first() is not None


def change_reader(conn: Connection, reader: ReaderId, values: dict[str, Any]) -> bool:
    """Change a reader; say whether it was there and the caller's."""
    done = sa.update(t.readers).where(t.readers.c.id == reader).values(**values)
    return conn.execute(done.returning(t.readers.c.id)).first() is not None


def stamp(conn: Connection) -> tuple[tuple[int, str], str]:
    """How often facts have changed and by which transaction last; and who asks, as a name.

    The transaction tells a change that is being made, or was taken back, from another one
    that has the same number.
    """
    seen = conn.execute(sa.text(
        "select number, xmin::text, "
        "current_user || ':' || coalesce(current_setting('app.groups', true), '') "
        "from facts_version"
    )).one()  # fmt: skip
    return (seen[0], seen[1]), seen[2]


def share(
    conn: Connection, owner: GroupId, to: GroupId, objects: Sequence[tuple[str, Any]],
    why: str, at: datetime,
) -> None:  # fmt: skip
    """Let another group see these (kind, id) objects, once each."""
    rows = [
        {"owner_group": owner, "to_group": to, "kind": kind, "object_id": object_id,
         "why": why, "granted_at": at, "ended_at": None}
        for kind, object_id in objects
    ]  # fmt: skip
    if rows:
        made = insert(t.shares)
        c = t.shares.c
        # what is offered stays so, though it is a prior of another exam too
        offered = sa.and_(c.ended_at.is_(None), c.why == "offer")
        why_now = sa.case((offered, c.why), else_=made.excluded.why)
        again = made.on_conflict_do_update(
            index_elements=["owner_group", "to_group", "object_id"],
            set_={"ended_at": None, "why": why_now},
        )
        conn.execute(again, rows)


def shared(conn: Connection, to: Sequence[GroupId], kind: str) -> list[UUID]:
    """Which objects of other groups these groups may see now."""
    return list(conn.execute(SHARED, {"to": list(to), "kind": kind}).scalars())


def end_shares(
    conn: Connection, owner: GroupId, to: GroupId | None, objects: Sequence[Any],
    at: datetime, why: str,
) -> None:  # fmt: skip
    """Stop another group, or all where none is named, from seeing these objects."""
    c = t.shares.c
    which = [c.owner_group == owner, c.object_id.in_(objects), c.ended_at.is_(None)]
    which += [c.to_group == to] if to else []
    which += [c.why == why] if why else []
    conn.execute(sa.update(t.shares).where(*which).values(ended_at=at))


def _grouped(
    conn: Connection, table: sa.Table, ids: list[Any], *also: sa.ColumnElement[bool]
) -> dict[Any, list[Any]]:
    found: dict[Any, list[Any]] = defaultdict(list)
    for row in conn.execute(sa.select(table).where(table.c.reader_id.in_(ids), *also)):
        found[row.reader_id].append(row)
    return found


def _site(r: Any, held: Mapping[str, Sequence[Any]]) -> Site:
    return Site(
        SiteId(r.id), GroupId(r.owner_group), r.code, r.name, r.short_name, r.state,
        r.time_zone, r.kind, r.assigner, r.accession_prefix, r.reporting, r.viewer_url,
        r.targets, r.quiet_seconds, PeerId(r.result_peer) if r.result_peer else None,
        r.viewer_cleared_on, r.synthetic, r.each_claim, r.aggregate, r.child_below,
        r.forbids_offshore, tuple(held.get("facility certificate", ())),
        PeerId(r.status_peer) if r.status_peer else None, r.status_since, r.mode,
        r.outside_minutes, r.launch_name, r.launch_text,
    )  # fmt: skip


def shift(r: Any) -> Shift:
    """Make a shift of its row."""
    return Shift(
        r.starts_at, r.ends_at, r.kind, frozenset(r.subspecialties),
        frozenset(SiteId(one) for one in r.site_ids), r.takes_overflow, r.id,
    )  # fmt: skip


def _reader(
    r: Any, at: datetime, held: Mapping[str, Sequence[Any]], places: Sequence[ReadingPlace],
    shifts: Sequence[Any],
) -> Reader:  # fmt: skip
    competences = tuple(held.get("competence", ()))
    now = current(competences, day_of(at))
    return Reader(
        ReaderId(r.id), GroupId(r.group_id), r.name, r.npi,
        frozenset(one.code for one in now),
        frozenset(one.code for one in now if one.basis != DECLARED), r.sits_in_state,
        tuple(held.get("licence", ())), tuple(held.get("privilege", ())),
        tuple(shift(x) for x in shifts),
        r.active, competences, tuple(held.get("cover", ())), tuple(held.get("enrolment", ())),
        tuple(held.get("sanction", ())), tuple(places), tuple(held.get("identifier", ())),
        tuple(held.get("mammography start", ())), tuple(held.get("mammography count", ())),
        tuple(held.get("mammography file", ())),
    )  # fmt: skip


def _peer(r: Any) -> Peer:
    return Peer(
        PeerId(r.id), GroupId(r.owner_group), r.door, r.name, r.aet, r.application,
        r.facility, r.address, r.port, SiteId(r.site_id) if r.site_id else None,
        r.plain_beyond_loopback, r.interface, r.enabled, r.certificate, r.availability,
        r.tls, r.tls_fingerprint, r.corrections, r.keeps_all,
    )  # fmt: skip
