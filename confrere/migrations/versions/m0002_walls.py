"""Who may see and change which rows: grants, row-level security, unchangeable records, jobs.

The app role (web, doors) sees what belongs to the groups of `app.groups`, and what is shared
with them. The system role (worker, dispatcher) sees all groups, by policy and not by a
superuser's bypass. Nobody, the owner included, may change an audit event or a signed version.
"""

from alembic import op
from procrastinate.schema import SchemaManager

revision = "0002"
down_revision = "0001"

MINE = "owner_group = any((select app_groups())::uuid[])"
SHARED = (
    "(select s.object_id from shares s where s.to_group = any((select app_groups())::uuid[])"
    " and s.ended_at is null)"
)
# table -> what the app role may see; what it may write is MINE unless WRITES says otherwise
SEES = {
    "agreements": f"{MINE} or reading_group = any((select app_groups())::uuid[])",
    "peers": MINE,
    "site_rules": MINE,
    "procedures": MINE,
    "kept_aside": MINE,
    "received": MINE,
    "outgoing": f"{MINE} or report_id in (select id from reports)",
    "patient_links": MINE,
    "patients": f"{MINE} or id in {SHARED}",
    "orders": f"{MINE} or id in {SHARED}",
    "studies": f"{MINE} or id in {SHARED}",
    "series": f"{MINE} or study_id in {SHARED}",
    "instances": f"{MINE} or study_id in {SHARED}",
    "series_metadata": f"{MINE} or series_id in (select id from series)",
    "study_orders": f"{MINE} or study_id in {SHARED}",
    "items": f"{MINE} or id in {SHARED} or finished_group = any((select app_groups())::uuid[])",
    "proofs": f"{MINE} or reader_group = any((select app_groups())::uuid[])",
    "reports": f"{MINE} or reader_group = any((select app_groups())::uuid[]) or id in {SHARED}",
    "report_versions": (
        f"{MINE} or reader_group = any((select app_groups())::uuid[]) or report_id in {SHARED}"
    ),
    "exam_facts": f"{MINE} or reader_group = any((select app_groups())::uuid[])",
    "shares": f"{MINE} or to_group = any((select app_groups())::uuid[])",
}
READS = "reader_group = any((select app_groups())::uuid[])"
WRITES = {
    "items": SEES["items"],
    "proofs": f"{MINE} or {READS}",
    "reports": f"{MINE} or {READS}",
    "report_versions": f"{MINE} or {READS}",
    "series_metadata": "true",
    "outgoing": f"{MINE} or report_id in (select id from reports)",
}
# who may change a row that only its owner may add
CHANGES = {"agreements": SEES["agreements"]}  # either party may suspend
# the columns that may change at all; the terms of an agreement are not among them
COLUMNS = {"agreements": "state, version"}
# the collaborative's directory: every member may look up who is who
DIRECTORY = ("groups", "sites", "readers", "licences", "privileges", "shifts")
ACCOUNTS = ("users", "sessions", "tokens")


def upgrade() -> None:
    """Apply."""
    op.execute(
        "create function app_groups() returns text[] language sql stable parallel safe as "
        "$$ select string_to_array(nullif(current_setting('app.groups', true), ''), ',') $$"
    )
    op.execute("grant usage on schema public to confrere_app, confrere_system")
    op.execute("grant execute on function app_groups() to confrere_app, confrere_system")
    for table, sees in SEES.items():
        _wall(table)
        op.execute(f"grant select, insert, delete on {table} to confrere_app")
        columns = f"({COLUMNS[table]})" if table in COLUMNS else ""
        op.execute(f"grant update {columns} on {table} to confrere_app")
        op.execute(f"create policy sees on {table} for select to confrere_app using ({sees})")
        may = WRITES.get(table, MINE)
        op.execute(
            f"create policy adds on {table} for insert to confrere_app with check ({may})"
        )
        change = CHANGES.get(table, may)
        op.execute(
            f"create policy changes on {table} for update to confrere_app "
            f"using ({change}) with check ({change})"
        )
        op.execute(
            f"create policy removes on {table} for delete to confrere_app using ({MINE})"
        )
    for table in DIRECTORY:
        _wall(table)
        op.execute(f"grant select on {table} to confrere_app")
        op.execute(f"create policy sees on {table} for select to confrere_app using (true)")
    # a group says itself which of its systems receives a site's results
    op.execute("grant update (result_peer) on sites to confrere_app")
    op.execute(
        "create policy changes on sites for update to confrere_app "
        f"using ({MINE}) with check ({MINE})"
    )
    for table in ACCOUNTS:
        op.execute(f"grant select, insert, update on {table} to confrere_app, confrere_system")
    _audit()
    _pool()
    _unchangeable()
    _bell()
    _jobs()


