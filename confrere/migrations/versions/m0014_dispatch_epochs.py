"""Which dispatcher leads: a number that each new leader raises."""

from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Apply."""
    op.execute("create table dispatch_epochs (number bigint not null default 0)")
    op.execute("insert into dispatch_epochs (number) values (0)")
    op.execute("alter table dispatch_epochs enable row level security")
    op.execute("alter table dispatch_epochs force row level security")
    op.execute("grant select, update on dispatch_epochs to confrere_system")
    op.execute(
        "create policy system on dispatch_epochs to confrere_system "
        "using (true) with check (true)"
    )
