"""What a reader says of being there, opt-outs and suspensions count as changes of facts."""

from alembic import op

revision = "0010"
down_revision = "0009"

TABLES = ("agreement_suspensions", "opt_outs", "attendance", "roster_settings")


def upgrade() -> None:
    """Apply."""
    for table in TABLES:
        op.execute(
            f"create trigger facts after insert or update or delete on {table} "
            "for each statement execute function bump_facts()"
        )
