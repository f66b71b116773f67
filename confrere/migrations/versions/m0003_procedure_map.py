"""The procedure map says contrast, certificates and ages; orders and items carry the exam's type."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Apply."""
    for table in ("procedures", "orders", "items"):
        op.add_column(table, sa.Column("contrast", sa.Text, server_default="", nullable=False))
        op.add_column(
            table,
            sa.Column(
                "certificates", postgresql.ARRAY(sa.Text), server_default="{}", nullable=False
            ),
        )
    for table in ("orders", "items"):
        op.add_column(
            table, sa.Column("advanced", sa.Boolean, server_default="false", nullable=False)
        )
        op.add_column(table, sa.Column("minutes", sa.Integer))
        op.add_column(table, sa.Column("wrvu", sa.Numeric(7, 2)))
    op.add_column(
        "procedures",
        sa.Column("child_below", sa.BigInteger, server_default="0", nullable=False),
    )
    op.add_column(
        "procedures",
        sa.Column("child_subspecialty", sa.Text, server_default="", nullable=False),
    )
