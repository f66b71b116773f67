"""Priors and context: what stands beside the images, earlier reports in bulk, foreign archives."""

from alembic import op

from confrere.migrations.walls import MINE, wall

revision = "0026"
down_revision = "0025"

SHARED = (
    "(select s.object_id from shares s where s.to_group = any((select app_groups())::uuid[])"
    " and s.ended_at is null)"
)


def upgrade() -> None:
    """Apply."""
    _chart()
    _papers()
    _backloads()
    _archives()


def _chart() -> None:
    op.execute(
        """
        create table allergies (
            id uuid not null default gen_random_uuid(),
            owner_group uuid not null, patient_id uuid not null,
            substance text not null, code text not null default '',
            severity text not null default '', reaction text not null default '',
            source text not null default '', said_at timestamptz not null,
            constraint pk_allergies primary key (id),
            constraint uq_allergies_owner_group_patient_id_substance
                unique (owner_group, patient_id, substance)
        )
        """
    )
    op.execute("create index ix_allergies_patient_id on allergies (patient_id)")
    op.execute(
        """
        create table lab_values (
            id uuid not null default gen_random_uuid(),
            owner_group uuid not null, patient_id uuid not null, site_id uuid not null,
            kind text not null, code text not null default '', name text not null default '',
            value text not null, unit text not null default '', mark text not null default '',
            taken_at timestamptz not null, source text not null default '',
            heard_at timestamptz not null,
            constraint pk_lab_values primary key (id),
            constraint uq_lab_values_owner_group_patient_id_kind_taken_at
                unique (owner_group, patient_id, kind, taken_at)
        )
        """
    )
    op.execute("create index ix_lab_values_patient_id on lab_values (patient_id)")
    op.execute(
        """
        create table exam_notes (
            id uuid not null default gen_random_uuid(),
            owner_group uuid not null, site_id uuid not null, order_id uuid not null,
            kind text not null, text text not null default '',
            by_name text not null default '', by_user uuid, source text not null default '',
            at timestamptz not null, withdrawn_at timestamptz,
            withdrawn_by text not null default '',
            constraint pk_exam_notes primary key (id),
            constraint uq_exam_notes_owner_group_order_id_kind_text_at
                unique (owner_group, order_id, kind, text, at)
        )
        """
    )
    op.execute("create index ix_exam_notes_order_id on exam_notes (order_id)")
    wall("allergies", "select, insert, update", f"{MINE} or patient_id in {SHARED}")
    wall("lab_values", "select, insert, update", f"{MINE} or patient_id in {SHARED}")
    wall("exam_notes", "select, insert, update", f"{MINE} or order_id in {SHARED}")


def _papers() -> None:
    op.execute(
        """
        create table papers (
            id uuid not null default gen_random_uuid(),
            owner_group uuid not null, site_id uuid not null, patient_id uuid not null,
            order_id uuid, title text not null default '', media_type text not null,
            size bigint not null default 0, digest bytea not null,
            source text not null default '', at timestamptz not null,
            constraint pk_papers primary key (id),
            constraint uq_papers_owner_group_patient_id_digest
                unique (owner_group, patient_id, digest)
        )
        """
    )
    op.execute("create index ix_papers_order_id on papers (order_id)")
    # a paper of no exam we know may be anything: it stays with its own group
    wall("papers", "select, insert", f"{MINE} or order_id in {SHARED}")


def _backloads() -> None:
    op.execute("alter table reports add column backload_id uuid")
    op.execute(
        """
        create table backloads (
            id uuid not null default gen_random_uuid(),
            owner_group uuid not null, site_id uuid not null, form text not null,
            name text not null default '', digest bytea not null, size bigint not null default 0,
            state text not null, rows bigint not null default 0, done bigint not null default 0,
            added bigint not null default 0, same bigint not null default 0,
            failed bigint not null default 0, untyped bigint not null default 0,
            asked_by text not null default '', created_at timestamptz not null,
            updated_at timestamptz not null,
            constraint pk_backloads primary key (id),
            constraint uq_backloads_owner_group_site_id_digest
                unique (owner_group, site_id, digest)
        )
        """
    )
    op.execute(
        """
        create table backload_problems (
            id uuid not null default gen_random_uuid(),
            owner_group uuid not null, backload_id uuid not null, row bigint not null default 0,
            field text not null default '', says text not null default '',
            remedy text not null default '',
            constraint pk_backload_problems primary key (id),
            constraint uq_backload_problems_backload_id_row unique (backload_id, row)
        )
        """
    )
    wall("backloads", "select, insert, update")
    wall("backload_problems", "select, insert, delete")


def _archives() -> None:
    op.execute(
        """
        create table archives (
            id uuid not null default gen_random_uuid(),
            owner_group uuid not null, name text not null, way text not null,
            aet text not null default '', address text not null default '',
            port bigint not null default 0, url text not null default '',
            token text not null default '', assigner text not null default '',
            site_id uuid, keeps_days bigint not null default 30,
            most_studies bigint not null default 3, pause_seconds bigint not null default 1,
            night_from time, night_until time, plain boolean not null default false,
            enabled boolean not null default true, tested_at timestamptz,
            tested text not null default '', created_at timestamptz not null,
            constraint pk_archives primary key (id),
            constraint uq_archives_owner_group_name unique (owner_group, name),
            constraint ck_archives_way check (way in ('dimse', 'dicomweb'))
        )
        """
    )
    op.execute(
        """
        create table fetches (
            id uuid not null default gen_random_uuid(),
            owner_group uuid not null, archive_id uuid not null, patient_id uuid not null,
            order_id uuid, study_uid text not null default '',
            study_date text not null default '', modality text not null default '',
            description text not null default '', why text not null default '',
            state text not null, tries bigint not null default 0,
            images bigint not null default 0, reason text not null default '',
            asked_at timestamptz not null, next_at timestamptz, done_at timestamptz,
            expires_at timestamptz,
            constraint pk_fetches primary key (id),
            constraint uq_fetches_owner_group_study_uid unique (owner_group, study_uid)
        )
        """
    )
    op.execute("create index ix_fetches_archive_id on fetches (archive_id, asked_at)")
    op.execute("create index ix_fetches_patient_id on fetches (patient_id)")
    wall("archives", "select, insert, update")
    # the token is written by the page and used by the worker; no page can read it back
    columns = (
        "id, owner_group, name, way, aet, address, port, url, assigner, site_id, keeps_days, "
        "most_studies, pause_seconds, night_from, night_until, plain, enabled, tested_at, "
        "tested, created_at"
    )
    op.execute("revoke select on archives from confrere_app")
    op.execute(f"grant select ({columns}) on archives to confrere_app")
    wall("fetches", "select, insert, update")
