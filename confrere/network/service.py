"""What can be done with the collaboration's data. The caller owns the transaction."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import Connection

from confrere.kernel.errors import Conflict, Invalid, NotFound
from confrere.kernel.ids import GroupId, PeerId, ReaderId, SiteId
from confrere.network import (
    store,
    store_agreements,
    store_credentials,
    store_rosters,
    store_routing,
    tables,
)
from confrere.network.credentials import UNITED_STATES, Competence, ReadingPlace
from confrere.network.facts import check, facts_of
from confrere.network.fields import STATE_CODES
from confrere.network.kinds import Fact
from confrere.network.model import SHADOW, Agreement, Directory, Group, Reader, Site
from confrere.network.presence import Shift
from confrere.network.records import SINCE_EVER, Recorded
from confrere.network.remembered import remembered, rules_at
from confrere.network.routing_settings import RoutingSettings
from confrere.network.rules import Rule
from confrere.network.site_resolution import resolve_site
from confrere.network.systems import Peer, SiteHints, SiteRule, check_peer


def directory(conn: Connection, at: datetime) -> Directory:
    """Load who is who, with the facts that were on record at `at`.

    Agreements and exclusions are those that this connection may see. Of another group's
    readers the app role sees shifts and not whether they signed on. It is the same object
    until something changes, and must not be changed.
    """
    return remembered(conn, at)


def rules(conn: Connection, at: datetime) -> tuple[Rule, ...]:
    """The rules of eligibility, with what their owners had changed at an instant."""
    return rules_at(conn, at)


def set_routing(conn: Connection, owner: GroupId, new: RoutingSettings) -> None:
    """Say how a group wants its readers asked and its exams ordered; acts at once."""
    store_routing.set_settings(conn, owner, new)


def rostered_from(conn: Connection, known: Directory, at: datetime) -> Directory:
    """The directory whose readers have all shifts that end after `at`, also past ones."""
    shifts = store.shifts_from(conn, at)
    readers = {
        one.id: replace(one, shifts=shifts.get(one.id, ())) for one in known.readers.values()
    }
    return replace(known, readers=readers)


def groups(conn: Connection) -> list[Group]:
    """All groups of the collaborative."""
    return store.groups(conn)


def sites(conn: Connection) -> list[Site]:
    """All sites of the collaborative."""
    return store.sites(conn)


def site(conn: Connection, site_id: SiteId) -> Site:
    """One site; NotFound."""
    found = store.sites(conn, site_id)
    if not found:
        raise NotFound("no such site")
    return found[0]


def reader(conn: Connection, reader_id: ReaderId, at: datetime) -> Reader:
    """One reader with credentials; NotFound."""
    found = store.readers(conn, at, [reader_id])
    if not found:
        raise NotFound("no such reader")
    return found[0]


def readers(conn: Connection, at: datetime) -> list[Reader]:
    """All readers with credentials."""
    return store.readers(conn, at)


def agreements(conn: Connection) -> list[Agreement]:
    """The agreements that the caller is a party to."""
    return store_agreements.agreements(conn)


def peers(conn: Connection, door: str | None = None) -> list[Peer]:
    """The machines registered at a door, as far as the caller may see."""
    return store.peers(conn, door)


def peer(conn: Connection, peer_id: PeerId) -> Peer:
    """One peer; NotFound."""
    found = store.peer(conn, peer_id)
    if found is None:
        raise NotFound("no such peer")
    return found


def site_of(conn: Connection, from_peer: Peer, hints: SiteHints) -> SiteId | None:
    """Which site a message or image of `from_peer` belongs to, by the group's rules."""
    return resolve_site(from_peer, store.site_rules(conn, from_peer.owner_group), hints)


def site_rules(conn: Connection, owner: GroupId) -> list[SiteRule]:
    """A group's rules of site resolution, in rank order."""
    return store.site_rules(conn, owner)


