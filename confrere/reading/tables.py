"""Tables of this part. Only its store reads them; the database refuses to change a version."""

import sqlalchemy as sa

from confrere.database.metadata import (
    instant,
    json,
    key,
    metadata,
    owner,
    ref,
    text,
    uuids,
    whole,
)

reports = sa.Table(
    "reports",
    metadata,
    key(),
    owner(),
    ref("reader_group", null=True),
    ref("item_id", null=True),
    ref("site_id", null=True),
    ref("patient_id", null=True),
    ref("study_id", null=True),
    uuids("order_ids"),
    ref("author_id", null=True),
    text("author_name"),
    text("origin", default="confrere"),
    text("state", default="draft"),
    text("title"),
    json("draft"),
    instant("draft_at"),
    whole("version"),
    instant("exam_at"),
    instant("final_at"),
    instant("updated_at", null=False),
    ref("backload_id", null=True),
    sa.UniqueConstraint("owner_group", "item_id", "reader_group"),
    sa.Index("ix_reports_patient_id", "patient_id"),
    sa.Index("ix_reports_updated_at", "owner_group", "updated_at"),
)

report_versions = sa.Table(
    "report_versions",
    metadata,
    key(),
    owner(),
    ref("reader_group", null=True),
    ref("report_id"),
    sa.Column("number", sa.Integer, nullable=False),
    text("kind"),
    json("sections"),
    text("text"),
    ref("signer_id", null=True),
    text("signer_name"),
    instant("signed_at", null=False),
    sa.UniqueConstraint("report_id", "number"),
)

double_reads = sa.Table(
    "double_reads",
    metadata,
    key(),
    owner(),
    ref("site_id", null=True),
    ref("item_id"),
    ref("here", null=True),
    ref("elsewhere"),
    text("kind"),
    text("holder"),
    instant("at", null=False),
    instant("settled_at"),
    text("settled_by"),
    text("resolution"),
    sa.UniqueConstraint("owner_group", "item_id", "elsewhere"),
)

backloads = sa.Table(
    "backloads",
    metadata,
    key(),
    owner(),
    ref("site_id"),
    sa.Column("form", sa.Text, nullable=False),
    text("name"),
    sa.Column("digest", sa.LargeBinary, nullable=False),
    whole("size"),
    sa.Column("state", sa.Text, nullable=False),
    whole("rows"),
    whole("done"),
    whole("added"),
    whole("same"),
    whole("failed"),
    whole("untyped"),
    text("asked_by"),
    instant("created_at", null=False),
    instant("updated_at", null=False),
    sa.UniqueConstraint("owner_group", "site_id", "digest"),
)

backload_problems = sa.Table(
    "backload_problems",
    metadata,
    key(),
    owner(),
    ref("backload_id"),
    whole("row"),
    text("field"),
    text("says"),
    text("remedy"),
    sa.UniqueConstraint("backload_id", "row"),
)

# how a person wants studies hung in the viewer
hangings = sa.Table(
    "hangings",
    metadata,
    key(),
    owner(),
    ref("user_id"),
    text("modality"),
    text("region"),
    text("layout"),
    text("first"),
    json("windows", "[]"),
    instant("updated_at", null=False),
    sa.UniqueConstraint(
        "owner_group", "user_id", "modality", "region", name="uq_hangings_place"
    ),
)
