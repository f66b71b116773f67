"""What Confrere does for a site beside keeping images: the modality worklist, off at first."""

from alembic import op

revision = "0020"
down_revision = "0019"

MINE = "owner_group = any((select app_groups())::uuid[])"


def upgrade() -> None:
    """Apply."""
    op.execute(
        """
        create table site_services (
            site_id uuid not null,
            owner_group uuid not null,
            worklist boolean not null default false,
            constraint pk_site_services primary key (site_id)
        )
        """
    )
    op.execute("alter table site_services enable row level security")
    op.execute("alter table site_services force row level security")
    op.execute("grant select, insert, update on site_services to confrere_app")
    op.execute("grant select, insert, update, delete on site_services to confrere_system")
    op.execute(f"create policy sees on site_services for select to confrere_app using ({MINE})")
    op.execute(
        f"create policy adds on site_services for insert to confrere_app with check ({MINE})"
    )
    op.execute(
        "create policy changes on site_services for update to confrere_app "
        f"using ({MINE}) with check ({MINE})"
    )
    op.execute(
        "create policy system on site_services to confrere_system using (true) with check (true)"
    )
