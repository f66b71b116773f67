"""The worklist's bell rings for what pages and the dispatcher look at, and says for whom.

Not for a longer lease. It names the readers whom an exam is or was offered to or held by:
their pages ask at once, those of others in their groups a moment later.
"""

from alembic import op

revision = "0018"
down_revision = "0017"

UNSEEN = "'{lease_until,updated_at,version,drafted_at}'::text[]"


def upgrade() -> None:
    """Apply."""
    op.execute(
        """
        create or replace function ring_worklist() returns trigger language plpgsql as $$
        declare groups uuid[]; readers uuid[];
        begin
            groups := array[new.owner_group, new.offered_group, new.held_group,
                            new.finished_group];
            readers := array[new.offered_to, new.held_by];
            if tg_op = 'UPDATE' then
                groups := groups || array[old.offered_group, old.held_group,
                                          old.finished_group];
                readers := readers || array[old.offered_to, old.held_by];
            end if;
            perform pg_notify('worklist', new.id::text || ' ' || (
                select string_agg(distinct word, ' ') from (
                    select one::text as word from unnest(groups) one where one is not null
                    union all
                    select 'reader:' || one from unnest(readers) one where one is not null
                ) words));
            return null;
        end $$
        """
    )
    op.execute("drop trigger bell on items")
    op.execute(
        "create trigger bell after insert on items for each row "
        "when (not new.synthetic or new.finished_at is null) execute function ring_worklist()"
    )
    op.execute(
        "create trigger bell_again after update on items for each row "
        "when ((not new.synthetic or new.finished_at is null) and "
        f"to_jsonb(old) - {UNSEEN} is distinct from to_jsonb(new) - {UNSEEN}) "
        "execute function ring_worklist()"
    )
