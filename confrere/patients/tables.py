"""Tables of this part. Only its store reads them."""

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
from confrere.patients import sounds

# what two records of one person most likely still share: one of these leads to the other.
# Made by the database, so that rows loaded in bulk have them too
_INITIAL = "lower(left(given, 1))"
NAME_KEY = (
    "case when family = '' or birth_date is null then '' else lower(left(family, 4)) || '|' || "
    f"{_INITIAL} || '|' || extract(year from birth_date)::text end"
)
HOUSE_KEY = (
    "case when postal_code = '' or street = '' then '' else left(postal_code, 5) || '|' || "
    "substring(street from '[0-9]+') || '|' || "
    "lower(coalesce(substring(street from '[A-Za-z]'), '')) end"
)
START = 3  # letters
PHONE_KEY = "right(regexp_replace(phone, '[^0-9]', '', 'g'), 10)"


def _made(name: str, by: str) -> sa.Column[str]:
    kind = sa.Text(collation="C")
    return sa.Column(name, kind, sa.Computed(f"coalesce({by}, '')", persisted=True))


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
    text("street"),
    text("phone"),
    text("national_last4"),
    ref("person_id", null=True),
    ref("merged_into", null=True),
    json("source"),  # field -> when the message that told it was said, ISO 8601
    flag("synthetic"),
    instant("updated_at", null=False),
    _made("family_key", "lower(family)"),
    _made("given_key", "lower(given)"),
    _made("family_start", f"left(lower(family), {START})"),
    _made("family_sound", sounds.sql("family")),
    _made("given_sound", sounds.sql("split_part(ltrim(given), ' ', 1)")),
    _made("name_key", NAME_KEY),
    _made("house_key", HOUSE_KEY),
    _made("phone_key", PHONE_KEY),
    sa.UniqueConstraint("owner_group", "assigner", "mrn"),
    sa.Index("ix_patients_person_id", "person_id"),
    sa.Index("ix_patients_birth_date", "birth_date"),
    sa.Index("ix_patients_mrn", "mrn"),
    sa.Index("ix_patients_family_key", "family_key", "given_key"),
    sa.Index("ix_patients_given_key", "given_key"),
    sa.Index("ix_patients_family_sound", "family_sound", "given_sound"),
    sa.Index("ix_patients_given_sound", "given_sound"),
    # the newest first of those whose names begin alike, without sorting all of them
    sa.Index(
        "ix_patients_family_start",
        "family_start",
        sa.text("updated_at desc"),
        sa.text("id desc"),
        postgresql_where=sa.text("family_start <> ''"),
    ),
    *(
        sa.Index(f"ix_patients_{name}", name, postgresql_where=sa.text(f"{name} <> ''"))
        for name in ("name_key", "house_key", "phone_key", "national_last4")
    ),
)

patient_identifiers = sa.Table(
    "patient_identifiers",
    metadata,
    owner(),
    sa.Column("patient_id", sa.Uuid, primary_key=True),
    sa.Column("assigner", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, primary_key=True, server_default=sa.text("''")),
    instant("told_at", null=False),
    sa.Index("ix_patient_identifiers_value_assigner", "value", "assigner"),
)

patient_pairs = sa.Table(
    "patient_pairs",
    metadata,
    key(),
    owner(),
    ref("other_group"),
    ref("one_id"),
    ref("other_id"),
    text("state"),
    sa.Column("score", sa.Float, nullable=False, server_default=sa.text("0")),
    json("fields", "[]"),
    texts("reasons"),
    text("how"),
    whole("weights_version"),
    ref("survivor", null=True),
    instant("said_at"),
    uuids("yes"),
    instant("later_at"),
    text("decided_by"),
    instant("decided_at"),
    text("reason"),
    whole("version"),
    sa.UniqueConstraint("owner_group", "one_id", "other_id"),
    sa.Index("ix_patient_pairs_one_id", "one_id"),
    sa.Index("ix_patient_pairs_other_id", "other_id"),
    sa.Index("ix_patient_pairs_owner_group_state", "owner_group", "state"),
    sa.Index("ix_patient_pairs_other_group_state", "other_group", "state"),
)

pair_changes = sa.Table(
    "pair_changes",
    metadata,
    key(),
    owner(),
    ref("other_group"),
    ref("pair_id"),
    text("before"),
    text("after"),
    sa.Column("score", sa.Float, nullable=False, server_default=sa.text("0")),
    text("how"),
    text("by_name"),
    text("reason"),
    instant("at", null=False),
    whole("version"),  # of the pair before: two changes of one instant have their order
    sa.Index("ix_pair_changes_pair_id_version", "pair_id", "version"),
)

match_weights = sa.Table(
    "match_weights",
    metadata,
    sa.Column("version", sa.BigInteger, primary_key=True, autoincrement=False),
    json("data"),
    text("source"),
    text("made_by"),
    instant("made_at", null=False),
    instant("used_from"),
)
