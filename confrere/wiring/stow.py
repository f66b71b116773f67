"""Whose an instance is that a person or program stores through STOW-RS."""

from collections.abc import Callable
from time import monotonic
from uuid import UUID

from confrere.database.engine import transaction
from confrere.imaging.head import Head
from confrere.kernel.errors import Refused
from confrere.kernel.ids import GroupId, PeerId, SiteId
from confrere.kernel.principal import Principal
from confrere.network import service as network
from confrere.network.systems import Peer, SiteHints
from confrere.wiring.house import House

KEPT_SECONDS = 2.0  # a request's many parts are mostly of one place
MOST_KEPT = 1000


def resolver(house: House) -> Callable[[Principal, Head], tuple[GroupId, SiteId | None]]:
    """Make the resolver: the owner is the caller's group, the site follows the group's rules."""
    places: dict[tuple[GroupId, SiteHints], tuple[float, SiteId | None]] = {}

    def resolve(me: Principal, head: Head) -> tuple[GroupId, SiteId | None]:
        if me.group is None:
            raise Refused("images belong to a group: sign in as a member of one")
        if me.site is not None:
            return me.group, me.site
        hints = SiteHints(
            institution=head.institution,
            issuer=head.patient_id_issuer,
            accession=head.accession_number,
        )
        known = places.get((me.group, hints))
        if known is not None and monotonic() - known[0] < KEPT_SECONDS:
            return me.group, known[1]
        with transaction(house.app, frozenset({me.group})) as conn:
            own = [site.id for site in network.sites(conn) if site.owner_group == me.group]
            sender = Peer(
                PeerId(UUID(int=0)), me.group, "dicom", "STOW-RS",
                site=own[0] if len(own) == 1 else None,
            )  # fmt: skip
            site = network.site_of(conn, sender, hints)
        if len(places) >= MOST_KEPT:
            places.clear()
        places[me.group, hints] = (monotonic(), site)
        return me.group, site

    return resolve
