"""Readers decline with a reason; a draft keeps a hold until the exam is at risk."""

from alembic import op

revision = "0007"
down_revision = "0006"

ME = "any((select app_groups())::uuid[])"


def upgrade() -> None:
    """Apply."""
    op.execute("alter table items add column drafted_at timestamptz")
    op.execute(
        """
        create table declines (
            id uuid not null default gen_random_uuid(),
            item_id uuid not null, reader_id uuid not null, reader_group uuid not null,
            reason text not null default '', note text not null default '',
            wrvu numeric(7, 2), minutes integer, at timestamptz not null,
            constraint pk_declines primary key (id)
        )
        """
    )
    op.execute("create index ix_declines_item_id on declines (item_id)")
    op.execute("create index ix_declines_reader_id_at on declines (reader_id, at)")
    op.execute("alter table declines enable row level security")
    op.execute("alter table declines force row level security")
    # who declined what is the reader's and their own group's alone, not the owner group's
    op.execute("grant select, insert on declines to confrere_app, confrere_system")
    op.execute(
        f"create policy sees on declines for select to confrere_app using (reader_group = {ME})"
    )
    op.execute(
        "create policy adds on declines for insert to confrere_app "
        f"with check (reader_group = {ME})"
    )
    op.execute(
        "create policy system on declines to confrere_system using (true) with check (true)"
    )
