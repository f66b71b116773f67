"""Tables of this part. Only its stores read them."""

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
    texts,
    whole,
)

tier_rules = sa.Table(
    "tier_rules",
    metadata,
    sa.Column("site_id", sa.Uuid, primary_key=True),
    owner(),
    sa.Column("unused_days", sa.BigInteger),
    sa.Column("age_days", sa.BigInteger),
    flag("warm", default=True),
)

retention_rules = sa.Table(
    "retention_rules",
    metadata,
    key(),
    ref("owner_group", null=True),  # null: for everyone
    ref("site_id", null=True),
    text("code"),
    text("words"),
    text("modality"),
    text("state"),
    whole("years"),
    sa.Column("years_if_later", sa.BigInteger),
    sa.Column("until_age", sa.BigInteger),
    text("source"),
    sa.Column("starts_on", sa.Date, nullable=False),
    sa.Column("ends_on", sa.Date),
    text("by_name"),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
)

legal_holds = sa.Table(
    "legal_holds",
    metadata,
    key(),
    owner(),
    ref("study_id", null=True),
    ref("patient_id", null=True),
    text("reason"),
    text("placed_by"),
    ref("placed_by_user", null=True),
    instant("placed_at", null=False),
    text("lifted_by"),
    ref("lifted_by_user", null=True),
    instant("lifted_at"),
    text("lifted_because"),
)

deletion_lists = sa.Table(
    "deletion_lists",
    metadata,
    key(),
    owner(),
    ref("site_id"),
    text("state", default="proposed"),
    text("reason"),
    text("proposed_by"),
    ref("proposed_by_user"),
    instant("proposed_at", null=False),
    text("decided_by"),
    ref("decided_by_user", null=True),
    instant("decided_at"),
    text("decided_because"),
    instant("waits_until"),
    instant("executed_at"),
)

deletion_items = sa.Table(
    "deletion_items",
    metadata,
    key(),
    owner(),
    ref("list_id"),
    ref("study_id"),
    text("rule"),
    text("words"),
    text("source"),
    sa.Column("due_on", sa.Date, nullable=False),
    whole("images"),
    whole("bytes"),
    text("state", default="listed"),
    text("why"),
    sa.UniqueConstraint("list_id", "study_id"),
)

removal_certificates = sa.Table(
    "removal_certificates",
    metadata,
    key(),
    owner(),
    ref("site_id"),
    ref("list_id"),
    ref("study_id"),
    sa.Column("study_uid", sa.Text, nullable=False),
    ref("patient_id", null=True),
    text("study_date"),
    texts("modalities"),
    whole("images"),
    whole("bytes"),
    sa.Column("content_hash", sa.LargeBinary, nullable=False),
    text("rule"),
    text("words"),
    text("source"),
    sa.Column("due_on", sa.Date, nullable=False),
    text("proposed_by"),
    text("approved_by"),
    instant("removed_at", null=False),
)

storage_counts = sa.Table(
    "storage_counts",
    metadata,
    key(),
    owner(),
    ref("site_id", null=True),
    text("place"),
    whole("studies"),
    whole("images"),
    whole("bytes"),
    instant("counted_at", null=False),
)

cache_rounds = sa.Table(
    "cache_rounds",
    metadata,
    sa.Column("site_id", sa.Uuid, primary_key=True),
    owner(),
    whole("evicted"),
    json("kept"),
    instant("at", null=False),
    instant("after_at"),
    ref("after_study", null=True),
)

store_state = sa.Table(
    "store_state",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    text("address"),
    text("trouble"),
    sa.Column("free_bytes", sa.BigInteger),
    sa.Column("total_bytes", sa.BigInteger),
    instant("looked_at"),
    text("scrub_after"),
    instant("scrub_began_at"),
    instant("scrub_ended_at"),
    whole("scrub_read"),
    whole("scrub_found"),
    whole("damaged"),
    text("sweep_after"),
    whole("swept"),
    instant("sweep_ended_at"),
)
