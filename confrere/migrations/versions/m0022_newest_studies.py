"""Studies newest first, straight from an index: what every page of a search asks for."""

from alembic import op

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    """Apply."""
    op.execute(
        "create index ix_studies_newest on studies (owner_group, study_date, study_time, id)"
    )
    op.execute("drop index ix_studies_study_date")