def _wall(table: str) -> None:
    op.execute(f"alter table {table} enable row level security")
    op.execute(f"alter table {table} force row level security")
    op.execute(f"grant select, insert, update, delete on {table} to confrere_system")
    op.execute(
        f"create policy system on {table} to confrere_system using (true) with check (true)"
    )


def _audit() -> None:
    op.execute("alter table audit_events enable row level security")
    op.execute("alter table audit_events force row level security")
    op.execute("grant select, insert on audit_events to confrere_app, confrere_system")
    op.execute(
        "create policy sees on audit_events for select to confrere_app using "
        f"({MINE} or user_group = any((select app_groups())::uuid[]))"
    )
    op.execute(
        "create policy adds on audit_events for insert to confrere_app with check (true)"
    )
    op.execute(
        "create policy system on audit_events to confrere_system using (true) with check (true)"
    )
    op.execute("create policy chain on audit_events for select to confrere_owner using (true)")
    # the next link needs the last one even when its row is not the caller's to see
    op.execute(
        "create function audit_last(chain uuid) returns table(seq bigint, mac bytea) "
        "language sql security definer set search_path = public as $$ "
        "select seq, mac from audit_events where owner_group = chain order by seq desc limit 1 $$"
    )
    # whether this session's access to this object has been noted already
    op.execute(
        "create function audit_noted(chain uuid, in_session text, of_kind text, by_door text, "
        "of_object uuid) returns boolean "
        "language sql security definer set search_path = public as $$ "
        "select exists (select 1 from audit_events where owner_group = chain "
        "and session = in_session and kind = of_kind and door = by_door "
        "and object_id = of_object) $$"
    )
    for function in ("audit_last(uuid)", "audit_noted(uuid, text, text, text, uuid)"):
        op.execute(f"revoke all on function {function} from public")
        op.execute(f"grant execute on function {function} to confrere_app, confrere_system")


