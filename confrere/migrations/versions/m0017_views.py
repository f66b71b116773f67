"""Views of the worklist that people have saved."""

from alembic import op

revision = "0017"
down_revision = "0016"

MINE = "owner_group = any((select app_groups())::uuid[])"


def upgrade() -> None:
    """Apply."""
    op.execute(
        """
        create table views (
            id uuid not null default gen_random_uuid(),
            owner_group uuid not null, user_id uuid not null,
            name text not null default '', list text not null default '',
            search text not null default '', modality text not null default '',
            site_name text not null default '', sort text not null default '',
            created_at timestamptz not null,
            constraint pk_views primary key (id),
            constraint uq_views_user_id_name unique (user_id, name)
        )
        """
    )
    op.execute("alter table views enable row level security")
    op.execute("alter table views force row level security")
    op.execute("grant select, insert, update, delete on views to confrere_app")
    op.execute("grant select, insert, update, delete on views to confrere_system")
    op.execute(f"create policy own on views to confrere_app using ({MINE}) with check ({MINE})")
    op.execute(
        "create policy system on views to confrere_system using (true) with check (true)"
    )
