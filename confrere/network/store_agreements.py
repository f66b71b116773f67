"""SQL of agreements, in and out."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Connection

from confrere.kernel.ids import AgreementId, GroupId, SiteId
from confrere.network import tables_agreements as t
from confrere.network.agreements import IN_FORCE, SUSPENDED
from confrere.network.model import Agreement, OptOut, Suspension
from confrere.network.terms import AgreementVersion, Rate, Signature, Terms

COPIED = tuple(c.name for c in t.agreements.c if c.name in t.agreement_versions.c)
TERMS = tuple(n for n in COPIED if n not in ("id", "owner_group", "reading_group"))


def agreements(conn: Connection, only: AgreementId | None = None) -> list[Agreement]:
    """The agreements that this connection may see, as they stand, by title."""
    query = sa.select(t.agreements).order_by(t.agreements.c.title, t.agreements.c.id)
    if only is not None:
        query = query.where(t.agreements.c.id == only)
    running: dict[UUID, list[Suspension]] = defaultdict(list)
    for one in suspensions(conn, t.agreement_suspensions.c.until.is_(None)):
        running[one.agreement].append(one)
    kept: dict[GroupId, list[OptOut]] = defaultdict(list)
    for opt_out in opt_outs(conn):
        kept[opt_out.owner_group].append(opt_out)
    return [
        _agreement(row, tuple(running[row.id]), tuple(kept[row.owner_group]))
        for row in conn.execute(query)
    ]


def lock(conn: Connection, agreement: AgreementId) -> str | None:
    """Lock an agreement for this transaction; its state, or None where it is not the caller's.

    A suspended one is in force here: suspensions stand beside it.
    """
    query = sa.select(t.agreements.c.state).where(t.agreements.c.id == agreement)
    state: str | None = conn.execute(query.with_for_update()).scalar()
    return state


def add(conn: Connection, owner: GroupId, reading: GroupId, terms: Terms) -> AgreementId:
    """Begin an agreement: a proposal under which nothing may be read yet."""
    values = {"owner_group": owner, "reading_group": reading, "state": "proposed"}
    done = sa.insert(t.agreements).values(values | _columns(terms))
    return AgreementId(conn.execute(done.returning(t.agreements.c.id)).scalar_one())


def add_version(conn: Connection, new: AgreementVersion) -> None:
    """Add a version."""
    rate = new.terms.rate
    values = {
        "agreement_id": new.agreement, "owner_group": new.owner_group,
        "reading_group": new.reading_group, "number": new.number, "digest": new.digest,
        "proposed_by": new.proposed_by, "proposed_name": new.proposed_name,
        "proposed_at": new.proposed_at, "rate": rate.amount if rate else None,
        "rate_per": rate.per if rate else "", "currency": rate.currency if rate else "",
    }  # fmt: skip
    conn.execute(sa.insert(t.agreement_versions).values(values | _columns(new.terms)))


def add_signature(conn: Connection, version: AgreementVersion, by: Signature) -> None:
    """Add a signature; the second one puts the version in force, in the database."""
    conn.execute(sa.insert(t.agreement_signatures).values(
        agreement_id=version.agreement, owner_group=version.owner_group,
        reading_group=version.reading_group, version=version.number, party=by.party,
        user_id=by.user, name=by.name, digest=by.digest, signed_at=by.at,
    ))  # fmt: skip


def close_version(conn: Connection, version: AgreementVersion, how: str, at: datetime) -> None:
    """Close a proposal."""
    v = t.agreement_versions
    conn.execute(
        sa.update(v)
        .where(v.c.agreement_id == version.agreement, v.c.number == version.number)
        .values(closed_how=how, closed_at=at)
    )


def close(conn: Connection, agreement: AgreementId, state: str, why: str, at: datetime) -> None:
    """End or withdraw an agreement."""
    done = sa.update(t.agreements).where(t.agreements.c.id == agreement)
    conn.execute(done.values(state=state, ended_at=at, ended_why=why))


def add_suspension(conn: Connection, owner: GroupId, reading: GroupId, new: Suspension) -> None:
    """Suspend for one side."""
    conn.execute(sa.insert(t.agreement_suspensions).values(
        agreement_id=new.agreement, owner_group=owner, reading_group=reading,
        party=new.party, name=new.name, reason=new.reason, since=new.since,
    ))  # fmt: skip


def end_suspension(
    conn: Connection, agreement: AgreementId, party: GroupId, name: str, at: datetime
) -> bool:
    """End one side's suspension; say whether there was one."""
    s = t.agreement_suspensions
    done = (
        sa.update(s)
        .where(s.c.agreement_id == agreement, s.c.party == party, s.c.until.is_(None))
        .values(until=at, resumed_name=name)
    )
    return conn.execute(done.returning(s.c.id)).first() is not None


def suspensions(conn: Connection, *when: sa.ColumnElement[bool]) -> list[Suspension]:
    """Suspensions, oldest first."""
    s = t.agreement_suspensions
    return [
        Suspension(
            AgreementId(r.agreement_id), GroupId(r.party), r.name, r.reason, r.since, r.until,
            r.resumed_name,
        )
        for r in conn.execute(sa.select(s).where(*when).order_by(s.c.since))
    ]  # fmt: skip


def suspensions_of(conn: Connection, agreement: AgreementId) -> list[Suspension]:
    """All suspensions of an agreement, oldest first."""
    return suspensions(conn, t.agreement_suspensions.c.agreement_id == agreement)


