"""Tables of this part. Only its store reads them."""

import sqlalchemy as sa

from confrere.database.metadata import instant, key, metadata, owner, ref, text, whole


def said(name: str) -> "sa.Column[str]":
    """Make a text column that is always filled."""
    return sa.Column(name, sa.Text, nullable=False)


allergies = sa.Table(
    "allergies",
    metadata,
    key(),
    owner(),
    ref("patient_id"),
    said("substance"),
    text("code"),
    text("severity"),
    text("reaction"),
    text("source"),
    instant("said_at", null=False),
    sa.UniqueConstraint("owner_group", "patient_id", "substance"),
    sa.Index("ix_allergies_patient_id", "patient_id"),
)

lab_values = sa.Table(
    "lab_values",
    metadata,
    key(),
    owner(),
    ref("patient_id"),
    ref("site_id"),
    said("kind"),
    text("code"),
    text("name"),
    said("value"),
    text("unit"),
    text("mark"),
    instant("taken_at", null=False),
    text("source"),
    instant("heard_at", null=False),
    sa.UniqueConstraint("owner_group", "patient_id", "kind", "taken_at"),
    sa.Index("ix_lab_values_patient_id", "patient_id"),
)

exam_notes = sa.Table(
    "exam_notes",
    metadata,
    key(),
    owner(),
    ref("site_id"),
    ref("order_id"),
    said("kind"),
    text("text"),
    text("by_name"),
    ref("by_user", null=True),
    text("source"),
    instant("at", null=False),
    instant("withdrawn_at"),
    text("withdrawn_by"),
    sa.UniqueConstraint("owner_group", "order_id", "kind", "text", "at"),
    sa.Index("ix_exam_notes_order_id", "order_id"),
)

papers = sa.Table(
    "papers",
    metadata,
    key(),
    owner(),
    ref("site_id"),
    ref("patient_id"),
    ref("order_id", null=True),
    text("title"),
    said("media_type"),
    whole("size"),
    sa.Column("digest", sa.LargeBinary, nullable=False),
    text("source"),
    instant("at", null=False),
    sa.UniqueConstraint("owner_group", "patient_id", "digest"),
    sa.Index("ix_papers_order_id", "order_id"),
)
