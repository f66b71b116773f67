"""Tables of being there, and of how a group's readers are asked."""

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
    whole,
)

attendance = sa.Table(
    "attendance",
    metadata,
    key(),
    owner(),
    ref("reader_id"),
    text("act"),
    instant("at", null=False),
    sa.Column("number", sa.BigInteger, sa.Identity(always=True)),  # in the order of writing
    sa.Index("ix_attendance_reader_id", "reader_id", "at"),
)

roster_settings = sa.Table(
    "roster_settings",
    metadata,
    sa.Column("owner_group", sa.Uuid, primary_key=True),
    flag("sign_on_required"),
    whole("no_show_minutes", 15),
)

routing_settings = sa.Table(
    "routing_settings",
    metadata,
    sa.Column("owner_group", sa.Uuid, primary_key=True),
    text("mode", default="hybrid"),
    text("first", default="match"),
    json("hold"),
    json("own_first"),
    whole("ahead", 1),
    flag("put_aside"),
    whole("silence_seconds", 90),
)
