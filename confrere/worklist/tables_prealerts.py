"""The table of pre-alerts. Only this part's store reads it."""

import sqlalchemy as sa

from confrere.database.metadata import (
    instant,
    key,
    metadata,
    owner,
    ref,
    text,
    uuids,
)

prealerts = sa.Table(
    "prealerts",
    metadata,
    key(),
    owner(),
    ref("order_id"),
    ref("site_id"),
    text("kind"),
    text("level"),
    text("site_name"),
    text("state", default="open"),
    ref("reader_id", null=True),
    ref("reader_group", null=True),
    text("answer"),
    uuids("rung"),
    uuids("refused"),
    ref("item_id", null=True),
    instant("raised_at", null=False),
    instant("expires_at", null=False),
    instant("rung_at"),
    instant("begun_at"),
    instant("offered_at"),
    instant("ended_at"),
    sa.UniqueConstraint("owner_group", "order_id"),
    sa.Index("ix_prealerts_open", "reader_id", postgresql_where=sa.text("ended_at is null")),
)