def register_peer(conn: Connection, new: Peer) -> PeerId:
    """Let a machine speak to us; its id is given by the database.

    Raises Invalid that names the field: an unknown door, an AE title over 16 characters
    (PS3.5 table 6.2-1), a peer beyond loopback without an address.
    """
    check_peer(new)
    values = {n: v for n, v in asdict(new).items() if n not in ("id", "site")}
    return PeerId(store.add(conn, tables.peers, [{**values, "site_id": new.site}])[0])


def change_peer(conn: Connection, new: Peer) -> None:
    """Write a registered machine anew, all but its door and its owner; NotFound, Invalid."""
    check_peer(new)
    kept = ("id", "owner_group", "door", "application", "facility", "enabled", "site")
    values = {n: v for n, v in asdict(new).items() if n not in kept}
    if not store.change_peer(conn, new.id, {**values, "site_id": new.site}):
        raise NotFound("no such peer, or it is another group's")


def enable_peer(conn: Connection, peer_id: PeerId, *, enabled: bool) -> None:
    """Open or close the door for one peer."""
    if not store.change_peer(conn, peer_id, {"enabled": enabled}):
        raise NotFound("no such peer, or it is another group's")


def send_results_to(conn: Connection, site_id: SiteId, peer_id: PeerId) -> None:
    """Say which registered `results` peer receives a site's reports."""
    store.set_result_peer(conn, site_id, peer_id)


def send_status_to(
    conn: Connection, site_id: SiteId, peer_id: PeerId | None, now: datetime
) -> None:
    """Say which registered `results` peer is told what becomes of a site's exams; None: nobody.

    What finished before is not told. NotFound when the site is another group's.
    """
    values = {"status_peer": peer_id, "status_since": now if peer_id else None}
    if not store.change_site(conn, site_id, values):
        raise NotFound("no such site of your group")


def set_mode(conn: Connection, site_id: SiteId, mode: str) -> None:
    """Write a site's mode; NotFound when it is another group's. See `modes`, which keeps why."""
    if not store.change_site(conn, site_id, {"mode": mode}):
        raise NotFound("no such site of your group")


def set_outside_minutes(conn: Connection, site_id: SiteId, minutes: int) -> None:
    """Say how long a site may say nothing of a read of its own: 5 minutes to a day."""
    if not 5 <= minutes <= 24 * 60:  # noqa: PLR2004 - minutes
        raise Invalid("give minutes between 5 and 1440", "minutes")
    if not store.change_site(conn, site_id, {"outside_minutes": minutes}):
        raise NotFound("no such site of your group")


def is_shadow(conn: Connection, site_id: SiteId) -> bool:
    """Say whether a site is in shadow mode this instant: then nothing may go out to it."""
    return store.mode_of(conn, site_id) == SHADOW


def add_group(conn: Connection, new: Group) -> GroupId:
    """Admit a group; its id is given by the database."""
    values = {n: v for n, v in asdict(new).items() if n != "id"}
    return GroupId(store.add(conn, tables.groups, [values])[0])


def add_site(conn: Connection, new: Site, recorded: Recorded = SINCE_EVER) -> SiteId:
    """Add a hospital or imaging centre, with its own certificates."""
    values = {n: v for n, v in asdict(new).items() if n not in ("id", "certificates")}
    values |= {"targets": new.targets or {}, "quiet_seconds": new.quiet_seconds or {}}
    made = SiteId(store.add(conn, tables.sites, [values])[0])
    store_credentials.add(
        conn, [(None, made, fact, None) for fact in new.certificates], recorded
    )
    return made


