"""How each group wants its readers asked and its exams ordered."""

from alembic import op

revision = "0011"
down_revision = "0010"

MINE = "owner_group = any((select app_groups())::uuid[])"


def upgrade() -> None:
    """Apply."""
    op.execute(
        """
        create table routing_settings (
            owner_group uuid not null,
            mode text not null default 'hybrid',
            first text not null default 'match',
            hold jsonb not null default '{}',
            own_first jsonb not null default '{}',
            ahead bigint not null default 1,
            put_aside boolean not null default false,
            silence_seconds bigint not null default 90,
            constraint pk_routing_settings primary key (owner_group),
            constraint ck_routing_settings_mode check (mode in ('pull', 'hybrid', 'push')),
            constraint ck_routing_settings_first check (first in ('match', 'evenness')),
            constraint ck_routing_settings_ahead check (ahead between 1 and 5)
        )
        """
    )
    op.execute("alter table routing_settings enable row level security")
    op.execute("alter table routing_settings force row level security")
    op.execute("grant select, insert, update on routing_settings to confrere_app")
    op.execute("grant select, insert, update, delete on routing_settings to confrere_system")
    op.execute(
        f"create policy sees on routing_settings for select to confrere_app using ({MINE})"
    )
    op.execute(
        f"create policy adds on routing_settings for insert to confrere_app with check ({MINE})"
    )
    op.execute(
        "create policy changes on routing_settings for update to confrere_app "
        f"using ({MINE}) with check ({MINE})"
    )
    op.execute(
        "create policy system on routing_settings to confrere_system "
        "using (true) with check (true)"
    )
    op.execute(
        "create trigger facts after insert or update or delete on routing_settings "
        "for each statement execute function bump_facts()"
    )
