"""Tables of this part. Only its store reads them."""

import sqlalchemy as sa

from confrere.database.metadata import flag, instant, key, metadata, owner, ref, text, whole

archives = sa.Table(
    "archives",
    metadata,
    key(),
    owner(),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("way", sa.Text, nullable=False),
    text("aet"),
    text("address"),
    whole("port"),
    text("url"),
    text("token"),  # written by the page, used by the worker; the app role cannot read it
    text("assigner"),
    ref("site_id", null=True),
    whole("keeps_days", 30),
    whole("most_studies", 3),
    whole("pause_seconds", 1),
    sa.Column("night_from", sa.Time),
    sa.Column("night_until", sa.Time),
    flag("plain"),
    flag("enabled", default=True),
    instant("tested_at"),
    text("tested"),
    instant("created_at", null=False),
    sa.UniqueConstraint("owner_group", "name"),
    sa.CheckConstraint("way in ('dimse', 'dicomweb')", name="way"),
)

fetches = sa.Table(
    "fetches",
    metadata,
    key(),
    owner(),
    ref("archive_id"),
    ref("patient_id"),
    ref("order_id", null=True),
    text("study_uid"),
    text("study_date"),
    text("modality"),
    text("description"),
    text("why"),
    sa.Column("state", sa.Text, nullable=False),
    whole("tries"),
    whole("images"),
    text("reason"),
    instant("asked_at", null=False),
    instant("next_at"),
    instant("done_at"),
    instant("expires_at"),
    flag("again"),
    sa.UniqueConstraint("owner_group", "study_uid"),
    sa.Index("ix_fetches_archive_id", "archive_id", "asked_at"),
    sa.Index("ix_fetches_patient_id", "patient_id"),
)
