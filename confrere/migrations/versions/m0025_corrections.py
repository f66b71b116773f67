"""Corrections of whose images they are, and rejections: the bytes stay, what is said changes."""

from alembic import op

from confrere.migrations.walls import wall

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    """Apply."""
    op.execute(
        """
        alter table studies
            add column coerced jsonb,
            add column outside boolean not null default false
        """
    )
    op.execute("alter table series add column edition bigint not null default 0")
    op.execute(
        """
        alter table instances
            add column coerced jsonb,
            add column hidden text not null default '',
            add column came_study_uid text,
            add column came_series_uid text,
            add column moved_at timestamptz
        """
    )
    op.execute("alter table series_metadata add column edition bigint not null default 0")
    _coerce_what_comes_later()
    _corrections()
    _rejections()
    _imports()


def _coerce_what_comes_later() -> None:
    # images of a corrected study that come after it must never go out under the wrong patient,
    # by whatever way they are filed
    op.execute(
        """
        create function coerce_instance() returns trigger language plpgsql as $$
        begin
            select coerced into new.coerced from studies where id = new.study_id;
            return new;
        end $$
        """
    )
    op.execute(
        "create trigger coerce before insert on instances for each row "
        "execute function coerce_instance()"
    )


def _corrections() -> None:
    op.execute(
        """
        create table corrections (
            id uuid not null default gen_random_uuid(),
            owner_group uuid not null, kind text not null default '',
            from_study uuid not null, to_study uuid not null,
            images bigint not null default 0, before jsonb not null default '{}',
            reason text not null default '', by_name text not null default '', by_user uuid,
            at timestamptz not null, undone_at timestamptz,
            undone_by text not null default '', undone_reason text not null default '',
            constraint pk_corrections primary key (id)
        )
        """
    )
    op.execute("create index ix_corrections_from_study on corrections (from_study)")
    op.execute("create index ix_corrections_to_study on corrections (to_study)")
    wall("corrections", "select, insert, update")


def _rejections() -> None:
    op.execute(
        """
        create table rejections (
            id uuid not null default gen_random_uuid(),
            owner_group uuid not null, study_uid text not null default '',
            note_uid text not null default '', digest bytea not null,
            code text not null default '', door text not null default '',
            reason text not null default '', by_name text not null default '', by_user uuid,
            sop_uids text[] not null default '{}', at timestamptz not null,
            restored_at timestamptz, restored_by text not null default '',
            restored_reason text not null default '',
            constraint pk_rejections primary key (id),
            constraint uq_rejections_owner_group_note_uid unique (owner_group, note_uid)
        )
        """
    )
    op.execute("create index ix_rejections_study_uid on rejections (owner_group, study_uid)")
    op.execute("create index ix_rejections_sop_uids on rejections using gin (sop_uids)")
    wall("rejections", "select, insert, update")
    op.execute(
        """
        create table pieces_settled (
            owner_group uuid not null, subject uuid not null,
            words text not null default '', by_name text not null default '',
            at timestamptz not null,
            constraint pk_pieces_settled primary key (owner_group, subject)
        )
        """
    )
    wall("pieces_settled", "select, insert")


def _imports() -> None:
    op.execute(
        """
        create table imports (
            id uuid not null default gen_random_uuid(),
            owner_group uuid not null, site_id uuid not null,
            label text not null default '', digest bytea,
            state text not null default 'reading', trouble text not null default '',
            files bigint not null default 0,
            by_name text not null default '', by_user uuid, at timestamptz not null,
            constraint pk_imports primary key (id)
        )
        """
    )
    op.execute("create index ix_imports_owner_group on imports (owner_group, at)")
    wall("imports", "select, insert, update")
    op.execute(
        """
        create table import_files (
            id uuid not null default gen_random_uuid(),
            owner_group uuid not null, import_id uuid not null,
            path text not null default '', state text not null default '',
            reason text not null default '', digest bytea, size bigint not null default 0,
            transfer_syntax text not null default '', study_uid text not null default '',
            sop_uid text not null default '', said jsonb not null default '{}',
            constraint pk_import_files primary key (id),
            constraint uq_import_files_import_id_path unique (import_id, path)
        )
        """
    )
    wall("import_files", "select, insert, update")
