"""De-identified exports: asked for, allowed, made; and what is held for a person's eyes."""

from alembic import op

from confrere.migrations.walls import wall

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    """Apply."""
    op.execute(
        """
        create table deid_exports (
            id uuid not null default gen_random_uuid(), owner_group uuid not null,
            project text not null default '', purpose text not null default '',
            options jsonb not null default '{}', studies uuid[] not null default '{}',
            state text not null default 'asked', asked_by text not null default '',
            asked_at timestamptz not null, decided_by text not null default '',
            decided_at timestamptz, reason text not null default '',
            done bigint not null default 0, total bigint not null default 0,
            counts jsonb not null default '{}', digest bytea, size bigint not null default 0,
            finished_at timestamptz, expires_at timestamptz,
            constraint pk_deid_exports primary key (id)
        )
        """
    )
    op.execute(
        "create index ix_deid_exports_owner_group on deid_exports (owner_group, asked_at)"
    )
    op.execute(
        """
        create table deid_held (
            id uuid not null default gen_random_uuid(), owner_group uuid not null,
            export_id uuid not null, study_id uuid not null, instance_id uuid not null,
            codes text[] not null default '{}', reasons text[] not null default '{}',
            fatal boolean not null default false, digest bytea not null,
            transfer_syntax text not null default '', sop_class text not null default '',
            rows bigint not null default 0, columns bigint not null default 0,
            frames bigint not null default 1, state text not null default 'waiting',
            boxes jsonb not null default '[]', decided_by text not null default '',
            decided_at timestamptz,
            constraint pk_deid_held primary key (id),
            constraint uq_deid_held_owner_group_export_id_instance_id
                unique (owner_group, export_id, instance_id)
        )
        """
    )
    op.execute("create index ix_deid_held_export_id on deid_held (export_id, state)")
    wall("deid_exports", "select, insert, update")
    wall("deid_held", "select, update")
