"""The table of gateways at hospitals. Only the part's store reads it."""

import sqlalchemy as sa

from confrere.database.metadata import (
    flag,
    instant,
    json,
    key,
    metadata,
    owner,
    ref,
    text,
    whole,
)

gateways = sa.Table(
    "gateways",
    metadata,
    key(),
    owner(),
    ref("site_id"),
    ref("peer_id"),
    text("name"),
    sa.Column("code_digest", sa.LargeBinary),
    instant("code_until"),
    sa.Column("token_digest", sa.LargeBinary),
    instant("made_at", null=False),
    text("made_by"),
    instant("enrolled_at"),
    instant("last_seen_at"),
    text("version"),
    json("said"),
    flag("downtime"),
    whole("audited_to"),
    text("audited_chain"),
    instant("revoked_at"),
    sa.Index("ix_gateways_owner_group", "owner_group"),
)
