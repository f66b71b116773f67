"""Agreements as contracts: versions that both sign, suspensions, opt-outs; no two overlap.

Both parties' signatures under one version put it in force, by a trigger that runs as the
owner role: neither party can do it alone, nor change a term. Two agreements in force between
the same groups never cover the same exam: an exclusion constraint refuses the second.
"""

from alembic import op

revision = "0005"
down_revision = "0004"

ME = "any((select app_groups())::uuid[])"
PARTIES = f"owner_group = {ME} or reading_group = {ME}"
TERMS = """
    title text not null default '',
    site_ids uuid[] not null default '{}',
    subspecialties text[] not null default '{}',
    modalities text[] not null default '{}',
    priorities text[] not null default '{}',
    read_types text[] not null default '{}',
    weekdays integer[] not null default '{}',
    window_start time, window_end time,
    window_zone text not null default '',
    starts_on date not null, ends_on date not null,
    daily_cap bigint not null default 0,
    response_minutes jsonb not null default '{}',
    own_first boolean not null default true,
    overflow_share numeric(4, 3), overflow_from time, hold_share numeric(4, 3),
    shares_priors boolean not null default true
"""
COPIED = (
    "title, site_ids, subspecialties, modalities, priorities, read_types, weekdays, "
    "window_start, window_end, window_zone, starts_on, ends_on, daily_cap, response_minutes, "
    "own_first, overflow_share, overflow_from, hold_share, shares_priors"
)


def upgrade() -> None:
    """Apply."""
    op.execute("create extension if not exists btree_gist")
    _scopes()
    _heads()
    _versions()
    _signatures()
    _suspensions()
    _opt_outs()
    # what was taken under an agreement today, for its daily cap
    op.execute(
        "create index ix_proofs_agreement_id on proofs (agreement_id, at) "
        "where agreement_id is not null"
    )


def _scopes() -> None:
    """Terms as ranges, so that "all" meets everything and && says whether two terms meet."""
    op.execute('create type textrange as range (subtype = text, collation = "C")')
    op.execute(
        "create function scope_of(names text[]) returns textmultirange "
        "language sql immutable parallel safe set search_path = public, pg_temp as $$ "
        "select case when cardinality(names) = 0 then textmultirange(textrange(null, null)) "
        "else (select range_agg(textrange(one, one, '[]')) from unnest(names) as one) end $$"
    )
    # minutes of a week in UTC, once as clocks stand in January and once as in July, so that
    # hours in different zones compare and day meets night without a gap in either season
    op.execute(
        """
        create function agreement_hours(days integer[], starts time, ends time, zone text)
        returns int4multirange language plpgsql immutable parallel safe as $$
        declare
            made int4multirange := '{}';
            season integer := 0;
            monday timestamp; day integer; first integer; length integer;
        begin
            length := coalesce((extract(epoch from ends - starts) / 60)::integer, 1440);
            if length <= 0 then length := length + 1440; end if;
            foreach monday in array
                array[timestamp '2026-01-05 00:00', timestamp '2026-07-06 00:00']
            loop
                foreach day in array case when cardinality(days) = 0
                    then array[0, 1, 2, 3, 4, 5, 6] else days end
                loop
                    first := (extract(epoch from (
                        (monday + day * interval '1 day' + coalesce(starts, '00:00')::interval)
                        at time zone coalesce(nullif(zone, ''), 'UTC') at time zone 'UTC'
                    ) - monday) / 60)::integer;
                    first := ((first % 10080) + 10080) % 10080;
                    made := made + int4multirange(
                        int4range(season + first, season + least(first + length, 10080)));
                    if first + length > 10080 then
                        made := made + int4multirange(
                            int4range(season, season + first + length - 10080));
                    end if;
                end loop;
                season := season + 10080;
            end loop;
            return made;
        end $$
        """
    )


