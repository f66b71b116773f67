"""The worklist's bell says whose pages it is for, so that the others need not ask."""

from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Apply."""
    # who could see it before, and who can now: owner, and the groups it is or was offered to
    # or held by; an id and groups, never patient data
    op.execute(
        """
        create or replace function ring_worklist() returns trigger language plpgsql as $$
        declare old_groups uuid[] := '{}';
        begin
            if tg_op = 'UPDATE' then
                old_groups := array[old.offered_group, old.held_group, old.finished_group];
            end if;
            perform pg_notify('worklist', new.id::text || ' ' || (
                select string_agg(distinct one::text, ' ') from unnest(old_groups || array[
                    new.owner_group, new.offered_group, new.held_group, new.finished_group
                ]) one where one is not null));
            return null;
        end $$
        """
    )
