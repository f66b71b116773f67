"""Gateways at hospitals: whose, at which site, what they last said of themselves."""

from alembic import op

from confrere.migrations.walls import wall

revision = "0029"
down_revision = "0028"


def upgrade() -> None:
    """Apply."""
    op.execute(
        """
        create table gateways (
            id uuid not null default gen_random_uuid(), owner_group uuid not null,
            site_id uuid not null, peer_id uuid not null, name text not null default '',
            code_digest bytea, code_until timestamptz, token_digest bytea,
            made_at timestamptz not null, made_by text not null default '',
            enrolled_at timestamptz, last_seen_at timestamptz,
            version text not null default '', said jsonb not null default '{}',
            revoked_at timestamptz,
            constraint pk_gateways primary key (id)
        )
        """
    )
    op.execute("create unique index ix_gateways_token_digest on gateways (token_digest)")
    op.execute("create unique index ix_gateways_code_digest on gateways (code_digest)")
    op.execute("create index ix_gateways_owner_group on gateways (owner_group)")
    wall("gateways", "select, insert, update")
