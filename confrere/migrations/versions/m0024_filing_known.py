"""File more instances of studies and series that are open already, in one round trip.

The busy path of the image doors: the hundreds of slices after a series' first one. It changes
nothing unless all of them are new and fit; then the general path takes them, which also knows
duplicates, conflicts, new series and closed studies.
"""

from alembic import op

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    """Apply."""
    op.execute(
        """
        create function file_known(groups text, given jsonb, told jsonb) returns void
        language plpgsql set plan_cache_mode = force_generic_plan as $$
        declare added int; job jsonb;
        begin
            perform set_config('app.groups', groups, true);
            perform 1 from studies
                where id in (select (one->>'study_id')::uuid from jsonb_array_elements(given) one)
                    and state = 'receiving'
                order by owner_group, study_uid for update;
            with news as (
                select * from jsonb_to_recordset(given) as news(
                    owner_group uuid, study_id uuid, series_id uuid, study_uid text,
                    series_uid text, sop_uid text, sop_class text, number int, rows int,
                    columns int, frames bigint, transfer_syntax text, digest text, size bigint,
                    received_at timestamptz)
            ), filed as (
                insert into instances (owner_group, study_id, series_id, sop_uid, sop_class,
                    number, rows, columns, frames, transfer_syntax, digest, size, received_at)
                select news.owner_group, news.study_id, news.series_id, news.sop_uid,
                    news.sop_class, news.number, news.rows, news.columns, news.frames,
                    news.transfer_syntax, decode(news.digest, 'hex'), news.size,
                    news.received_at
                from news
                join studies on studies.id = news.study_id and studies.state = 'receiving'
                    and studies.owner_group = news.owner_group
                    and studies.study_uid = news.study_uid
                join series on series.id = news.series_id and series.study_id = news.study_id
                    and series.series_uid = news.series_uid
                order by news.owner_group, news.sop_uid
                on conflict do nothing
                returning study_id, series_id, received_at
            ), grown as (
                update series set instance_count = instance_count + more.number
                from (select filed.series_id, count(*) as number from filed group by 1) more
                where series.id = more.series_id
            ), counted as (
                update studies set instance_count = instance_count + more.number,
                    last_at = greatest(last_at, more.at)
                from (select filed.study_id, count(*) as number, max(filed.received_at) as at
                      from filed group by 1) more
                where studies.id = more.study_id
            )
            select count(*) into added from filed;
            if added <> jsonb_array_length(given) then
                raise exception 'not all are new here' using errcode = 'CF001';
            end if;
            for job in select * from jsonb_array_elements(told) loop
                if not exists (select 1 from procrastinate_jobs
                        where queueing_lock = job->>'once' and status = 'todo') then
                    perform procrastinate_defer_jobs_v1(array[row('default', job->>'task',
                        (job->>'priority')::int, null, job->>'once', job->'arguments', null
                        )::procrastinate_job_to_defer_v1]);
                end if;
            end loop;
        end $$
        """
    )


def downgrade() -> None:
    """Undo."""
    op.execute("drop function file_known(text, jsonb, jsonb)")