def versions(conn: Connection, only: Sequence[AgreementId]) -> list[AgreementVersion]:
    """Versions of these agreements with their signatures, newest first."""
    s, v = t.agreement_signatures, t.agreement_versions
    signed: dict[tuple[UUID, int], list[Signature]] = defaultdict(list)
    query = sa.select(s).where(s.c.agreement_id.in_(only)).order_by(s.c.signed_at, s.c.id)
    for r in conn.execute(query):
        made = Signature(GroupId(r.party), r.name, r.signed_at, r.digest, r.user_id)
        signed[r.agreement_id, r.version].append(made)
    found = sa.select(v).where(v.c.agreement_id.in_(only)).order_by(v.c.number.desc())
    return [
        AgreementVersion(
            AgreementId(r.agreement_id), GroupId(r.owner_group), GroupId(r.reading_group),
            r.number, _terms(r), r.digest, GroupId(r.proposed_by), r.proposed_name,
            r.proposed_at, r.closed_how, r.closed_at,
            tuple(signed[r.agreement_id, r.number]),
        )
        for r in conn.execute(found)
    ]  # fmt: skip


def in_the_way(
    conn: Connection, agreement: AgreementId, owner: GroupId, reading: GroupId, terms: Terms
) -> list[str]:
    """Titles of the agreements in force that these terms would overlap."""
    a = t.agreements
    meets = sa.text(
        "scope_of(site_ids::text[]) && scope_of(cast(:sites as text[]))"
        " and scope_of(subspecialties) && scope_of(cast(:subspecialties as text[]))"
        " and scope_of(modalities) && scope_of(cast(:modalities as text[]))"
        " and scope_of(priorities) && scope_of(cast(:priorities as text[]))"
        " and scope_of(read_types) && scope_of(cast(:read_types as text[]))"
        " and agreement_hours(weekdays, window_start, window_end, window_zone) &&"
        " agreement_hours(cast(:weekdays as integer[]), cast(:starts as time),"
        " cast(:ends as time), :zone)"
        " and daterange(starts_on, ends_on, '[]') && daterange(:first, :last, '[]')"
    ).bindparams(
        sites=[str(one) for one in terms.site_ids], weekdays=sorted(terms.weekdays),
        subspecialties=sorted(terms.subspecialties), modalities=sorted(terms.modalities),
        priorities=sorted(terms.priorities), read_types=sorted(terms.read_types),
        starts=terms.window_start, ends=terms.window_end, zone=terms.window_zone,
        first=terms.starts_on, last=terms.ends_on,
    )  # fmt: skip
    query = sa.select(a.c.title).where(
        a.c.id != agreement, a.c.owner_group == owner, a.c.reading_group == reading,
        a.c.state == IN_FORCE, meets,
    )  # fmt: skip
    return list(conn.execute(query.order_by(a.c.title)).scalars())


def opt_outs(conn: Connection) -> list[OptOut]:
    """The opt-outs that this connection may see, newest first."""
    query = sa.select(t.opt_outs).order_by(t.opt_outs.c.starts_on.desc(), t.opt_outs.c.id)
    return [
        OptOut(
            r.id, GroupId(r.owner_group), r.starts_on, r.ends_on,
            SiteId(r.site_id) if r.site_id else None, r.subspecialty, r.modality, r.procedure,
            r.priority, r.reason, r.entered_by,
        )
        for r in conn.execute(query)
    ]  # fmt: skip


def add_opt_out(conn: Connection, values: Mapping[str, Any]) -> UUID:
    """Add an opt-out."""
    done = sa.insert(t.opt_outs).values(**values).returning(t.opt_outs.c.id)
    made: UUID = conn.execute(done).scalar_one()
    return made


def end_opt_out(conn: Connection, opt_out: UUID, owner: GroupId, last: date) -> None:
    """Give an opt-out its last day."""
    o = t.opt_outs
    done = sa.update(o).where(o.c.id == opt_out, o.c.owner_group == owner)
    conn.execute(done.values(ends_on=last))


def remove_opt_out(conn: Connection, opt_out: UUID, owner: GroupId) -> None:
    """Remove an opt-out that never kept anything."""
    o = t.opt_outs
    conn.execute(sa.delete(o).where(o.c.id == opt_out, o.c.owner_group == owner))


def _columns(terms: Terms) -> dict[str, Any]:
    return {name: _plain(getattr(terms, name)) for name in TERMS}


def _plain(value: Any) -> Any:
    if isinstance(value, frozenset):
        return sorted(value)
    return dict(value) if isinstance(value, Mapping) else value


def _shared(r: Any) -> dict[str, Any]:
    sets = ("subspecialties", "modalities", "priorities", "read_types", "weekdays")
    same = (
        "title", "starts_on", "ends_on", "window_zone", "window_start", "window_end",
        "daily_cap", "own_first", "overflow_share", "overflow_from", "hold_share",
        "shares_priors",
    )  # fmt: skip
    return (
        {name: frozenset(getattr(r, name)) for name in sets}
        | {name: getattr(r, name) for name in same}
        | {"site_ids": frozenset(SiteId(one) for one in r.site_ids)}
    )


def _terms(r: Any) -> Terms:
    rate = Rate(r.rate, r.rate_per, r.currency) if r.rate is not None else None
    return Terms(**_shared(r), response_minutes=r.response_minutes, rate=rate)


def _agreement(r: Any, running: tuple[Suspension, ...], kept: tuple[OptOut, ...]) -> Agreement:
    state = SUSPENDED if running and r.state == IN_FORCE else r.state
    return Agreement(
        id=AgreementId(r.id), owner_group=GroupId(r.owner_group),
        reading_group=GroupId(r.reading_group), state=state, version=r.version,
        suspensions=running, kept_home=kept, **_shared(r),
    )  # fmt: skip
