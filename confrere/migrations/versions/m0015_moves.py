"""A lead moves an exam, with a reason; what a reader claimed, and from what they chose."""

from alembic import op

revision = "0015"
down_revision = "0014"

ME = "any((select app_groups())::uuid[])"
MINE = f"owner_group = {ME}"


def upgrade() -> None:
    """Apply."""
    op.execute(
        """
        create table moves (
            id uuid not null default gen_random_uuid(),
            owner_group uuid not null, item_id uuid not null,
            from_reader uuid, from_group uuid, from_name text not null default '',
            was_held boolean not null default false,
            to_reader uuid not null, to_group uuid not null, to_name text not null default '',
            moved_by text not null default '', reason text not null default '',
            before jsonb not null default '{}',
            at timestamptz not null, taken_back_at timestamptz,
            constraint pk_moves primary key (id)
        )
        """
    )
    op.execute("create index ix_moves_item_id_at on moves (item_id, at)")
    _wall("moves")
    op.execute("grant select, insert on moves to confrere_app")
    op.execute("grant update (taken_back_at) on moves to confrere_app")
    # both readers' groups learn who has it now and why; only the owner's lead moves it
    op.execute(
        "create policy sees on moves for select to confrere_app "
        f"using ({MINE} or to_group = {ME} or from_group = {ME})"
    )
    op.execute(f"create policy adds on moves for insert to confrere_app with check ({MINE})")
    op.execute(
        "create policy changes on moves for update to confrere_app "
        f"using ({MINE}) with check ({MINE})"
    )
    op.execute(
        """
        create table claims_made (
            id uuid not null default gen_random_uuid(),
            item_id uuid not null, reader_id uuid not null, reader_group uuid not null,
            in_turn boolean not null default false,
            wrvu numeric(7, 2), minutes integer,
            open_count bigint not null default 0,
            open_mean double precision, open_variance double precision,
            synthetic boolean not null default false,
            at timestamptz not null,
            constraint pk_claims_made primary key (id)
        )
        """
    )
    op.execute("create index ix_claims_made_reader_id_at on claims_made (reader_id, at)")
    _wall("claims_made")
    op.execute("grant select, insert on claims_made to confrere_app")
    # as with declines: the reader's own group alone, not the group whose exam it was
    op.execute(
        "create policy sees on claims_made for select to confrere_app "
        f"using (reader_group = {ME})"
    )
    op.execute(
        "create policy adds on claims_made for insert to confrere_app "
        f"with check (reader_group = {ME})"
    )
    op.execute("alter table declines add column synthetic boolean not null default false")


def _wall(table: str) -> None:
    op.execute(f"alter table {table} enable row level security")
    op.execute(f"alter table {table} force row level security")
    op.execute(f"grant select, insert, update on {table} to confrere_system")
    op.execute(
        f"create policy system on {table} to confrere_system using (true) with check (true)"
    )
