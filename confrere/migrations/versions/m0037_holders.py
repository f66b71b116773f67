"""Who holds copies of a study, and whether corrections reached them; machines called by TLS."""

from alembic import op

from confrere.migrations.walls import wall

revision = "0037"
down_revision = "0035"


def upgrade() -> None:
    """Apply."""
    op.execute(
        """
        alter table peers
            add column tls boolean not null default false,
            add column tls_fingerprint text not null default '',
            add column corrections text not null default 'nothing',
            add column keeps_all boolean not null default false,
            add constraint ck_peers_corrections
                check (corrections in ('nothing', 'notes', 'all'))
        """
    )
    op.execute(
        "grant update (name, aet, address, port, site_id, plain_beyond_loopback, interface, "
        "tls, tls_fingerprint, corrections, keeps_all) on peers to confrere_app"
    )
    op.execute(
        """
        create table study_holders (
            owner_group uuid not null, study_id uuid not null, peer_id uuid not null,
            how text not null, at timestamptz not null,
            constraint pk_study_holders primary key (owner_group, study_id, peer_id)
        )
        """
    )
    wall("study_holders", "select, insert, update")
    op.execute(
        """
        create table image_editions (
            owner_group uuid not null, instance_id uuid not null, number bigint not null,
            sop_uid text not null, series_uid text not null, study_uid text not null,
            shown boolean not null default false, says jsonb not null default '{}',
            at timestamptz not null,
            constraint pk_image_editions primary key (owner_group, instance_id, number)
        )
        """
    )
    op.execute("create index ix_image_editions_instance_id on image_editions (instance_id)")
    wall("image_editions", "select, insert")
    op.execute(
        """
        create table holder_editions (
            owner_group uuid not null, peer_id uuid not null, instance_id uuid not null,
            number bigint not null default 0,
            constraint pk_holder_editions primary key (owner_group, peer_id, instance_id)
        )
        """
    )
    wall("holder_editions", "select, insert, update")
    _sendings()


def _sendings() -> None:
    op.execute(
        """
        alter table sendings
            add column kind text not null default 'study',
            add column cause_id uuid,
            add column says text not null default '',
            add column done_by text not null default ''
        """
    )
    op.execute("create index ix_sendings_cause_id on sendings (cause_id)")
    op.execute(
        """
        create table correction_sendings (
            owner_group uuid not null, sending_id uuid not null,
            note_uid text not null default '', digest bytea, note_syntax text not null default '',
            copies jsonb not null default '[]',
            constraint pk_correction_sendings primary key (owner_group, sending_id)
        )
        """
    )
    wall("correction_sendings", "select, insert")
