"""The table of sites' modes. Only the part's store reads it."""

import sqlalchemy as sa

from confrere.database.metadata import instant, key, metadata, owner, ref, text, texts

site_modes = sa.Table(
    "site_modes",
    metadata,
    key(),
    owner(),
    ref("site_id"),
    text("mode"),
    instant("at", null=False),
    text("by_name"),
    ref("by_user", null=True),
    text("reason"),
    texts("unmet"),
    sa.Index("ix_site_modes_site_id", "site_id", "at"),
)
