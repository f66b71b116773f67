"""What each offer rested on: ring, terms, runner-up, policy version."""

from alembic import op

revision = "0008"
down_revision = "0007"

ME = "any((select app_groups())::uuid[])"


def upgrade() -> None:
    """Apply."""
    op.execute(
        """
        create table decisions (
            id uuid not null default gen_random_uuid(),
            owner_group uuid not null, item_id uuid not null, reader_id uuid not null,
            reader_group uuid not null, ring bigint not null default 0,
            policy text not null default '', said jsonb not null default '{}',
            sentence text not null default '', at timestamptz not null,
            constraint pk_decisions primary key (id)
        )
        """
    )
    op.execute("create index ix_decisions_item_id_at on decisions (item_id, at)")
    op.execute("alter table decisions enable row level security")
    op.execute("alter table decisions force row level security")
    op.execute("grant select on decisions to confrere_app")
    op.execute("grant select, insert on decisions to confrere_system")
    op.execute(
        "create policy sees on decisions for select to confrere_app "
        f"using (owner_group = {ME} or reader_group = {ME})"
    )
    op.execute(
        "create policy system on decisions to confrere_system using (true) with check (true)"
    )
