"""What Confrere does for a site beside keeping images: the modality worklist, off at first."""

from alembic import op

from confrere.migrations.walls import wall

revision = "0020"
down_revision = "0019"


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
    wall("site_services", "select, insert, update")
