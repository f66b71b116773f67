"""Rosters: what a shift is for, who is there, and each group's rule of signing on."""

from alembic import op

revision = "0006"
down_revision = "0005"

ME = "any((select app_groups())::uuid[])"
OWN = f"reader_id in (select r.id from readers r where r.group_id = {ME})"
MINE = f"owner_group = {ME}"


def upgrade() -> None:
    """Apply."""
    _shifts()
    _attendance()
    _settings()


def _shifts() -> None:
    op.execute(
        """
        alter table shifts
            add column subspecialties text[] not null default '{}',
            add column site_ids uuid[] not null default '{}',
            add column takes_overflow boolean not null default true,
            add constraint ex_shifts_once exclude using gist (
                reader_id with =, tstzrange(starts_at, ends_at) with &&)
        """
    )
    op.execute("grant insert, update, delete on shifts to confrere_app")
    op.execute(f"create policy adds on shifts for insert to confrere_app with check ({OWN})")
    op.execute(
        f"create policy changes on shifts for update to confrere_app using ({OWN}) "
        f"with check ({OWN})"
    )
    op.execute(f"create policy removes on shifts for delete to confrere_app using ({OWN})")


def _attendance() -> None:
    op.execute(
        """
        create table attendance (
            id uuid not null default gen_random_uuid(),
            owner_group uuid not null, reader_id uuid not null,
            act text not null default '', at timestamptz not null,
            number bigint generated always as identity,
            constraint pk_attendance primary key (id),
            constraint ck_attendance_act
                check (act in ('sign on', 'pause', 'resume', 'sign off'))
        )
        """
    )
    op.execute("create index ix_attendance_reader_id on attendance (reader_id, at)")
    _wall("attendance")
    # what happened stays: nobody changes or removes it
    op.execute("grant select, insert on attendance to confrere_app")
    op.execute("revoke update, delete on attendance from confrere_system")
    op.execute(f"create policy sees on attendance for select to confrere_app using ({MINE})")
    op.execute(
        "create policy adds on attendance for insert to confrere_app "
        f"with check ({MINE} and {OWN})"
    )


def _settings() -> None:
    op.execute(
        """
        create table roster_settings (
            owner_group uuid not null,
            sign_on_required boolean not null default false,
            no_show_minutes bigint not null default 15,
            constraint pk_roster_settings primary key (owner_group),
            constraint ck_roster_settings_minutes check (no_show_minutes between 0 and 480)
        )
        """
    )
    _wall("roster_settings")
    op.execute("grant select, insert, update on roster_settings to confrere_app")
    op.execute(
        f"create policy sees on roster_settings for select to confrere_app using ({MINE})"
    )
    op.execute(
        f"create policy adds on roster_settings for insert to confrere_app with check ({MINE})"
    )
    op.execute(
        "create policy changes on roster_settings for update to confrere_app "
        f"using ({MINE}) with check ({MINE})"
    )


def _wall(table: str) -> None:
    op.execute(f"alter table {table} enable row level security")
    op.execute(f"alter table {table} force row level security")
    op.execute(f"grant select, insert, update, delete on {table} to confrere_system")
    op.execute(
        f"create policy system on {table} to confrere_system using (true) with check (true)"
    )
