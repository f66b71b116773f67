"""Tables of corrected, rejected and imported images. Only this part's stores read them."""

import sqlalchemy as sa

from confrere.database.metadata import (
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

corrections = sa.Table(
    "corrections",
    metadata,
    key(),
    owner(),
    text("kind"),
    ref("from_study"),
    ref("to_study"),
    whole("images"),
    json("before"),
    text("reason"),
    text("by_name"),
    ref("by_user", null=True),
    instant("at", null=False),
    instant("undone_at"),
    text("undone_by"),
    text("undone_reason"),
    sa.Index("ix_corrections_from_study", "from_study"),
    sa.Index("ix_corrections_to_study", "to_study"),
)

rejections = sa.Table(
    "rejections",
    metadata,
    key(),
    owner(),
    text("study_uid"),
    text("note_uid"),
    sa.Column("digest", sa.LargeBinary, nullable=False),
    text("code"),
    text("door"),
    text("reason"),
    text("by_name"),
    ref("by_user", null=True),
    texts("sop_uids"),
    instant("at", null=False),
    instant("restored_at"),
    text("restored_by"),
    text("restored_reason"),
    sa.UniqueConstraint("owner_group", "note_uid"),
    sa.Index("ix_rejections_study_uid", "owner_group", "study_uid"),
    sa.Index("ix_rejections_sop_uids", "sop_uids", postgresql_using="gin"),
)

pieces_settled = sa.Table(
    "pieces_settled",
    metadata,
    sa.Column("owner_group", sa.Uuid, primary_key=True),
    sa.Column("subject", sa.Uuid, primary_key=True),
    text("words"),
    text("by_name"),
    instant("at", null=False),
)

imports = sa.Table(
    "imports",
    metadata,
    key(),
    owner(),
    ref("site_id"),
    text("label"),
    sa.Column("digest", sa.LargeBinary),
    text("state", default="reading"),
    text("trouble"),
    whole("files"),
    text("by_name"),
    ref("by_user", null=True),
    instant("at", null=False),
    sa.Index("ix_imports_owner_group", "owner_group", "at"),
)

import_files = sa.Table(
    "import_files",
    metadata,
    key(),
    owner(),
    ref("import_id"),
    text("path"),
    text("state"),
    text("reason"),
    sa.Column("digest", sa.LargeBinary),
    whole("size"),
    text("transfer_syntax"),
    text("study_uid"),
    text("sop_uid"),
    json("said"),
    sa.UniqueConstraint("import_id", "path"),
)
