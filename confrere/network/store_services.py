"""SQL of the sites' switches, in and out."""

from dataclasses import asdict

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import insert

from confrere.kernel.ids import GroupId, SiteId
from confrere.network import tables as t
from confrere.network.site_services import SiteServices


def services(conn: Connection, site: SiteId | None = None) -> dict[SiteId, SiteServices]:
    """The switches of the sites, or of one, that have any of their own."""
    query = sa.select(t.site_services)
    if site is not None:
        query = query.where(t.site_services.c.site_id == site)
    return {
        SiteId(r.site_id): SiteServices(
            GroupId(r.owner_group), SiteId(r.site_id), worklist=r.worklist, archive=r.archive,
            cache_days=r.cache_days, commitment=r.commitment, performed=r.performed,
        )
        for r in conn.execute(query)
    }  # fmt: skip


def set_services(conn: Connection, new: SiteServices) -> None:
    """Set a site's own."""
    values = asdict(new)
    site, owner = values.pop("site"), values.pop("owner_group")
    made = insert(t.site_services).values(site_id=site, owner_group=owner, **values)
    conn.execute(made.on_conflict_do_update(index_elements=["site_id"], set_=values))
