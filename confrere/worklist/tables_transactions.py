"""The table of transactions. Only this part's store reads it."""

import sqlalchemy as sa

from confrere.database.metadata import instant, metadata, ref, text

ups_transactions = sa.Table(
    "ups_transactions",
    metadata,
    sa.Column("owner_group", sa.Uuid, primary_key=True),
    sa.Column("item_id", sa.Uuid, primary_key=True),
    ref("reader_id"),
    text("transaction_uid"),
    ref("hold_token"),
    instant("created_at", null=False),
)
