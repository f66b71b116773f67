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
    uuids,
    whole,
)
from confrere.network.tables_agreements import (
    agreement_signatures,
    agreement_suspensions,
    agreement_versions,
    agreements,
    opt_outs,
)

__all__ = [
    "agreement_signatures",
    "agreement_suspensions",
    "agreement_versions",
    "agreements",
    "attendance",
    "groups",
    "licences",
    "opt_outs",
    "peers",
    "privileges",
    "readers",
    "roster_settings",
    "shares",
    "shifts",
    "site_rules",
    "sites",
]

groups = sa.Table(
    "groups",
    metadata,
    key(),
    sa.Column("code", sa.Text, nullable=False, unique=True),
    text("name"),
    text("time_zone"),
    flag("synthetic"),
)

sites = sa.Table(
    "sites",
    metadata,
    key(),
    owner(),
    sa.Column("code", sa.Text, nullable=False, unique=True),
    text("name"),
    text("short_name"),
    text("state"),
    text("time_zone"),
    text("kind"),
    text("assigner"),
    text("accession_prefix"),
    text("reporting", default="confrere"),
    text("viewer_url"),
    json("targets"),
    json("quiet_seconds"),
    ref("result_peer", null=True),
    sa.Column("viewer_cleared_on", sa.Date),
    flag("synthetic"),
)

readers = sa.Table(
    "readers",
    metadata,
    key(),
    ref("group_id"),
    text("name"),
    text("npi"),
    texts("subspecialties"),
    texts("certificates"),
    text("sits_in_state"),
    flag("active", default=True),
    sa.Index("ix_readers_group_id", "group_id"),
)

licences = sa.Table(
    "licences",
    metadata,
    key(),
    ref("reader_id"),
    text("state"),
    text("number"),
    text("status", default="active"),
    sa.Column("valid_from", sa.Date, nullable=False),
    sa.Column("valid_to", sa.Date, nullable=False),
    sa.CheckConstraint("valid_to >= valid_from", name="dates"),
    sa.Index("ix_licences_reader_id", "reader_id"),
)

privileges = sa.Table(
    "privileges",
    metadata,
    key(),
    ref("reader_id"),
    ref("site_id"),
    text("scope", default="all"),
    text("path", default="full"),
    sa.Column("valid_from", sa.Date, nullable=False),
    sa.Column("valid_to", sa.Date, nullable=False),
    sa.CheckConstraint("valid_to >= valid_from", name="dates"),
    sa.Index("ix_privileges_reader_id", "reader_id"),
)

shifts = sa.Table(
    "shifts",
    metadata,
    key(),
    ref("reader_id"),
    instant("starts_at", null=False),
    instant("ends_at", null=False),
    text("kind"),
    texts("subspecialties"),
    uuids("site_ids"),
    flag("takes_overflow", default=True),
    sa.CheckConstraint("ends_at > starts_at", name="order"),
    sa.Index("ix_shifts_reader_id_ends_at", "reader_id", "ends_at"),
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

peers = sa.Table(
    "peers",
    metadata,
    key(),
    owner(),
    text("door"),
    text("name"),
    text("aet"),
    text("application"),
    text("facility"),
    text("address"),
    whole("port"),
    ref("site_id", null=True),
    flag("plain_beyond_loopback"),
    text("interface"),
    flag("enabled", default=True),
    sa.Index("ix_peers_door", "door"),
)

site_rules = sa.Table(
    "site_rules",
    metadata,
    key(),
    owner(),
    ref("peer_id", null=True),
    whole("rank"),
    text("facility"),
    text("institution"),
    text("issuer"),
    text("accession_prefix"),
    ref("site_id"),
)

shares = sa.Table(
    "shares",
    metadata,
    key(),
    owner(),
    ref("to_group"),
    text("kind"),
    ref("object_id"),
    text("why"),
    instant("granted_at", null=False),
    instant("ended_at"),
    sa.UniqueConstraint("owner_group", "to_group", "object_id"),
    sa.Index("ix_shares_to_group", "to_group", "object_id"),
)
