"""Further numbers of a patient, each with its assigner; patients found by how names begin."""

from alembic import op

revision = "0040"
down_revision = "0037"

MINE = "owner_group = any((select app_groups())::uuid[])"
SHARED = (
    "(select s.object_id from shares s where s.to_group = any((select app_groups())::uuid[])"
    " and s.ended_at is null)"
)


MARKED, BARE = "àáâãäåçèéêëìíîïñòóôõöøùúûüýÿšžß", "aaaaaaceeeeiiiinoooooouuuuyyszs"
LETTERS, CODES = "aeiouyhwbfpvcgjkqsxzdtlmnr", "00000000111122222222334556"


def sounds_like(name: str) -> str:
    """American Soundex of an expression, as `confrere.patients.sounds` tells it."""
    word = f"regexp_replace(translate(lower({name}), '{MARKED}', '{BARE}'), '[^a-z]', '', 'g')"
    heard = f"left({word}, 1) || translate(substr({word}, 2), 'hw', '')"
    codes = f"regexp_replace(translate({heard}, '{LETTERS}', '{CODES}'), '(.)\\1+', '\\1', 'g')"
    digits = f"rpad(left(replace(substr({codes}, 2), '0', ''), 3), 3, '0')"
    return f"case when {word} = '' then '' else upper(left({word}, 1)) || {digits} end"


def upgrade() -> None:
    """Apply."""
    for column, of in (("family", "family"), ("given", "split_part(ltrim(given), ' ', 1)")):
        op.execute(
            f'alter table patients add column {column}_sound text collate "C" '
            f"generated always as (coalesce({sounds_like(of)}, '')) stored"
        )
    op.execute("create index ix_patients_family_sound on patients (family_sound, given_sound)")
    op.execute("create index ix_patients_given_sound on patients (given_sound)")
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
