"""Tables of this part. Only its store reads them."""

import sqlalchemy as sa

from confrere.database.metadata import flag, instant, json, key, metadata, owner, ref, text

patients = sa.Table(
    "patients",
    metadata,
    key(),
    owner(),
    sa.Column("assigner", sa.Text, nullable=False),
    sa.Column("mrn", sa.Text, nullable=False),
    text("family"),
    text("given"),
    sa.Column("birth_date", sa.Date),
    text("sex"),
    text("postal_code"),
    ref("person_id", null=True),
    ref("merged_into", null=True),
    json("source"),
    flag("synthetic"),
    instant("updated_at", null=False),
    sa.UniqueConstraint("owner_group", "assigner", "mrn"),
    sa.Index("ix_patients_person_id", "person_id"),
    sa.Index("ix_patients_birth_date", "birth_date"),
    sa.Index("ix_patients_mrn", "mrn"),
)

patient_links = sa.Table(
    "patient_links",
    metadata,
    key(),
    owner(),
    ref("patient_id"),
    ref("person_id"),
    sa.Column("score", sa.Float, nullable=False),
    text("how"),
    text("decided_by"),
    instant("at", null=False),
    sa.Index("ix_patient_links_patient_id", "patient_id"),
)
