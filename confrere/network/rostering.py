"""Sign on, pause, sign off; add, move and remove shifts. The caller owns the transaction.

Times are the server's: what a device's clock shows plays no part.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from psycopg.errors import ExclusionViolation
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from confrere.kernel.errors import Conflict, Invalid, NotFound
from confrere.kernel.ids import GroupId, ReaderId
from confrere.network import store, store_rosters
from confrere.network.model import Reader
from confrere.network.presence import (
    EARLY,
    PAUSE,
    RESUME,
    SIGN_OFF,
    SIGN_ON,
    THERE,
    Presence,
    Shift,
)
from confrere.network.rosters import MOST_WAIT, RosterSettings, meets

NOT_YOURS = "no such shift of your group"
# what must be so before an act
_FROM = {
    SIGN_ON: frozenset(Presence) - {Presence.SIGNED_ON, Presence.PAUSED},
    PAUSE: THERE,
    RESUME: frozenset({Presence.PAUSED}),
    SIGN_OFF: THERE | {Presence.PAUSED},
}


def reader(conn: Connection, reader_id: ReaderId, at: datetime) -> Reader:
    """A reader with shifts and what they last said of being there; NotFound."""
    found = store_rosters.attended(conn, store.readers(conn, at, [reader_id]), at)
    if not found:
        raise NotFound("no such reader")
    return found[0]


def sign_on(conn: Connection, reader_id: ReaderId, now: datetime) -> Reader:
    """Say that one is there, from an hour before the shift on; Conflict without a shift."""
    return _say(conn, reader_id, SIGN_ON, now)


def pause(conn: Connection, reader_id: ReaderId, now: datetime) -> Reader:
    """Take no new offers for a while; what one holds stays."""
    return _say(conn, reader_id, PAUSE, now)


def resume(conn: Connection, reader_id: ReaderId, now: datetime) -> Reader:
    """Take offers again."""
    return _say(conn, reader_id, RESUME, now)


def sign_off(conn: Connection, reader_id: ReaderId, now: datetime) -> Reader:
    """Leave for this shift; what one holds stays until it is signed, released or lapses."""
    return _say(conn, reader_id, SIGN_OFF, now)


ACTS = {"sign-on": sign_on, "pause": pause, "resume": resume, "sign-off": sign_off}


def settings(conn: Connection, owner: GroupId) -> RosterSettings:
    """A group's rule of signing on."""
    return store_rosters.settings(conn).get(owner, RosterSettings())


def set_settings(conn: Connection, owner: GroupId, new: RosterSettings) -> None:
    """Set a group's rule of signing on; Invalid beyond eight hours."""
    if not 0 <= new.no_show_minutes <= MOST_WAIT:
        raise Invalid(f"a no-show is told after 0 to {MOST_WAIT} minutes", "no_show_minutes")
    store_rosters.set_settings(conn, owner, new)


def add_shifts(
    conn: Connection, readers: Mapping[ReaderId, Reader], new: Sequence[tuple[ReaderId, Shift]]
) -> None:
    """Add shifts, all or none; Conflict names the shift that one would overlap."""
    for reader_id, shift in new:
        try:
            with conn.begin_nested():
                store_rosters.add_shifts(conn, reader_id, [shift])
        except IntegrityError as refused:
            raise _overlap(conn, refused, readers[reader_id].name, reader_id, shift) from None


def move_shift(conn: Connection, shift_id: UUID, new: Shift) -> ReaderId:
    """Change a shift; NotFound where it is not the caller's."""
    try:
        with conn.begin_nested():
            whose = store_rosters.move_shift(conn, shift_id, new)
    except IntegrityError as refused:
        raise _overlap(conn, refused, "the reader", None, new) from None
    if whose is None:
        raise NotFound(NOT_YOURS)
    return whose


def remove_shift(conn: Connection, shift_id: UUID) -> ReaderId:
    """Remove a shift; NotFound where it is not the caller's."""
    whose = store_rosters.remove_shift(conn, shift_id)
    if whose is None:
        raise NotFound(NOT_YOURS)
    return whose


def shifts_between(
    conn: Connection, readers: Sequence[ReaderId], since: datetime, until: datetime
) -> list[tuple[ReaderId, Shift]]:
    """Shifts of these readers that touch a period, in order."""
    return store_rosters.shifts_between(conn, readers, since, until)


def _say(conn: Connection, reader_id: ReaderId, act: str, now: datetime) -> Reader:
    known = reader(conn, reader_id, now)
    stands = known.presence(now)
    early = act == SIGN_ON and known.shift_at(now) is None
    if early and known.shift_at(now + EARLY) is None:
        raise Conflict(
            "no shift of yours is on now or begins within the hour: your group's manager adds "
            "one on the Rosters page"
        )
    if stands not in _FROM[act]:
        raise Conflict(f"you are {stands}: {act} does not fit; reload the page")
    store_rosters.add_act(conn, known.group, reader_id, act, now)
    return reader(conn, reader_id, now)


def _overlap(
    conn: Connection, refused: IntegrityError, name: str, reader_id: ReaderId | None, new: Shift
) -> Exception:
    if not isinstance(refused.orig, ExclusionViolation):
        return refused
    day = timedelta(days=1)
    known = (
        store_rosters.shifts_between(conn, [reader_id], new.starts_at - day, new.ends_at + day)
        if reader_id
        else []
    )
    other = meets(new, [shift for _, shift in known])
    at = f" ({other.starts_at.astimezone(ZoneInfo('UTC')):%Y-%m-%d %H:%M} UTC)" if other else ""
    return Conflict(f"{name} has another shift at that time{at}: move or delete that one first")
