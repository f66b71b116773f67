"""Further numbers of a patient, each with its assigner; patients found by how names begin."""

from alembic import op

revision = "0040"
down_revision = "0030"

MINE = "owner_group = any((select app_groups())::uuid[])"
SHARED = (
    "(select s.object_id from shares s where s.to_group = any((select app_groups())::uuid[])"
    " and s.ended_at is null)"
)


def upgrade() -> None:
    """Apply."""
    op.execute(
        'alter table patients add column family_start text collate "C" '
        "generated always as (coalesce(left(lower(family), 3), '')) stored"
    )
    op.execute(
        "create index ix_patients_family_start on patients "
        "(family_start, updated_at desc, id desc) where family_start <> ''"
    )
    op.execute(
        """
        create table patient_identifiers (
            owner_group uuid not null,
            patient_id uuid not null,
            assigner text not null,
            value text not null,
            kind text not null default '',
            told_at timestamptz not null,
            constraint pk_patient_identifiers primary key (patient_id, assigner, value, kind)
        )
        """
    )
    op.execute(
        "create index ix_patient_identifiers_value_assigner "
        "on patient_identifiers (value, assigner)"
    )
    op.execute("alter table patient_identifiers enable row level security")
    op.execute("alter table patient_identifiers force row level security")
    op.execute("grant select, insert on patient_identifiers to confrere_app")
    op.execute("grant select, insert, update, delete on patient_identifiers to confrere_system")
    op.execute(
        "create policy system on patient_identifiers to confrere_system "
        "using (true) with check (true)"
    )
    op.execute(
        "create policy sees on patient_identifiers for select to confrere_app "
        f"using ({MINE} or patient_id in {SHARED})"
    )
    op.execute(
        "create policy adds on patient_identifiers for insert to confrere_app "
        f"with check ({MINE})"
    )
