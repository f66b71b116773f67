"""The busy path of filing anew: one series a call, in plain statements with arrays.

Half the server's time for each image went into planning and starting one large statement, and
into nine index entries of a study's new version: `last_at` was indexed. Without that, and with
room left in the pages, the counts change in place (heap-only tuples). The log is flushed later:
until then the spool holds all that is needed to file again (docs/decisions/011).
"""

from alembic import op

revision = "0045"
down_revision = "0042"


def upgrade() -> None:
    """Apply."""
    op.execute("drop index ix_studies_receiving")
    op.execute("create index ix_studies_receiving on studies (id) where state = 'receiving'")
    op.execute("alter table studies set (fillfactor = 80)")
    op.execute("alter table series set (fillfactor = 80)")
    # the busy path reads a study's corrections with the study itself
    op.execute("drop trigger coerce on instances")
    op.execute(
        "create trigger coerce before insert on instances for each row"
        " when (current_setting('app.coerced', true) is distinct from 'known')"
        " execute function coerce_instance()"
    )
    op.execute("drop function file_known(text, jsonb, jsonb)")
    op.execute(
        """
        create function file_known(
            groups text, owner uuid, in_study uuid, in_series uuid, said_study text,
            said_series text, newest timestamptz, sop_uids text[], classes text[],
            numbers int[], all_rows int[], all_columns int[], all_frames bigint[],
            syntaxes text[], digests bytea[], sizes bigint[], ats timestamptz[],
            waiting text[], told json
        ) returns void language plpgsql as $$
        declare
            wanted int := cardinality(sop_uids);
            corrected jsonb; added int; job json;
        begin
            perform set_config('app.groups', groups, true),
                set_config('app.coerced', 'known', true),
                set_config('synchronous_commit', 'off', true);
            update studies set instance_count = instance_count + wanted,
                    last_at = greatest(last_at, newest)
                where id = in_study and owner_group = owner and study_uid = said_study
                    and state = 'receiving'
                returning coerced into corrected;
            if not found then
                raise exception 'the study is not open' using errcode = 'CF001';
            end if;
            update series set instance_count = instance_count + wanted
                where id = in_series and study_id = in_study and series_uid = said_series;
            if not found then
                raise exception 'the series is elsewhere' using errcode = 'CF001';
            end if;
            if wanted = 1 then
                insert into instances (owner_group, study_id, series_id, coerced, sop_uid,
                    sop_class, number, rows, columns, frames, transfer_syntax, digest, size,
                    received_at)
                values (owner, in_study, in_series, corrected, sop_uids[1], classes[1],
                    numbers[1], all_rows[1], all_columns[1], all_frames[1], syntaxes[1],
                    digests[1], sizes[1], ats[1])
                on conflict do nothing;
            else
                insert into instances (owner_group, study_id, series_id, coerced, sop_uid,
                    sop_class, number, rows, columns, frames, transfer_syntax, digest, size,
                    received_at)
                select owner, in_study, in_series, corrected, given.*
                from unnest(sop_uids, classes, numbers, all_rows, all_columns, all_frames,
                    syntaxes, digests, sizes, ats) given
                on conflict do nothing;
            end if;
            get diagnostics added = row_count;
            if added <> wanted then
                raise exception 'not all are new here' using errcode = 'CF001';
            end if;
            perform set_config('app.coerced', '', true);
            if (select count(*) from procrastinate_jobs
                    where queueing_lock = any(waiting) and status = 'todo')
                    = cardinality(waiting) then
                return;
            end if;
            for job in select * from json_array_elements(told) loop
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
