"""Switch what Confrere does for a site on and off. The caller owns the transaction."""

from sqlalchemy import Connection

from confrere.kernel.errors import Refused
from confrere.kernel.ids import GroupId, SiteId
from confrere.network import service, store_services
from confrere.network.site_services import SiteServices


def services(conn: Connection) -> dict[SiteId, SiteServices]:
    """The switches of the sites that have any on record; all are off elsewhere."""
    return store_services.services(conn)


def switch(
    conn: Connection, owner: GroupId, site_id: SiteId, *, worklist: bool
) -> SiteServices:
    """Switch a site's services; raises Refused for a site of another group."""
    site = service.site(conn, site_id)
    if site.owner_group != owner:
        raise Refused("only the group that owns a site may switch its services")
    new = SiteServices(owner, site_id, worklist=worklist)
    store_services.set_services(conn, new)
    return new
