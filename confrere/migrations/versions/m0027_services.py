"""Whose archive a site's is; storage commitment, performed steps, and studies on their way out."""

from alembic import op

from confrere.migrations.walls import wall

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    """Apply."""
    op.execute(
        """
        alter table site_services
            add column archive boolean not null default false,
            add column cache_days bigint,
            add column commitment boolean not null default false,
            add column performed boolean not null default false,
            add constraint ck_site_services_cache check (cache_days between 1 and 3650),
            add constraint ck_site_services_commitment check (archive or not commitment)
        """
    )
    op.execute(
        """
        alter table peers
            add column certificate text not null default '',
            add column availability boolean not null default false
        """
    )
    op.execute("grant update (certificate, availability) on peers to confrere_app")
    _commitments()
    _performed()
    _sendings()


def _commitments() -> None:
    op.execute(
        """
        create table commitments (
            id uuid not null default gen_random_uuid(),
            owner_group uuid not null, peer_id uuid not null,
            transaction_uid text not null, asked jsonb not null default '[]',
            asked_at timestamptz not null, refused jsonb not null default '{}',
            judged_at timestamptz, told text not null default '',
            constraint pk_commitments primary key (id),
            constraint uq_commitments_owner_group_peer_id_transaction_uid
                unique (owner_group, peer_id, transaction_uid)
        )
        """
    )
    op.execute("create index ix_commitments_open on commitments (asked_at) where told = ''")
    wall("commitments", "select, insert, update")


def _performed() -> None:
    op.execute(
        """
        create table performed_steps (
            id uuid not null default gen_random_uuid(),
            owner_group uuid not null, site_id uuid not null, peer_id uuid not null,
            step_uid text not null, state text not null default '',
            modality text not null default '', station text not null default '',
            description text not null default '', reason text not null default '',
            study_uid text not null default '', accessions text[] not null default '{}',
            begun_at timestamptz not null, ended_at timestamptz,
            images bigint not null default 0, said jsonb not null default '{}',
            heard_at timestamptz not null, changed_at timestamptz not null,
            constraint pk_performed_steps primary key (id),
            constraint uq_performed_steps_owner_group_step_uid unique (owner_group, step_uid)
        )
        """
    )
    op.execute(
        "create index ix_performed_steps_study_uid on performed_steps (owner_group, study_uid)"
    )
    op.execute(
        "create index ix_performed_steps_accessions on performed_steps using gin (accessions)"
    )
    wall("performed_steps", "select, insert, update")


def _sendings() -> None:
    op.execute(
        """
        create table sendings (
            id uuid not null default gen_random_uuid(),
            owner_group uuid not null, study_id uuid not null, peer_id uuid not null,
            asked_by text not null default '', asked_at timestamptz not null,
            state text not null default 'waiting', total bigint not null default 0,
            sent bigint not null default 0, failed bigint not null default 0,
            attempts bigint not null default 0, last_error text not null default '',
            next_at timestamptz not null, ended_at timestamptz,
            constraint pk_sendings primary key (id)
        )
        """
    )
    op.execute("create index ix_sendings_study_id on sendings (owner_group, study_id)")
    op.execute("create index ix_sendings_waiting on sendings (next_at) where state = 'waiting'")
    wall("sendings", "select, insert, update")
