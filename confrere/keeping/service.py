"""Rules of tiers and retention, legal holds, and how full the store is. The caller commits."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from confrere.imaging.kept import Held
from confrere.keeping import store, store_state
from confrere.keeping.model import By, Hold, Holds, TierRule, checked, said
from confrere.keeping.retention import Rule
from confrere.keeping.retention import checked as checked_rule
from confrere.keeping.state import Count, PlaceState, Round
from confrere.kernel.errors import Conflict, NotFound
from confrere.kernel.ids import GroupId, PatientId, SiteId, StudyId


def tiers(conn: Connection) -> dict[SiteId, TierRule]:
    """When each site's studies go to the cold place, for the sites that have a rule."""
    return store.tiers(conn)


def set_tier(conn: Connection, rule: TierRule) -> None:
    """Write a site's rule; Invalid names the field."""
    store.set_tier(conn, checked(rule))


def rules(conn: Connection, owner: GroupId | None) -> list[Rule]:
    """The retention rules for everyone, and a group's own."""
    return store.rules(conn, owner)


def add_rule(conn: Connection, rule: Rule) -> None:
    """Add a group's own rule: it can only lengthen what the others ask. Raises Invalid."""
    store.add_rule(conn, checked_rule(rule))


def end_rule(conn: Connection, key: UUID, owner: GroupId, on: date, by: str) -> None:
    """End a group's own rule; those for everyone are not a group's to end."""
    if not store.end_rule(conn, key, owner, on, by):
        raise NotFound("no such rule of your group in force; reload the page")


def hold(
    conn: Connection, owner: GroupId, study: StudyId | None, patient: PatientId | None,
    reason: str, by: By, now: datetime,
) -> Hold:  # fmt: skip
    """Keep a study, or all of a patient's, from every removal until the hold is lifted."""
    why = said(reason)
    same = [
        one for one in store.holds(conn, [owner], lifted=False)
        if (one.study, one.patient) == (study, patient)
    ]  # fmt: skip
    if same:
        raise Conflict("this is on hold already: lift that hold, or leave it")
    return store.add_hold(conn, owner, study, patient, why, by, now)


def lift(conn: Connection, key: UUID, reason: str, by: By, now: datetime) -> Hold:
    """Lift a hold; Conflict when it is lifted already."""
    found = store.lift(conn, key, said(reason), by, now)
    if found is None:
        raise Conflict("this hold is lifted already or is gone; reload the page")
    return found


def holds(conn: Connection, owners: Collection[GroupId], *, lifted: bool = False) -> list[Hold]:
    """The groups' holds, newest first."""
    return store.holds(conn, owners, lifted=lifted)


def held(conn: Connection) -> Holds:
    """All that is on hold."""
    return Holds(*store.held(conn))


def named(conn: Connection, digests: Sequence[bytes]) -> set[bytes]:
    """Which of these blobs a row still names. As the system only: it must see every row."""
    return store_state.named(conn, digests)


def states(conn: Connection) -> dict[str, PlaceState]:
    """What is known of the places of the image store, by name."""
    return store_state.states(conn)


def state(conn: Connection, name: str) -> PlaceState:
    """What is known of one place."""
    return store_state.states(conn).get(name, PlaceState(name))


def note_state(conn: Connection, name: str, **values: Any) -> None:
    """Keep what was found of a place."""
    store_state.note(conn, name, values)


def note_round(
    conn: Connection, owner: GroupId, site: SiteId, evicted: int, kept: Mapping[str, int],
    at: datetime, after: tuple[datetime, UUID] | None = None,
) -> None:  # fmt: skip
    """Keep what a look at a site's cache came to, why what was due stays, and where to go on."""
    store_state.note_round(conn, owner, site, evicted, kept, at, after)


def rounds(conn: Connection) -> dict[SiteId, Round]:
    """The last look at each site's cache."""
    return store_state.rounds(conn)


def set_counts(conn: Connection, found: Iterable[Held], at: datetime) -> None:
    """Keep how much lies where."""
    store_state.set_counts(conn, (
        {
            "owner_group": one.owner_group, "site_id": one.site, "place": one.place,
            "studies": one.studies, "images": one.images, "bytes": one.size, "counted_at": at,
        }
        for one in found
    ))  # fmt: skip


def counts(conn: Connection, owners: Collection[GroupId]) -> list[Count]:
    """How much of the groups' lies where, as it was counted last."""
    return store_state.counts(conn, owners)
