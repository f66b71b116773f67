"""What was read at a gateway while the centre could not be reached, and who may read there."""

from alembic import op

from confrere.migrations.walls import wall

revision = "0035"
down_revision = "0030"


def upgrade() -> None:
    """Apply."""
    op.execute("alter table gateways add column downtime boolean not null default false")
    op.execute("alter table gateways add column audited_to bigint not null default 0")
    op.execute("alter table gateways add column audited_chain text not null default ''")
    op.execute("alter table report_versions add column provenance text not null default ''")
    op.execute(
        """
        create table downtime_reads (
            id uuid not null default gen_random_uuid(), owner_group uuid not null,
            gateway_id uuid not null, gateway_name text not null default '',
            site_id uuid not null, read_key uuid not null, kind text not null default '',
            sections jsonb not null default '{}', signer_id uuid not null,
            signer_name text not null default '', opened_at timestamptz not null,
            signed_at timestamptz not null, images_at timestamptz,
            image_count bigint not null default 0, study_uid text not null default '',
            accession text not null default '', mrn text not null default '',
            patient_name text not null default '', description text not null default '',
            taken_over text not null default '', state text not null default '',
            why text not null default '', item_id uuid, report_id uuid,
            received_at timestamptz not null, settled_at timestamptz,
            settled_by text not null default '', resolution text not null default '',
            constraint pk_downtime_reads primary key (id),
            constraint uq_downtime_reads_read_key unique (owner_group, gateway_id, read_key)
        )
        """
    )
    op.execute(
        "create index ix_downtime_reads_state on downtime_reads (owner_group, state, signed_at)"
    )
    op.execute(
        "create index ix_downtime_reads_study_uid on downtime_reads (owner_group, study_uid)"
    )
    wall("downtime_reads", "select, insert, update")
