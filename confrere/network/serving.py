"""Switch what Confrere does for a site on and off. The caller owns the transaction."""

from datetime import timedelta

from sqlalchemy import Connection

from confrere.kernel.errors import Conflict, Refused
from confrere.kernel.ids import SiteId
from confrere.network import service, store_services
from confrere.network.site_services import SiteServices, check


def services(conn: Connection) -> dict[SiteId, SiteServices]:
    """The switches of the sites that have any on record; all are off elsewhere."""
    return store_services.services(conn)


def is_archive(conn: Connection, site: SiteId) -> bool:
    """Say whether Confrere is this site's declared archive; else its own PACS is."""
    found = store_services.services(conn, site).get(site)
    return found is not None and found.archive


def cache_lifetime(conn: Connection, site: SiteId) -> timedelta | None:
    """How long a site's images stay here as a cache; None: no limit, or we are its archive."""
    found = store_services.services(conn, site).get(site)
    return found.cache_lifetime if found is not None else None


def switch(conn: Connection, new: SiteServices, *, confirmed: bool = False) -> SiteServices:
    """Switch a site's services; return those before.

    Raises Refused for a site of another group, Invalid for switches that contradict each
    other, and Conflict where the declaration of the archive changes and the person has not
    `confirmed` it: modalities delete on our word, and caches are emptied without it.
    """
    site = service.site(conn, new.site)
    if site.owner_group != new.owner_group:
        raise Refused("only the group that owns a site may switch its services")
    check(new)
    none = SiteServices(new.owner_group, new.site)
    before = store_services.services(conn, new.site).get(new.site, none)
    if new.archive != before.archive and not confirmed:
        raise Conflict(
            "this changes which system is the site's archive: read what it means and confirm it"
        )
    store_services.set_services(conn, new)
    return before
