"""What the storage pages show, made of what is known: sizes in words, sites with their rules."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from confrere.imaging import keeping as imaging
from confrere.keeping import service as keeping
from confrere.keeping.model import TierRule
from confrere.keeping.state import Count, Round
from confrere.kernel.principal import Principal
from confrere.network import service as network
from confrere.network import serving
from confrere.network.model import Site
from confrere.network.site_services import SiteServices

SOON = timedelta(days=7)
MOST = 1000  # counted no further
UNITS = ("bytes", "KB", "MB", "GB", "TB", "PB")
STEP = 1000
FULL = 90  # per cent, from where a bar warns


@dataclass(frozen=True, slots=True)
class SiteKept:
    """A site: whose archive, how much lies where, and what will leave when."""

    site: Site
    services: SiteServices
    tier: TierRule | None
    counts: dict[str, Count]
    leave_now: int
    leave_soon: int
    round: Round | None


def own_sites(conn: Connection, me: Principal) -> list[Site]:
    """The sites of a person's group, by name."""
    return sorted(
        (one for one in network.sites(conn) if one.owner_group == me.group),
        key=lambda one: one.name,
    )


def sites_kept(conn: Connection, me: Principal, now: datetime) -> list[SiteKept]:
    """Each own site with what is known of it."""
    switches, tiers, rounds = (
        serving.services(conn), keeping.tiers(conn), keeping.rounds(conn),
    )  # fmt: skip
    counts = keeping.counts(conn, [me.group] if me.group else [])
    found = []
    for site in own_sites(conn, me):
        services = switches.get(site.id, SiteServices(site.owner_group, site.id))
        leave = [0, 0]
        if services.cache_lifetime is not None:
            for n, ahead in enumerate((timedelta(), SOON)):
                before = now + ahead - services.cache_lifetime
                leave[n] = len(imaging.unused(conn, site.id, before, MOST))
        found.append(SiteKept(
            site, services, tiers.get(site.id),
            {one.place: one for one in counts if one.site == site.id}, leave[0],
            leave[1] - leave[0], rounds.get(site.id),
        ))  # fmt: skip
    return found


def elsewhere(conn: Connection, me: Principal) -> list[Count]:
    """What is of no site, as no rule told whose it is."""
    counts = keeping.counts(conn, [me.group] if me.group else [])
    return [one for one in counts if one.site is None]


def size(number: int | None) -> str:
    """Write bytes in words: 1.2 GB."""
    if number is None:
        return "\N{EN DASH}"
    value, unit = float(number), 0
    while value >= STEP and unit < len(UNITS) - 1:
        value, unit = value / STEP, unit + 1
    digits = 0 if unit == 0 or value >= STEP / 10 else 1
    return f"{value:.{digits}f} {UNITS[unit]}"


def used(free: int | None, total: int | None) -> int | None:
    """Say how full a place is, in per cent."""
    return round(100 * (total - free) / total) if free is not None and total else None


def total_of(found: Sequence[SiteKept], place: str) -> int:
    """Bytes of all sites at a place."""
    return sum(one.counts[place].bytes for one in found if place in one.counts)
