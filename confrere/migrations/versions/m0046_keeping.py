"""Where each study's images lie, how long they are kept, holds, and removals with a certificate."""

from alembic import op

from confrere.migrations.walls import MINE, wall

revision = "0046"
down_revision = "0045"


def upgrade() -> None:
    """Apply."""
    op.execute("create index ix_instances_digest on instances using hash (digest)")
    op.execute("alter table fetches add column again boolean not null default false")
    _places()
    _rules()
    _holds()
    _deletions()
    _state()


def _places() -> None:
    op.execute(
        """
        create table study_places (
            study_id uuid not null, owner_group uuid not null,
            place text not null default 'main', used_at timestamptz,
            changed_at timestamptz, why text not null default '',
            constraint pk_study_places primary key (study_id),
            constraint ck_study_places_place
                check (place in ('main', 'cold', 'away', 'removed'))
        )
        """
    )
    op.execute(
        "create index ix_study_places_place on study_places (place) where place <> 'main'"
    )
    wall("study_places", "select")
    op.execute(
        """
        create table tier_rules (
            site_id uuid not null, owner_group uuid not null,
            unused_days bigint, age_days bigint, warm boolean not null default true,
            constraint pk_tier_rules primary key (site_id),
            constraint ck_tier_rules_unused check (unused_days between 1 and 36500),
            constraint ck_tier_rules_age check (age_days between 1 and 36500)
        )
        """
    )
    wall("tier_rules", "select, insert, update, delete")


def _rules() -> None:
    op.execute(
        """
        create table retention_rules (
            id uuid not null default gen_random_uuid(),
            owner_group uuid, site_id uuid,
            code text not null default '', words text not null default '',
            modality text not null default '', state text not null default '',
            years bigint not null default 0, years_if_later bigint, until_age bigint,
            source text not null default '', starts_on date not null, ends_on date,
            by_name text not null default '', at timestamptz not null default now(),
            constraint pk_retention_rules primary key (id),
            constraint ck_retention_rules_years check (years between 1 and 100)
        )
        """
    )
    op.execute(
        """
        insert into retention_rules
            (code, words, modality, state, years, years_if_later, until_age, source, starts_on)
        values
            ('RAD5', 'Images of a hospital are kept 5 years', '', '', 5, null, null,
             '42 CFR 482.26(d)(2)', date '1986-06-17'),
            ('MAMMO', 'Mammograms are kept 10 years, or 5 where the facility made later ones',
             'MG', '', 10, 5, null, '21 CFR 900.12(c)(4)(i)', date '1999-04-28'),
            ('MINOR-NY', 'Minors: 6 years, and 3 years after they are 18', '', 'NY', 6, null, 21,
             '10 NYCRR 405.10(a)(4)', date '1990-01-01'),
            ('MINOR-CA', 'Minors: 7 years, and 1 year after they are 18', '', 'CA', 7, null, 19,
             '22 CCR 70751(c)', date '1990-01-01'),
            ('MINOR-TX', 'Minors: 10 years, and until they are 20', '', 'TX', 10, null, 20,
             'Tex. Health & Safety Code 241.103', date '1995-09-01'),
            ('MINOR-NC', 'Minors: until they are 30', '', 'NC', 11, null, 30,
             '10A NCAC 13B .3903', date '1996-01-01')
        """
    )
    # behind the rows: forced, the wall holds the owner of the table too
    wall(
        "retention_rules", "select, insert, update (ends_on, by_name)",
        f"owner_group is null or {MINE}",
    )  # fmt: skip


def _holds() -> None:
    op.execute(
        """
        create table legal_holds (
            id uuid not null default gen_random_uuid(),
            owner_group uuid not null, study_id uuid, patient_id uuid,
            reason text not null default '',
            placed_by text not null default '', placed_by_user uuid, placed_at timestamptz not null,
            lifted_by text not null default '', lifted_by_user uuid, lifted_at timestamptz,
            lifted_because text not null default '',
            constraint pk_legal_holds primary key (id),
            constraint ck_legal_holds_of check ((study_id is null) <> (patient_id is null))
        )
        """
    )
    op.execute(
        "create index ix_legal_holds_open on legal_holds (owner_group) where lifted_at is null"
    )
    wall(
        "legal_holds",
        "select, insert, update (lifted_by, lifted_by_user, lifted_at, lifted_because)",
    )


