"""SQL of rosters, in and out."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import insert

from confrere.kernel.ids import GroupId, ReaderId
from confrere.network import store
from confrere.network import tables as t
from confrere.network.model import Reader
from confrere.network.presence import Attendance, Shift
from confrere.network.rosters import RosterSettings


def attended(conn: Connection, readers: Sequence[Reader], at: datetime) -> list[Reader]:
    """The readers with what they last said of being there, and their group's rule."""
    last = sa.text(
        "select distinct on (reader_id) reader_id, act, at from attendance"
        " where at <= :at and at > :since order by reader_id, at desc, number desc"
    )
    rows = conn.execute(last, {"at": at, "since": at - timedelta(days=3)})
    said = {row.reader_id: Attendance(row.act, row.at) for row in rows}
    rules = settings(conn)
    return [
        replace(
            one,
            last_act=said.get(one.id),
            sign_on_within=rules[one.group].sign_on_within if one.group in rules else None,
        )
        if one.id in said or one.group in rules
        else one
        for one in readers
    ]


def add_act(conn: Connection, owner: GroupId, reader: ReaderId, act: str, at: datetime) -> None:
    """Note what a reader says of being there."""
    made = sa.insert(t.attendance)
    conn.execute(made.values(owner_group=owner, reader_id=reader, act=act, at=at))


def settings(conn: Connection) -> dict[GroupId, RosterSettings]:
    """The rules of the groups that have set any."""
    rows = conn.execute(sa.select(t.roster_settings))
    return {
        GroupId(r.owner_group): RosterSettings(
            sign_on_required=r.sign_on_required, no_show_minutes=r.no_show_minutes
        )
        for r in rows
    }


def set_settings(conn: Connection, owner: GroupId, new: RosterSettings) -> None:
    """Set a group's rule."""
    values = {
        "sign_on_required": new.sign_on_required, "no_show_minutes": new.no_show_minutes,
    }  # fmt: skip
    made = insert(t.roster_settings).values(owner_group=owner, **values)
    conn.execute(made.on_conflict_do_update(index_elements=["owner_group"], set_=values))


def add_shifts(conn: Connection, reader: ReaderId, shifts: Sequence[Shift]) -> None:
    """Add shifts of a reader."""
    rows = [_columns(one) | {"reader_id": reader} for one in shifts]
    if rows:
        conn.execute(sa.insert(t.shifts), rows)


def move_shift(conn: Connection, shift: UUID, new: Shift) -> ReaderId | None:
    """Change a shift; whose it is, or None where it is not the caller's."""
    done = sa.update(t.shifts).where(t.shifts.c.id == shift).values(**_columns(new))
    found = conn.execute(done.returning(t.shifts.c.reader_id)).scalar()
    return ReaderId(found) if found else None


def remove_shift(conn: Connection, shift: UUID) -> ReaderId | None:
    """Remove a shift; whose it was, or None where it is not the caller's."""
    done = sa.delete(t.shifts).where(t.shifts.c.id == shift)
    found = conn.execute(done.returning(t.shifts.c.reader_id)).scalar()
    return ReaderId(found) if found else None


def shifts_between(
    conn: Connection, readers: Sequence[ReaderId], since: datetime, until: datetime
) -> list[tuple[ReaderId, Shift]]:
    """Shifts of these readers that touch a period, in order."""
    s = t.shifts
    query = (
        sa.select(s)
        .where(s.c.reader_id.in_(readers), s.c.starts_at < until, s.c.ends_at > since)
        .order_by(s.c.starts_at, s.c.id)
    )
    return [(ReaderId(row.reader_id), store.shift(row)) for row in conn.execute(query)]


def _columns(shift: Shift) -> dict[str, Any]:
    return {
        "starts_at": shift.starts_at, "ends_at": shift.ends_at, "kind": shift.kind,
        "subspecialties": sorted(shift.subspecialties), "site_ids": sorted(shift.site_ids),
        "takes_overflow": shift.takes_overflow,
    }  # fmt: skip
