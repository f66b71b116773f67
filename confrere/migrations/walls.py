"""The wall around a table that belongs to groups: row-level security, once for all migrations."""

from alembic import op

MINE = "owner_group = any((select app_groups())::uuid[])"


def wall(table: str, may: str, sees: str = MINE) -> None:
    """Let a group see `sees`, and of its own rows do what `may` grants; the system does all.

    `may` is written as in GRANT: `select, insert, update (ended_at)`.
    """
    op.execute(f"alter table {table} enable row level security")
    op.execute(f"alter table {table} force row level security")
    op.execute(f"grant select, insert, update, delete on {table} to confrere_system")
    op.execute(
        f"create policy system on {table} to confrere_system using (true) with check (true)"
    )
    op.execute(f"grant {may} on {table} to confrere_app")
    op.execute(f"create policy sees on {table} for select to confrere_app using ({sees})")
    if "insert" in may:
        op.execute(
            f"create policy adds on {table} for insert to confrere_app with check ({MINE})"
        )
    if "update" in may:
        op.execute(
            f"create policy changes on {table} for update to confrere_app "
            f"using ({MINE}) with check ({MINE})"
        )
    if "delete" in may:
        op.execute(
            f"create policy removes on {table} for delete to confrere_app using ({MINE})"
        )
