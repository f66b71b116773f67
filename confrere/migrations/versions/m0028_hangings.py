"""How each reader wants studies hung in the viewer."""

from alembic import op

revision = "0028"
down_revision = "0023"

MINE = "owner_group = any((select app_groups())::uuid[])"


def upgrade() -> None:
    """Apply."""
    op.execute(
        """
        create table hangings (
            id uuid not null default gen_random_uuid(),
            owner_group uuid not null, user_id uuid not null,
            modality text not null default '', region text not null default '',
            layout text not null default '', first text not null default '',
            windows jsonb not null default '[]',
            updated_at timestamptz not null,
            constraint pk_hangings primary key (id),
            constraint uq_hangings_place unique (owner_group, user_id, modality, region)
        )
        """
    )
    op.execute("alter table hangings enable row level security")
    op.execute("alter table hangings force row level security")
    op.execute("grant select, insert, update, delete on hangings to confrere_app")
    op.execute("grant select, insert, update, delete on hangings to confrere_system")
    op.execute(
        f"create policy own on hangings to confrere_app using ({MINE}) with check ({MINE})"
    )
    op.execute(
        "create policy system on hangings to confrere_system using (true) with check (true)"
    )