def _deletions() -> None:
    op.execute(
        """
        create table deletion_lists (
            id uuid not null default gen_random_uuid(),
            owner_group uuid not null, site_id uuid not null,
            state text not null default 'proposed', reason text not null default '',
            proposed_by text not null default '', proposed_by_user uuid not null,
            proposed_at timestamptz not null,
            decided_by text not null default '', decided_by_user uuid, decided_at timestamptz,
            decided_because text not null default '',
            waits_until timestamptz, executed_at timestamptz,
            constraint pk_deletion_lists primary key (id),
            constraint ck_deletion_lists_state check (
                state in ('proposed', 'approved', 'refused', 'withdrawn', 'executed')),
            constraint ck_deletion_lists_four_eyes check (
                state not in ('approved', 'executed') or decided_by_user <> proposed_by_user)
        )
        """
    )
    wall("deletion_lists", "select, insert, update")
    op.execute(
        """
        create table deletion_items (
            id uuid not null default gen_random_uuid(),
            owner_group uuid not null, list_id uuid not null, study_id uuid not null,
            rule text not null default '', words text not null default '',
            source text not null default '', due_on date not null,
            images bigint not null default 0, bytes bigint not null default 0,
            state text not null default 'listed', why text not null default '',
            constraint pk_deletion_items primary key (id),
            constraint uq_deletion_items_list_id_study_id unique (list_id, study_id)
        )
        """
    )
    wall("deletion_items", "select, insert")
    op.execute(
        """
        create table removal_certificates (
            id uuid not null default gen_random_uuid(),
            owner_group uuid not null, site_id uuid not null, list_id uuid not null,
            study_id uuid not null, study_uid text not null, patient_id uuid,
            study_date text not null default '', modalities text[] not null default '{}',
            images bigint not null default 0, bytes bigint not null default 0,
            content_hash bytea not null,
            rule text not null default '', words text not null default '',
            source text not null default '', due_on date not null,
            proposed_by text not null default '', approved_by text not null default '',
            removed_at timestamptz not null,
            constraint pk_removal_certificates primary key (id)
        )
        """
    )
    op.execute("create index ix_removal_certificates_list_id on removal_certificates (list_id)")
    wall("removal_certificates", "select")
    # what was removed, by whom and why stays known
    op.execute("revoke update, delete on removal_certificates from confrere_system")


def _state() -> None:
    op.execute(
        """
        create table storage_counts (
            id uuid not null default gen_random_uuid(),
            owner_group uuid not null, site_id uuid, place text not null default '',
            studies bigint not null default 0, images bigint not null default 0,
            bytes bigint not null default 0, counted_at timestamptz not null,
            constraint pk_storage_counts primary key (id)
        )
        """
    )
    op.execute("create index ix_storage_counts_owner_group on storage_counts (owner_group)")
    wall("storage_counts", "select")
    op.execute(
        """
        create table cache_rounds (
            site_id uuid not null, owner_group uuid not null,
            evicted bigint not null default 0, kept jsonb not null default '{}',
            at timestamptz not null, after_at timestamptz, after_study uuid,
            constraint pk_cache_rounds primary key (site_id)
        )
        """
    )
    wall("cache_rounds", "select")
    # the house's own, nobody's: no row tells of a patient or a group
    op.execute(
        """
        create table store_state (
            name text not null,
            address text not null default '', trouble text not null default '',
            free_bytes bigint, total_bytes bigint, looked_at timestamptz,
            scrub_after text not null default '', scrub_began_at timestamptz,
            scrub_ended_at timestamptz, scrub_read bigint not null default 0,
            scrub_found bigint not null default 0, damaged bigint not null default 0,
            sweep_after text not null default '', swept bigint not null default 0,
            sweep_ended_at timestamptz,
            constraint pk_store_state primary key (name)
        )
        """
    )
    op.execute("grant select on store_state to confrere_app")
    op.execute("grant select, insert, update on store_state to confrere_system")
