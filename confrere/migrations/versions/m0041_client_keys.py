"""Public keys of systems that sign their requests (CDS Hooks), and the ids they have used."""

from alembic import op

revision = "0041"
down_revision = "0040"


def upgrade() -> None:
    """Apply."""
    op.execute(
        """
        create table client_keys (
            user_id uuid not null,
            issuer text not null,
            keys jsonb not null,
            changed_at timestamptz not null,
            used_at timestamptz,
            refused_at timestamptz,
            refused text not null default '',
            constraint pk_client_keys primary key (user_id),
            constraint uq_client_keys_issuer unique (issuer)
        )
        """
    )
    op.execute(
        """
        create table client_assertions (
            user_id uuid not null,
            jti text not null,
            ends_at timestamptz not null,
            constraint pk_client_assertions primary key (user_id, jti)
        )
        """
    )
    # as accounts and tokens: read before anybody is known, so behind no group's wall
    for table in ("client_keys", "client_assertions"):
        op.execute(
            f"grant select, insert, update, delete on {table} to confrere_app, confrere_system"
        )
