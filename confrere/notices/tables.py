"""Tables of this part. Only its store reads them."""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from confrere.database.metadata import instant, key, metadata, owner, ref, text, texts, whole

contacts = sa.Table(
    "contacts",
    metadata,
    key(),
    owner(),
    text("role"),
    text("name"),
    ref("reader_id", null=True),
    ref("site_id", null=True),
    text("mail"),
    text("phone"),
    texts("channels"),
    sa.Column("quiet_from", sa.Time),
    sa.Column("quiet_until", sa.Time),
    text("time_zone", default="UTC"),
    instant("changed_at", null=False),
    text("changed_by"),
    sa.Index("ix_contacts_owner_group", "owner_group"),
    sa.Index(
        "uq_contacts_reader_id", "owner_group", "reader_id", unique=True,
        postgresql_where=sa.text("role = 'reader'"),
    ),
)  # fmt: skip

notice_settings = sa.Table(
    "notice_settings",
    metadata,
    sa.Column("owner_group", sa.Uuid, primary_key=True),
    sa.Column("tiers", postgresql.ARRAY(sa.BigInteger), nullable=False),
)

notices = sa.Table(
    "notices",
    metadata,
    key(),
    owner(),
    ref("to_group"),
    ref("message_id"),
    text("kind"),
    whole("tier"),
    ref("about"),
    ref("item_id", null=True),
    ref("recipient"),
    ref("reader_id", null=True),
    ref("contact_id", null=True),
    text("role"),
    text("name"),
    text("channel"),
    text("site_name"),
    text("level"),
    instant("due_at"),
    text("said"),
    text("state", default="queued"),
    whole("attempts"),
    text("last_error"),
    text("sent_to"),
    instant("created_at", null=False),
    instant("next_at", null=False),
    instant("sent_at"),
    instant("seen_at"),
    text("seen_by"),
    sa.UniqueConstraint("owner_group", "about", "kind", "tier", "recipient", "channel"),
    sa.Index("ix_notices_about", "about"),
    sa.Index("ix_notices_message_id", "message_id"),
    sa.Index("ix_notices_recipient", "recipient", "channel", "created_at"),
    sa.Index("ix_notices_owner_group_created_at", "owner_group", "created_at"),
    sa.Index("ix_notices_to_group_created_at", "to_group", "created_at"),
    sa.Index("ix_notices_queued", "next_at", postgresql_where=sa.text("state = 'queued'")),
)
