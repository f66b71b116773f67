"""Replays that a group asked for, with their results."""

from alembic import op

revision = "0009"
down_revision = "0008"

MINE = "owner_group = any((select app_groups())::uuid[])"


def upgrade() -> None:
    """Apply."""
    op.execute(
        """
        create table simulations (
            id uuid not null default gen_random_uuid(),
            owner_group uuid not null, asked_by text not null default '',
            asked jsonb not null default '{}',
            starts_at timestamptz not null, ends_at timestamptz not null,
            state text not null default 'queued', done double precision not null default 0,
            result jsonb not null default '{}', error text not null default '',
            created_at timestamptz not null, finished_at timestamptz,
            constraint pk_simulations primary key (id)
        )
        """
    )
    op.execute(
        "create index ix_simulations_owner_group_created_at "
        "on simulations (owner_group, created_at)"
    )
    op.execute("alter table simulations enable row level security")
    op.execute("alter table simulations force row level security")
    op.execute("grant select, insert, delete on simulations to confrere_app")
    op.execute("grant select, insert, update, delete on simulations to confrere_system")
    op.execute(f"create policy sees on simulations for select to confrere_app using ({MINE})")
    op.execute(
        f"create policy adds on simulations for insert to confrere_app with check ({MINE})"
    )
    op.execute(
        f"create policy removes on simulations for delete to confrere_app using ({MINE})"
    )
    op.execute(
        "create policy system on simulations to confrere_system using (true) with check (true)"
    )
