"""Tables of who holds copies, and of what they were told. Only this part's stores read them."""

import sqlalchemy as sa

from confrere.database.metadata import flag, instant, json, metadata, text, whole

study_holders = sa.Table(
    "study_holders",
    metadata,
    sa.Column("owner_group", sa.Uuid, primary_key=True),
    sa.Column("study_id", sa.Uuid, primary_key=True),
    sa.Column("peer_id", sa.Uuid, primary_key=True),
    sa.Column("how", sa.Text, nullable=False),
    instant("at", null=False),
)

image_editions = sa.Table(
    "image_editions",
    metadata,
    sa.Column("owner_group", sa.Uuid, primary_key=True),
    sa.Column("instance_id", sa.Uuid, primary_key=True),
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("sop_uid", sa.Text, nullable=False),
    sa.Column("series_uid", sa.Text, nullable=False),
    sa.Column("study_uid", sa.Text, nullable=False),
    flag("shown"),
    json("says"),
    instant("at", null=False),
    sa.Index("ix_image_editions_instance_id", "instance_id"),
)

holder_editions = sa.Table(
    "holder_editions",
    metadata,
    sa.Column("owner_group", sa.Uuid, primary_key=True),
    sa.Column("peer_id", sa.Uuid, primary_key=True),
    sa.Column("instance_id", sa.Uuid, primary_key=True),
    whole("number"),
)

correction_sendings = sa.Table(
    "correction_sendings",
    metadata,
    sa.Column("owner_group", sa.Uuid, primary_key=True),
    sa.Column("sending_id", sa.Uuid, primary_key=True),
    text("note_uid"),
    sa.Column("digest", sa.LargeBinary),
    text("note_syntax"),
    json("copies", "[]"),
)