def _heads() -> None:
    op.execute(
        """
        alter table agreements
            add column modalities text[] not null default '{}',
            add column read_types text[] not null default '{}',
            add column weekdays integer[] not null default '{}',
            add column daily_cap bigint not null default 0,
            add column response_minutes jsonb not null default '{}',
            add column own_first boolean not null default true,
            add column overflow_share numeric(4, 3),
            add column overflow_from time,
            add column hold_share numeric(4, 3),
            add column ended_at timestamptz,
            add column ended_why text not null default '',
            drop column read_type,
            add constraint ck_agreements_window
                check ((window_start is null) = (window_end is null)),
            add constraint ck_agreements_state
                check (state in ('proposed', 'in force', 'ended', 'withdrawn'))
        """
    )
    op.execute(
        "alter table agreements add constraint ex_agreements_scope exclude using gist ("
        "owner_group with =, reading_group with =, scope_of(site_ids::text[]) with &&, "
        "scope_of(subspecialties) with &&, scope_of(modalities) with &&, "
        "scope_of(priorities) with &&, scope_of(read_types) with &&, "
        "agreement_hours(weekdays, window_start, window_end, window_zone) with &&, "
        "daterange(starts_on, ends_on, '[]') with &&) where (state = 'in force')"
    )
    op.execute("create index ix_agreements_reading_group on agreements (reading_group)")
    op.execute("drop policy adds on agreements")
    op.execute(
        "create policy adds on agreements for insert to confrere_app "
        f"with check (({PARTIES}) and state = 'proposed')"
    )
    op.execute("drop policy removes on agreements")
    op.execute("revoke update, delete on agreements from confrere_app")
    op.execute("grant update (state, ended_at, ended_why) on agreements to confrere_app")
    op.execute(
        "create policy binds on agreements to confrere_owner using (true) with check (true)"
    )
    op.execute(
        "create function agreement_state() returns trigger language plpgsql as $$ begin "
        "if new.state in ('proposed', 'in force') and new.state <> old.state "
        "and current_user <> 'confrere_owner' then "
        "raise exception 'an agreement comes into force by both signatures only'; end if; "
        "return new; end $$"
    )
    op.execute(
        "create trigger signed_by_both before update on agreements "
        "for each row execute function agreement_state()"
    )


def _versions() -> None:
    op.execute(
        f"""
        create table agreement_versions (
            id uuid not null default gen_random_uuid(),
            owner_group uuid not null, reading_group uuid not null,
            agreement_id uuid not null, number bigint not null, {TERMS},
            rate numeric(12, 4), rate_per text not null default '',
            currency text not null default '',
            digest text not null default '',
            proposed_by uuid not null, proposed_name text not null default '',
            proposed_at timestamptz not null,
            closed_how text not null default '', closed_at timestamptz,
            constraint pk_agreement_versions primary key (id),
            constraint uq_agreement_versions_agreement_id_number unique (agreement_id, number)
        )
        """
    )
    _party_wall("agreement_versions", f"({PARTIES}) and proposed_by = {ME}")
    op.execute("grant update (closed_how, closed_at) on agreement_versions to confrere_app")
    op.execute(
        f"create policy changes on agreement_versions for update to confrere_app "
        f"using ({PARTIES}) with check ({PARTIES})"
    )
    op.execute("revoke update on agreement_versions from confrere_system")
    op.execute("grant update (closed_how, closed_at) on agreement_versions to confrere_system")


def _signatures() -> None:
    op.execute(
        """
        create table agreement_signatures (
            id uuid not null default gen_random_uuid(),
            owner_group uuid not null, reading_group uuid not null,
            agreement_id uuid not null, version bigint not null, party uuid not null,
            user_id uuid, name text not null default '', digest text not null default '',
            signed_at timestamptz not null,
            constraint pk_agreement_signatures primary key (id),
            constraint uq_agreement_signatures_agreement_id_version_party
                unique (agreement_id, version, party)
        )
        """
    )
    _party_wall("agreement_signatures", f"({PARTIES}) and party = {ME}")
    op.execute(
        "create trigger unchangeable before update or delete on agreement_signatures "
        "for each row execute function refuse_change()"
    )
    op.execute(
        f"""
        create function agreement_bind() returns trigger language plpgsql
        security definer set search_path = public, pg_temp as $$
        declare
            found_version agreement_versions;
        begin
            perform 1 from agreements where id = new.agreement_id
                and state in ('proposed', 'in force') for update;
            if not found then raise exception 'this agreement is not open to signatures'; end if;
            select * into found_version from agreement_versions
                where agreement_id = new.agreement_id and number = new.version
                and closed_how = '' and digest = new.digest
                and new.party in (owner_group, reading_group);
            if not found then raise exception 'this version is not open to signatures'; end if;
            if (select count(distinct party) from agreement_signatures
                where agreement_id = new.agreement_id and version = new.version) = 2 then
                update agreements a set ({COPIED}, state, version) =
                    (select {COPIED}, 'in force', number from agreement_versions v
                     where v.id = found_version.id)
                where a.id = new.agreement_id;
            end if;
            return null;
        end $$
        """
    )
    op.execute(
        "create trigger binds after insert on agreement_signatures "
        "for each row execute function agreement_bind()"
    )