def _pool() -> None:
    # sums over all groups, of twelve whole months only: nobody may ask of days or of a group.
    # The caller withholds small cells before they leave the service.
    op.execute("create policy pool on exam_facts for select to confrere_owner using (true)")
    op.execute(
        """
        create function pooled_turnaround(last_month date)
        returns table (
            month date, priority text, modality text, exams bigint, measured bigint,
            synthetic bigint, groups bigint, largest bigint, at double precision[],
            mean double precision, limited bigint, in_limit bigint
        )
        language sql stable security definer
        set search_path = public, pg_temp set work_mem = '32MB' as $$
        with months as (
            select array_agg(start at time zone 'UTC' order by start) as edges
            from generate_series(
                date_trunc('month', last_month::timestamp) - interval '11 months',
                date_trunc('month', last_month::timestamp) + interval '1 month',
                interval '1 month'
            ) as start
        ),
        facts as materialized (
            select owner_group, f.priority collate "C" as priority,
                f.modality collate "C" as modality,
                width_bucket(counted_at, edges) as number,
                date_part('epoch', final_at - complete_at) / 60 as minutes,
                case when due_at is not null then final_at <= due_at end as met, f.synthetic
            from exam_facts f, months
            where counted_at >= edges[1] and counted_at < edges[13]
        ),
        cells as (
            select owner_group, number, priority, modality, count(*) as exams,
                count(*) filter (where minutes >= 0) as measured,
                count(*) filter (where synthetic) as synthetic,
                sum(minutes) filter (where minutes >= 0) as minutes,
                count(met) filter (where minutes >= 0) as limited,
                count(*) filter (where minutes >= 0 and met) as in_limit
            from facts group by owner_group, number, priority, modality
        ),
        by_group as (
            select number, priority, modality, grouping(number, priority, modality) as kind,
                sum(exams) as exams, sum(measured) as measured, sum(synthetic) as synthetic,
                sum(minutes) as minutes, sum(limited) as limited, sum(in_limit) as in_limit
            from cells group by grouping sets (
                (owner_group), (owner_group, priority), (owner_group, modality),
                (owner_group, number), (owner_group, number, priority),
                (owner_group, number, modality)
            )
        ),
        figures as (
            select number, priority, modality, kind, sum(exams) as exams,
                sum(measured) as measured, sum(synthetic) as synthetic,
                count(*) filter (where measured > 0) as groups, max(measured) as largest,
                sum(minutes) / nullif(sum(measured), 0) as mean,
                sum(limited) as limited, sum(in_limit) as in_limit
            from by_group group by number, priority, modality, kind
        ),
        quantiles as (
            select number, priority, modality, grouping(number, priority, modality) as kind,
                percentile_cont(array[0.5, 0.9, 0.95]) within group (order by minutes) as at
            from facts where minutes >= 0
            group by grouping sets (
                (), (priority), (modality), (number), (number, priority), (number, modality)
            )
        )
        select (edges[f.number] at time zone 'UTC')::date, f.priority, f.modality,
            f.exams::bigint, f.measured::bigint, f.synthetic::bigint, f.groups,
            f.largest::bigint, q.at, f.mean, f.limited::bigint, f.in_limit::bigint
        from months, figures f left join quantiles q on q.kind = f.kind
            and coalesce(q.number, 0) = coalesce(f.number, 0)
            and coalesce(q.priority, '') = coalesce(f.priority, '')
            and coalesce(q.modality, '') = coalesce(f.modality, '')
        $$
        """
    )
    op.execute("revoke all on function pooled_turnaround(date) from public")
    op.execute("grant execute on function pooled_turnaround(date) to confrere_app")


def _unchangeable() -> None:
    op.execute(
        "create function refuse_change() returns trigger language plpgsql as $$ begin "
        "raise exception '% keeps what was written: rows are never changed or removed', "
        "tg_table_name; end $$"
    )
    for table in ("audit_events", "report_versions"):
        op.execute(
            f"create trigger unchangeable before update or delete on {table} "
            "for each row execute function refuse_change()"
        )
        op.execute(
            f"create trigger untruncatable before truncate on {table} "
            "for each statement execute function refuse_change()"
        )


def _bell() -> None:
    # row-level security does not filter notifications, so the payload is an id only
    op.execute(
        "create function ring_worklist() returns trigger language plpgsql as $$ begin "
        "perform pg_notify('worklist', new.id::text); return null; end $$"
    )
    op.execute(
        "create trigger bell after insert or update on items "
        "for each row when (not new.synthetic or new.finished_at is null) "
        "execute function ring_worklist()"
    )


def _jobs() -> None:
    raw = op.get_bind().connection.driver_connection
    assert raw is not None  # noqa: S101 - a bound connection has a driver connection
    raw.execute(SchemaManager.get_schema())
    op.execute(
        "do $$ declare t text; begin for t in select tablename from pg_tables "
        "where schemaname = 'public' and tablename like 'procrastinate%' loop "
        "execute format('grant select, insert, update, delete on %I to "
        "confrere_app, confrere_system', t); end loop; end $$"
    )
    op.execute("grant usage on all sequences in schema public to confrere_app, confrere_system")
