"""Gateways at hospitals: whose, at which site, what they last said of themselves."""

from alembic import op

revision = "0029"
down_revision = "0026"

MINE = "owner_group = any((select app_groups())::uuid[])"


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
    op.execute("alter table gateways enable row level security")
    op.execute("alter table gateways force row level security")
    op.execute("grant select, insert, update on gateways to confrere_app")
    op.execute("grant select, insert, update, delete on gateways to confrere_system")
    op.execute(f"create policy sees on gateways for select to confrere_app using ({MINE})")
    op.execute(f"create policy adds on gateways for insert to confrere_app with check ({MINE})")
    op.execute(
        "create policy changes on gateways for update to confrere_app "
        f"using ({MINE}) with check ({MINE})"
    )
    op.execute(
        "create policy system on gateways to confrere_system using (true) with check (true)"
    )
