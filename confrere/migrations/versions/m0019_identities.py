"""Pairs of identities with state and history, versioned weights, keys to find and match by."""

from alembic import op

revision = "0019"
down_revision = "0018"

GROUPS = "(select app_groups())::uuid[]"
EITHER = f"owner_group = any({GROUPS}) or other_group = any({GROUPS})"
SYSTEM = "to confrere_system using (true) with check (true)"


KEYS = """
alter table patients
    add column street text not null default '',
    add column phone text not null default '',
    add column national_last4 text not null default '',
    add column family_key text collate "C"
        generated always as (coalesce(lower(family), '')) stored,
    add column given_key text collate "C"
        generated always as (coalesce(lower(given), '')) stored,
    add column name_key text collate "C" generated always as (coalesce(
        case when family = '' or birth_date is null then ''
        else lower(left(family, 4)) || '|' || lower(left(given, 1)) || '|'
            || extract(year from birth_date)::text end, '')) stored,
    add column house_key text collate "C" generated always as (coalesce(
        case when postal_code = '' or street = '' then ''
        else left(postal_code, 5) || '|' || substring(street from '[0-9]+') || '|'
            || lower(coalesce(substring(street from '[A-Za-z]'), '')) end, '')) stored,
    add column phone_key text collate "C" generated always as (coalesce(
        right(regexp_replace(phone, '[^0-9]', '', 'g'), 10), '')) stored
"""
PAIRS = (
    """
    create table patient_pairs (
        id uuid not null default gen_random_uuid(),
        owner_group uuid not null, other_group uuid not null,
        one_id uuid not null, other_id uuid not null,
        state text not null default '', score double precision not null default 0,
        fields jsonb not null default '[]', reasons text[] not null default '{}',
        how text not null default '', weights_version bigint not null default 0,
        survivor uuid, said_at timestamptz, yes uuid[] not null default '{}',
        later_at timestamptz, decided_by text not null default '', decided_at timestamptz,
        reason text not null default '', version bigint not null default 0,
        constraint pk_patient_pairs primary key (id),
        constraint uq_patient_pairs_owner_group_one_id_other_id
            unique (owner_group, one_id, other_id),
        constraint ck_patient_pairs_order check (one_id < other_id),
        constraint ck_patient_pairs_state check (state in ('linked', 'review', 'apart'))
    )
    """,
    "create index ix_patient_pairs_one_id on patient_pairs (one_id)",
    "create index ix_patient_pairs_other_id on patient_pairs (other_id)",
    "create index ix_patient_pairs_owner_group_state on patient_pairs (owner_group, state)",
    "create index ix_patient_pairs_other_group_state on patient_pairs (other_group, state)",
)
CHANGES = (
    """
    create table pair_changes (
        id uuid not null default gen_random_uuid(),
        owner_group uuid not null, other_group uuid not null, pair_id uuid not null,
        before text not null default '', after text not null default '',
        score double precision not null default 0, how text not null default '',
        by_name text not null default '', reason text not null default '',
        at timestamptz not null, version bigint not null default 0,
        constraint pk_pair_changes primary key (id)
    )
    """,
    "create index ix_pair_changes_pair_id_version on pair_changes (pair_id, version)",
)
WEIGHTS = (
    """
    create table match_weights (
        version bigint not null, data jsonb not null default '{}',
        source text not null default '', made_by text not null default '',
        made_at timestamptz not null, used_from timestamptz,
        constraint pk_match_weights primary key (version)
    )
    """,
)


def upgrade() -> None:
    """Apply."""
    op.execute(KEYS)
    op.execute("create index ix_patients_family_key on patients (family_key, given_key)")
    op.execute("create index ix_patients_given_key on patients (given_key)")
    for name in ("name_key", "house_key", "phone_key", "national_last4"):
        op.execute(f"create index ix_patients_{name} on patients ({name}) where {name} <> ''")
    for made in (PAIRS, CHANGES, WEIGHTS):
        for statement in made:
            op.execute(statement)
    _walls()
    _links_become_pairs()
    op.execute("drop table patient_links")


def _walls() -> None:
    for table in ("patient_pairs", "pair_changes", "match_weights"):
        op.execute(f"alter table {table} enable row level security")
        op.execute(f"alter table {table} force row level security")
        op.execute(f"create policy system on {table} {SYSTEM}")
    op.execute("grant select, insert, update, delete on patient_pairs to confrere_system")
    op.execute("grant select on patient_pairs to confrere_app")
    op.execute(
        "grant update (state, how, survivor, said_at, yes, later_at, decided_by, decided_at, "
        "reason, version) on patient_pairs to confrere_app"
    )
    op.execute(
        f"create policy sees on patient_pairs for select to confrere_app using ({EITHER})"
    )
    op.execute(
        "create policy changes on patient_pairs for update to confrere_app "
        f"using ({EITHER}) with check ({EITHER})"
    )
    # who decided what, when and why is never changed
    op.execute("grant select, insert on pair_changes to confrere_system, confrere_app")
    op.execute(
        f"create policy sees on pair_changes for select to confrere_app using ({EITHER})"
    )
    op.execute(
        f"create policy adds on pair_changes for insert to confrere_app with check ({EITHER})"
    )
    # weights are of the collaborative, and tell of no person: everybody may read them
    op.execute("grant select, insert, update on match_weights to confrere_system")
    op.execute("grant select on match_weights to confrere_app")
    op.execute("create policy sees on match_weights for select to confrere_app using (true)")


def _links_become_pairs() -> None:
    """Link each identity of a person with the one of the least id, as it was scored."""
    op.execute(
        "create policy moving on patients to confrere_owner using (true) with check (true)"
    )
    op.execute("create policy moving on patient_links to confrere_owner using (true)")
    op.execute(
        "create policy moving on patient_pairs to confrere_owner using (true) with check (true)"
    )
    op.execute(
        """
        with head as (
            select distinct on (person_id) person_id, id, owner_group from patients
            where person_id is not null order by person_id, id
        ), why as (
            select distinct on (patient_id) patient_id, score, decided_by, at
            from patient_links order by patient_id, at desc
        )
        insert into patient_pairs (
            owner_group, other_group, one_id, other_id, state, how, score, decided_by, decided_at
        )
        select h.owner_group, p.owner_group, h.id, p.id, 'linked', 'scored',
            coalesce(w.score, 0), coalesce(w.decided_by, 'matching'), coalesce(w.at, p.updated_at)
        from head h join patients p on p.person_id = h.person_id and p.id <> h.id
        left join why w on w.patient_id = p.id
        """
    )
    op.execute(
        """
        update patients p set person_id = h.id from (
            select distinct on (person_id) person_id, id, count(*) over (partition by person_id)
                as size from patients where person_id is not null order by person_id, id
        ) h where h.person_id = p.person_id and h.size > 1
        """
    )
    op.execute(
        """
        update patients p set person_id = null where person_id is not null and not exists (
            select from patient_pairs l where p.id in (l.one_id, l.other_id)
        )
        """
    )
    for table in ("patients", "patient_links", "patient_pairs"):
        op.execute(f"drop policy moving on {table}")
