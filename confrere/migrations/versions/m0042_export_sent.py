"""Where the files of a de-identified export were sent."""

from alembic import op

revision = "0042"
down_revision = "0041"


def upgrade() -> None:
    """Apply."""
    op.execute("alter table deid_exports add column sent jsonb not null default '[]'")