def add_reader(conn: Connection, new: Reader, recorded: Recorded = SINCE_EVER) -> ReaderId:
    """Add a radiologist with all facts and shifts.

    A subspecialty without a competence of its own counts as declared by the group. Raises
    Conflict when somebody with this NPI reads already: a reader belongs to one group.
    """
    if new.npi and (there := store.reader_of_npi(conn, new.npi)):
        raise Conflict(
            f"NPI {new.npi} is {there[0]}'s of {there[1]}; a reader belongs to one group: "
            "use an agreement between the groups, or end that membership first"
        )
    added = store.add(conn, tables.readers, [{
        "group_id": new.group, "name": new.name, "npi": new.npi, "active": new.active,
        "sits_in_state": new.sits_in_state,
    }])  # fmt: skip
    made = ReaderId(added[0])
    known = {one.code for one in new.competences}
    declared = [Competence(one) for one in sorted(new.subspecialties - known)]
    add_credentials(conn, made, [*declared, *facts_of(new)], recorded)
    for place in new.places:
        store_credentials.add_place(conn, made, place, recorded.at)
    add_shifts(conn, made, new.shifts)
    return made


def add_credentials(
    conn: Connection, reader_id: ReaderId, facts: Sequence[Fact],
    recorded: Recorded = SINCE_EVER,
) -> None:  # fmt: skip
    """Record facts about a reader beside those that are there; Invalid when one is not sound."""
    for fact in facts:
        check(fact)
    store_credentials.add(conn, [(reader_id, None, fact, None) for fact in facts], recorded)


def set_bylaws(
    conn: Connection, site_id: SiteId, each_claim: Decimal | None, aggregate: Decimal | None,
    child_below: int, *, forbids_offshore: bool,
) -> None:  # fmt: skip
    """Say what a site asks of its readers; NotFound when it is another group's."""
    values = {
        "each_claim": each_claim, "aggregate": aggregate, "child_below": child_below,
        "forbids_offshore": forbids_offshore,
    }  # fmt: skip
    if not store.change_site(conn, site_id, values):
        raise NotFound("no such site of your group")


def set_active(conn: Connection, reader_id: ReaderId, *, active: bool) -> None:
    """End a membership or renew it; NotFound when it is another group's reader."""
    if not store.change_reader(conn, reader_id, {"active": active}):
        raise NotFound("no such reader of your group")


def attest_place(
    conn: Connection, reader_id: ReaderId, place: ReadingPlace, now: datetime
) -> None:
    """Record where a reader says to sit; a later word about the same time replaces it."""
    if place.ends_at <= place.starts_at:
        raise Invalid("the stay ends before it starts", "ends_at")
    if place.country == UNITED_STATES and place.state not in STATE_CODES:
        raise Invalid("say the state, by its two letters", "state")
    store_credentials.add_place(conn, reader_id, place, now)


def add_shifts(conn: Connection, reader_id: ReaderId, shifts: Sequence[Shift]) -> None:
    """Put a reader on duty; ids are given by the database."""
    store_rosters.add_shifts(conn, reader_id, shifts)


def add_site_rule(conn: Connection, new: SiteRule) -> None:
    """Record a rule of site resolution."""
    values = {n: v for n, v in asdict(new).items() if n not in ("peer", "site")}
    store.add(conn, tables.site_rules, [values | {"peer_id": new.peer, "site_id": new.site}])


def share(
    conn: Connection, owner: GroupId, to: GroupId, objects: Sequence[tuple[str, UUID]],
    why: str, at: datetime,
) -> None:  # fmt: skip
    """Let another group see these (kind, id) objects; the database enforces it from now on."""
    store.share(conn, owner, to, objects, why, at)


def shared(conn: Connection, to: frozenset[GroupId], kind: str) -> frozenset[UUID]:
    """Which objects of a kind other groups have opened to these groups."""
    return frozenset(store.shared(conn, sorted(to), kind))


def end_shares(
    conn: Connection, owner: GroupId, to: GroupId | None, objects: Sequence[UUID],
    at: datetime, why: str = "",
) -> None:  # fmt: skip
    """Stop another group, or all, from seeing these objects, at once; for `why` if given."""
    store.end_shares(conn, owner, to, objects, at, why)
