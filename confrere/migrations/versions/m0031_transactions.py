"""Which transaction of a worklist client (UPS-RS) holds which exam."""

from alembic import op

revision = "0031"
down_revision = "0026"

MINE = "owner_group = any((select app_groups())::uuid[])"


def upgrade() -> None:
    """Apply."""
    op.execute(
        """
        create table ups_transactions (
            owner_group uuid not null,
            item_id uuid not null,
            reader_id uuid not null,
            transaction_uid text not null default '',
            hold_token uuid not null,
            created_at timestamptz not null,
            constraint pk_ups_transactions primary key (owner_group, item_id)
        )
        """
    )
    op.execute("alter table ups_transactions enable row level security")
    op.execute("alter table ups_transactions force row level security")
    op.execute("grant select, insert, update, delete on ups_transactions to confrere_app")
    op.execute("grant select, insert, update, delete on ups_transactions to confrere_system")
    op.execute(
        f"create policy own on ups_transactions to confrere_app using ({MINE}) with check ({MINE})"
    )
    op.execute(
        "create policy system on ups_transactions to confrere_system using (true) with check (true)"
    )
