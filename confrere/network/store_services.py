"""SQL of the sites' switches, in and out."""

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import insert

from confrere.kernel.ids import GroupId, SiteId
from confrere.network import tables as t
from confrere.network.site_services import SiteServices


def services(conn: Connection) -> dict[SiteId, SiteServices]:
    """The switches of the sites that have any of their own."""
    return {
        SiteId(r.site_id): SiteServices(
            GroupId(r.owner_group), SiteId(r.site_id), worklist=r.worklist
        )
        for r in conn.execute(sa.select(t.site_services))
    }


def set_services(conn: Connection, new: SiteServices) -> None:
    """Set a site's own."""
    values = {"worklist": new.worklist}
    made = insert(t.site_services).values(
        site_id=new.site, owner_group=new.owner_group, **values
    )
    conn.execute(made.on_conflict_do_update(index_elements=["site_id"], set_=values))
