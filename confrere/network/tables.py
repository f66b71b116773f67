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
from confrere.network.tables_gateways import gateways
from confrere.network.tables_modes import site_modes
from confrere.network.tables_rosters import attendance, roster_settings, routing_settings
from confrere.network.tables_services import site_services

__all__ = [
    "agreement_signatures",
    "agreement_suspensions",
    "agreement_versions",
    "agreements",
    "attendance",
    "credentials",
    "documents",
    "exclusions",
    "facts_version",
    "gateways",
    "groups",
    "opt_outs",
    "peers",
    "places",
    "readers",
    "reminders",
    "roster_settings",
    "routing_settings",
    "rules",
    "shares",
    "shifts",
    "site_modes",
    "site_rules",
    "site_services",
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
    text("tin"),
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
    sa.Column("each_claim", sa.Numeric(14, 2)),
    sa.Column("aggregate", sa.Numeric(14, 2)),
    whole("child_below"),
    flag("forbids_offshore"),
    ref("status_peer", null=True),
    instant("status_since"),
    text("mode", default="live"),
    whole("outside_minutes", 120),
    text("launch_name"),
    text("launch_text"),
)

readers = sa.Table(
    "readers",
    metadata,
    key(),
    ref("group_id"),
    text("name"),
    text("npi"),
    text("sits_in_state"),
    flag("active", default=True),
    sa.Index("ix_readers_group_id", "group_id"),
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
    text("certificate"),
    flag("availability"),
    flag("tls"),
    text("tls_fingerprint"),
    text("corrections", default="nothing"),
    flag("keeps_all"),
    sa.CheckConstraint("corrections in ('nothing', 'notes', 'all')", name="corrections"),
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

# facts are never overwritten: a row that something replaced, or that was withdrawn, is ended,
# so that any past instant can be judged as it was
credentials = sa.Table(
    "credentials",
    metadata,
    key(),
    text("kind"),
    ref("reader_id", null=True),
    ref("site_id", null=True),
    json("details"),
    sa.Column("ends_on", sa.Date),
    instant("recorded_at"),  # null: known since before the records began
    text("recorded_by"),
    instant("ended_at"),
    text("ended_because"),
    ref("replaces", null=True),
    sa.CheckConstraint("reader_id is not null or site_id is not null", name="of_someone"),
    sa.Index("ix_credentials_reader_id", "reader_id"),
    sa.Index("ix_credentials_site_id", "site_id"),
    sa.Index("ix_credentials_ends_on", "ends_on", postgresql_where=sa.text("ended_at is null")),
)

places = sa.Table(
    "places",
    metadata,
    key(),
    ref("reader_id"),
    text("country"),
    text("state"),
    instant("starts_at", null=False),
    instant("ends_at", null=False),
    instant("recorded_at"),
    sa.CheckConstraint("ends_at > starts_at", name="order"),
    sa.Index("ix_places_reader_id_ends_at", "reader_id", "ends_at"),
)

exclusions = sa.Table(
    "exclusions",
    metadata,
    key(),
    owner(),
    ref("reader_id"),
    ref("reader_group"),
    ref("patient_id", null=True),
    ref("site_id", null=True),
    text("kind"),
    sa.Column("valid_from", sa.Date),
    sa.Column("valid_to", sa.Date),
    instant("recorded_at"),
    text("recorded_by"),
    instant("ended_at"),
    sa.CheckConstraint("patient_id is not null or site_id is not null", name="of_someone"),
    sa.Index("ix_exclusions_reader_id", "reader_id"),
)

# what the rules' owners changed; the rest stands as the program brings it
rules = sa.Table(
    "rules",
    metadata,
    key(),
    text("code"),
    text("title"),
    text("kind"),
    text("cites"),
    text("owner"),
    sa.Column("effective_from", sa.Date, nullable=False),
    sa.Column("effective_to", sa.Date),
    instant("recorded_at"),
    text("recorded_by"),
    instant("ended_at"),
    sa.CheckConstraint("effective_to >= effective_from", name="dates"),
    sa.Index(
        "uq_rules_code", "code", unique=True, postgresql_where=sa.text("ended_at is null")
    ),
)

facts_version = sa.Table("facts_version", metadata, whole("number"))

documents = sa.Table(
    "documents",
    metadata,
    key(),
    owner(),
    ref("reader_id"),
    ref("credential_id"),
    text("name"),
    text("media_type"),
    whole("size"),
    sa.Column("digest", sa.LargeBinary, nullable=False),
    instant("added_at", null=False),
    text("added_by"),
    sa.Index("ix_documents_credential_id", "credential_id"),
    sa.Index("ix_documents_reader_id", "reader_id"),
)

reminders = sa.Table(
    "reminders",
    metadata,
    key(),
    owner(),
    ref("credential_id"),
    ref("reader_id", null=True),
    whole("threshold"),  # days before the end; 0 is: lapsed
    instant("made_at", null=False),
    instant("seen_at"),
    text("seen_by"),
    sa.UniqueConstraint("credential_id", "threshold"),
    sa.Index("ix_reminders_owner_group", "owner_group", "seen_at"),
)
