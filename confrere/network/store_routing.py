"""SQL of the groups' routing settings, in and out."""

from dataclasses import asdict

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import insert

from confrere.kernel.ids import GroupId
from confrere.network import tables as t
from confrere.network.routing_settings import RoutingSettings


def settings(conn: Connection) -> dict[GroupId, RoutingSettings]:
    """The settings of the groups that have any of their own."""
    return {
        GroupId(r.owner_group): RoutingSettings(
            r.mode, r.first, r.hold, r.own_first, r.ahead, r.put_aside, r.silence_seconds
        )
        for r in conn.execute(sa.select(t.routing_settings))
    }


def set_settings(conn: Connection, owner: GroupId, new: RoutingSettings) -> None:
    """Set a group's own."""
    values = asdict(new)
    made = insert(t.routing_settings).values(owner_group=owner, **values)
    conn.execute(made.on_conflict_do_update(index_elements=["owner_group"], set_=values))
