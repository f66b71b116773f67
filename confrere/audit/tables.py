"""Tables of this part. Only its store reads them; the app role may add, never change."""

import sqlalchemy as sa

from confrere.database.metadata import instant, json, metadata, ref, text

audit_events = sa.Table(
    "audit_events",
    metadata,
    sa.Column("owner_group", sa.Uuid, primary_key=True),
    sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
    instant("at", null=False),
    text("action"),
    text("kind"),
    text("door"),
    text("outcome"),
    ref("user_id", null=True),
    text("user_name"),
    ref("user_group", null=True),
    text("session"),
    text("purpose"),
    ref("patient_id", null=True),
    ref("study_id", null=True),
    ref("object_id", null=True),
    json("detail"),
    sa.Column("mac", sa.LargeBinary, nullable=False),
    sa.Index("ix_audit_events_owner_group_at", "owner_group", "at"),
    sa.Index("ix_audit_events_once", "owner_group", "session", "kind", "door", "object_id"),
)
