"""How each reader wants studies hung in the viewer; how a site's own viewer is launched."""

from alembic import op

revision = "0028"
down_revision = "0027"

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
    op.execute(
        "alter table sites add column launch_name text not null default '', "
        "add column launch_text text not null default ''"
    )
    op.execute(
        "grant update (viewer_url, launch_name, launch_text, viewer_cleared_on) on sites "
        "to confrere_app"
    )
