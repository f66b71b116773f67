"""Call lists, what was told to whom about which exam, and pre-alerts."""

from alembic import op

revision = "0013"
down_revision = "0012"

ME = "any((select app_groups())::uuid[])"
MINE = f"owner_group = {ME}"
CONTACTS = """
create table contacts (
    id uuid not null default gen_random_uuid(),
    owner_group uuid not null, role text not null default '', name text not null default '',
    reader_id uuid, site_id uuid, mail text not null default '',
    phone text not null default '', channels text[] not null default '{}',
    quiet_from time, quiet_until time, time_zone text not null default 'UTC',
    changed_at timestamptz not null, changed_by text not null default '',
    constraint pk_contacts primary key (id)
)
"""
NOTICES = """
create table notices (
    id uuid not null default gen_random_uuid(),
    owner_group uuid not null, to_group uuid not null, message_id uuid not null,
    kind text not null default '', tier bigint not null default 0, about uuid not null,
    item_id uuid, recipient uuid not null, reader_id uuid, contact_id uuid,
    role text not null default '', name text not null default '',
    channel text not null default '', site_name text not null default '',
    level text not null default '', due_at timestamptz, said text not null default '',
    state text not null default 'queued', attempts bigint not null default 0,
    last_error text not null default '', sent_to text not null default '',
    created_at timestamptz not null, next_at timestamptz not null, sent_at timestamptz,
    seen_at timestamptz, seen_by text not null default '',
    constraint pk_notices primary key (id),
    constraint uq_notices_owner_group_about_kind_tier_recipient_channel
        unique (owner_group, about, kind, tier, recipient, channel)
)
"""
PREALERTS = """
create table prealerts (
    id uuid not null default gen_random_uuid(),
    owner_group uuid not null, order_id uuid not null, site_id uuid not null,
    kind text not null default '', level text not null default '',
    site_name text not null default '', state text not null default 'open',
    reader_id uuid, reader_group uuid, answer text not null default '',
    rung uuid[] not null default '{}', refused uuid[] not null default '{}',
    item_id uuid, raised_at timestamptz not null, expires_at timestamptz not null,
    rung_at timestamptz, begun_at timestamptz, offered_at timestamptz, ended_at timestamptz,
    constraint pk_prealerts primary key (id),
    constraint uq_prealerts_owner_group_order_id unique (owner_group, order_id)
)
"""
INDEXES = (
    "ix_contacts_owner_group on contacts (owner_group)",
    "ix_notices_about on notices (about)",
    "ix_notices_message_id on notices (message_id)",
    "ix_notices_recipient on notices (recipient, channel, created_at)",
    "ix_notices_owner_group_created_at on notices (owner_group, created_at)",
    "ix_notices_to_group_created_at on notices (to_group, created_at)",
    "ix_notices_queued on notices (next_at) where state = 'queued'",
    "ix_prealerts_open on prealerts (reader_id) where ended_at is null",
)


def upgrade() -> None:
    """Apply."""
    for table in (CONTACTS, NOTICES, PREALERTS):
        op.execute(table)
    op.execute(
        "create table notice_settings (owner_group uuid not null, tiers bigint[] not null, "
        "constraint pk_notice_settings primary key (owner_group))"
    )
    for index in INDEXES:
        op.execute(f"create index {index}")
    op.execute(
        "create unique index uq_contacts_reader_id on contacts (owner_group, reader_id) "
        "where role = 'reader'"
    )
    for table in ("contacts", "notice_settings", "notices", "prealerts"):
        op.execute(f"alter table {table} enable row level security")
        op.execute(f"alter table {table} force row level security")
        op.execute(f"grant select, insert, update, delete on {table} to confrere_system")
        op.execute(
            f"create policy system on {table} to confrere_system using (true) with check (true)"
        )
    _lists()
    _told()


def _lists() -> None:
    # addresses are their own group's alone; the sender, as the system role, sees them
    for table in ("contacts", "notice_settings"):
        op.execute(f"grant select, insert, update, delete on {table} to confrere_app")
        op.execute(
            f"create policy mine on {table} to confrere_app using ({MINE}) with check ({MINE})"
        )


def _told() -> None:
    # who was told what is both groups' to see; only the system role tells
    both = f"{MINE} or to_group = {ME}"
    op.execute("grant select on notices to confrere_app")
    op.execute(
        "grant update (state, seen_at, seen_by, attempts, next_at, last_error) on notices "
        "to confrere_app"
    )
    op.execute(f"create policy sees on notices for select to confrere_app using ({both})")
    op.execute(
        f"create policy changes on notices for update to confrere_app using ({both}) "
        f"with check ({both})"
    )
    op.execute("grant select on prealerts to confrere_app")
    op.execute("grant update (answer) on prealerts to confrere_app")
    op.execute(
        "create policy sees on prealerts for select to confrere_app "
        f"using ({MINE} or reader_group = {ME})"
    )
    op.execute(
        "create policy changes on prealerts for update to confrere_app "
        f"using (reader_group = {ME}) with check (reader_group = {ME})"
    )
    # pages hear of what is told to their reader, and the dispatcher of an answer
    op.execute(
        "create function ring_notice() returns trigger language plpgsql as $$ begin "
        "perform pg_notify('worklist', coalesce(new.item_id, new.id)::text); return null; "
        "end $$"
    )
    op.execute(
        "create trigger bell after insert on notices for each row "
        "when (new.channel = 'product') execute function ring_notice()"
    )
    op.execute(
        "create trigger bell after insert or update on prealerts for each row "
        "execute function ring_notice()"
    )
