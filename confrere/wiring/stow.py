"""Whose an instance is that a person or program stores through STOW-RS."""

from collections.abc import Callable
from uuid import UUID

from confrere.database.engine import transaction
from confrere.imaging.head import Head
from confrere.kernel.errors import Refused
from confrere.kernel.ids import GroupId, PeerId, SiteId
from confrere.kernel.principal import Principal
from confrere.network import service as network
from confrere.network.systems import Peer, SiteHints
from confrere.wiring.house import House


def resolver(house: House) -> Callable[[Principal, Head], tuple[GroupId, SiteId | None]]:
    """Make the resolver: the owner is the caller's group, the site follows the group's rules."""

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
        with transaction(house.app, frozenset({me.group})) as conn:
            own = [site.id for site in network.sites(conn) if site.owner_group == me.group]
            sender = Peer(
                PeerId(UUID(int=0)), me.group, "dicom", "STOW-RS",
                site=own[0] if len(own) == 1 else None,
            )  # fmt: skip
            return me.group, network.site_of(conn, sender, hints)

    return resolve
