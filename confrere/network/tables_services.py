"""The table of sites' switches. Only the part's store reads it."""

import sqlalchemy as sa

from confrere.database.metadata import flag, metadata, owner

site_services = sa.Table(
    "site_services",
    metadata,
    sa.Column("site_id", sa.Uuid, primary_key=True),
    owner(),
    flag("worklist"),
    flag("archive"),
    sa.Column("cache_days", sa.BigInteger),
    flag("commitment"),
    flag("performed"),
)