def _suspensions() -> None:
    op.execute(
        """
        create table agreement_suspensions (
            id uuid not null default gen_random_uuid(),
            owner_group uuid not null, reading_group uuid not null,
            agreement_id uuid not null, party uuid not null,
            name text not null default '', reason text not null default '',
            since timestamptz not null, until timestamptz,
            resumed_name text not null default '',
            constraint pk_agreement_suspensions primary key (id)
        )
        """
    )
    op.execute(
        "create unique index uq_agreement_suspensions_open on agreement_suspensions "
        "(agreement_id, party) where until is null"
    )
    mine = f"({PARTIES}) and party = {ME}"
    _party_wall("agreement_suspensions", mine)
    op.execute("grant update (until, resumed_name) on agreement_suspensions to confrere_app")
    # who suspended resumes; the other side cannot
    op.execute(
        "create policy changes on agreement_suspensions for update to confrere_app "
        f"using ({mine}) with check ({mine})"
    )


def _opt_outs() -> None:
    op.execute(
        """
        create table opt_outs (
            id uuid not null default gen_random_uuid(),
            owner_group uuid not null, site_id uuid,
            subspecialty text not null default '', modality text not null default '',
            procedure text not null default '', priority text not null default '',
            reason text not null default '', entered_by text not null default '',
            starts_on date not null, ends_on date,
            constraint pk_opt_outs primary key (id),
            constraint ck_opt_outs_dates check (ends_on is null or ends_on >= starts_on)
        )
        """
    )
    op.execute("create index ix_opt_outs_owner_group on opt_outs (owner_group)")
    _wall("opt_outs")
    op.execute("grant select, insert, delete on opt_outs to confrere_app")
    op.execute("grant update (ends_on) on opt_outs to confrere_app")
    # whom the owner lends to must judge by them, too
    op.execute(
        f"create policy sees on opt_outs for select to confrere_app using (owner_group = {ME} "
        f"or owner_group in (select a.owner_group from agreements a where a.reading_group = {ME}))"
    )
    for verb, check in (("insert", "with check"), ("update", "using"), ("delete", "using")):
        op.execute(
            f"create policy {verb}s on opt_outs for {verb} to confrere_app "
            f"{check} (owner_group = {ME})"
        )


def _wall(table: str) -> None:
    op.execute(f"alter table {table} enable row level security")
    op.execute(f"alter table {table} force row level security")
    op.execute(f"grant select, insert, update, delete on {table} to confrere_system")
    op.execute(
        f"create policy system on {table} to confrere_system using (true) with check (true)"
    )


def _party_wall(table: str, adds: str) -> None:
    """Let both parties of an agreement see, and a party add in its own name only."""
    _wall(table)
    op.execute(f"grant select, insert on {table} to confrere_app")
    op.execute(f"create policy sees on {table} for select to confrere_app using ({PARTIES})")
    party = "agreement_id in (select a.id from agreements a where a.owner_group = "
    party += f"{table}.owner_group and a.reading_group = {table}.reading_group)"
    op.execute(
        f"create policy adds on {table} for insert to confrere_app "
        f"with check ({adds} and {party})"
    )
    op.execute(
        f"create policy binds on {table} to confrere_owner using (true) with check (true)"
    )
