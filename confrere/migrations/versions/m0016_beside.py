"""Beside a site's own systems: status both ways, shadow mode, and what the records agree on."""

from alembic import op

from confrere.migrations.walls import wall

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Apply."""
    _sites()
    _items()
    _words()
    _statuses()
    _times()
    _twice()
    op.execute("alter table received add column said_at timestamptz")
    op.execute("create index ix_received_peer_id on received (peer_id, received_at)")


def _sites() -> None:
    op.execute(
        """
        alter table sites
            add column status_peer uuid,
            add column status_since timestamptz,
            add column mode text not null default 'live',
            add column outside_minutes bigint not null default 120,
            add constraint ck_sites_mode check (mode in ('live', 'shadow')),
            add constraint ck_sites_outside check (outside_minutes between 5 and 1440)
        """
    )
    op.execute(
        "grant update (status_peer, status_since, mode, outside_minutes) on sites "
        "to confrere_app"
    )
    op.execute(
        """
        create table site_modes (
            id uuid not null default gen_random_uuid(),
            owner_group uuid not null, site_id uuid not null,
            mode text not null default '', at timestamptz not null,
            by_name text not null default '', by_user uuid, reason text not null default '',
            unmet text[] not null default '{}',
            constraint pk_site_modes primary key (id)
        )
        """
    )
    op.execute("create index ix_site_modes_site_id on site_modes (site_id, at)")
    wall("site_modes", "select, insert")
    # when a site went live, and against which doubts, stays known
    op.execute("revoke update, delete on site_modes from confrere_system")


def _items() -> None:
    op.execute(
        """
        alter table items
            add column shadow boolean not null default false,
            add column outside_word text not null default '',
            add column outside_by text not null default '',
            add column outside_since timestamptz
        """
    )
    op.execute(
        "create index ix_items_site_id_finished_at on items (site_id, finished_at) "
        "where finished_at is not null"
    )


def _words() -> None:
    op.execute(
        """
        create table outside_words (
            id uuid not null default gen_random_uuid(),
            owner_group uuid not null, site_id uuid not null, order_id uuid not null,
            peer_id uuid, source text not null default '', word text not null default '',
            reader text not null default '', reason text not null default '',
            said_at timestamptz not null, heard_at timestamptz not null,
            constraint pk_outside_words primary key (id),
            constraint uq_outside_words_once
                unique (owner_group, order_id, source, said_at, word, reader)
        )
        """
    )
    op.execute("create index ix_outside_words_order_id on outside_words (order_id)")
    wall("outside_words", "select, insert")


def _statuses() -> None:
    op.execute(
        """
        create table told_statuses (
            order_id uuid not null, owner_group uuid not null, site_id uuid not null,
            seen bigint not null default 0, told text not null default '',
            told_at timestamptz, wanted text not null default '', wanted_at timestamptz,
            number bigint not null default 0,
            constraint pk_told_statuses primary key (order_id)
        )
        """
    )
    wall("told_statuses", "select")


def _times() -> None:
    op.execute(
        """
        create table told_times (
            id uuid not null default gen_random_uuid(),
            owner_group uuid not null, site_id uuid not null, order_id uuid not null,
            what text not null default '', said_at timestamptz not null,
            heard_at timestamptz not null,
            constraint pk_told_times primary key (id),
            constraint uq_told_times_owner_group_order_id_what
                unique (owner_group, order_id, what)
        )
        """
    )
    op.execute("create index ix_told_times_site_id on told_times (site_id, heard_at)")
    wall("told_times", "select, insert, update")
    op.execute("alter table orders add column said jsonb not null default '{}'")


def _twice() -> None:
    op.execute(
        """
        create table double_reads (
            id uuid not null default gen_random_uuid(),
            owner_group uuid not null, site_id uuid, item_id uuid not null,
            here uuid, elsewhere uuid not null, kind text not null default '',
            holder text not null default '', at timestamptz not null,
            settled_at timestamptz, settled_by text not null default '',
            resolution text not null default '',
            constraint pk_double_reads primary key (id),
            constraint uq_double_reads_owner_group_item_id_elsewhere
                unique (owner_group, item_id, elsewhere)
        )
        """
    )
    wall("double_reads", "select, update")
