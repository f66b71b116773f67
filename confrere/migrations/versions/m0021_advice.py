"""Advice on orders: windows and rules as data, what was shown, and how exams repeat."""

from alembic import op

from confrere.migrations.walls import wall

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    """Apply."""
    _data()
    _given()
    _repeats()


def _data() -> None:
    # what a group changed is ended, never overwritten: what was advised can be judged again
    own_columns = {
        "advice_windows": """modality text not null default '', region text not null default '',
            days bigint not null default 0, same_contrast boolean not null default true,
            constraint ck_advice_windows_days check (days between 0 and 732),""",
        "advice_rules": """version bigint not null default 0, title text not null default '',
            says text not null default '', conditions jsonb not null default '{}',
            area text not null default '', origin text not null default '',""",
    }
    for table, own in own_columns.items():
        op.execute(
            f"""
            create table {table} (
                id uuid not null default gen_random_uuid(),
                owner_group uuid not null, code text not null default '', {own}
                cites text not null default '', kept_by text not null default '',
                effective_from date not null, effective_to date,
                recorded_at timestamptz not null, recorded_by text not null default '',
                ended_at timestamptz,
                constraint pk_{table} primary key (id),
                constraint ck_{table}_dates check (effective_to >= effective_from)
            )
            """
        )
        op.execute(
            f"create unique index uq_{table}_code on {table} (owner_group, code) "
            "where ended_at is null"
        )
        wall(table, "select, insert, update (ended_at)")


def _given() -> None:
    op.execute(
        """
        create table advice_given (
            id uuid not null default gen_random_uuid(),
            owner_group uuid not null, site_id uuid not null, patient_id uuid not null,
            order_id uuid, request text not null default '', about text not null default '',
            channel text not null default '', kind text not null default '',
            rule text not null default '', rule_version bigint not null default 0,
            window_days bigint not null default 0,
            summary text not null default '', detail text not null default '',
            cites text not null default '',
            procedure_code text not null default '', procedure_text text not null default '',
            modality text not null default '', region text not null default '',
            placer_number text not null default '',
            prior_group uuid, prior_site uuid, prior_order uuid, prior_study uuid,
            prior_report uuid, prior_on date, days bigint not null default 0,
            across_sites boolean not null default false,
            shown_at timestamptz not null,
            outcome text not null default '', reason text not null default '',
            decided_at timestamptz, decided_by text not null default '',
            fate text not null default '', fate_at timestamptz,
            constraint pk_advice_given primary key (id),
            constraint uq_advice_given_once unique (owner_group, request, about)
        )
        """
    )
    op.execute("create index ix_advice_given_shown_at on advice_given (owner_group, shown_at)")
    op.execute("create index ix_advice_given_order_id on advice_given (order_id)")
    op.execute(
        "create index ix_advice_given_patient_id on advice_given (owner_group, patient_id)"
    )
    wall("advice_given", "select, insert, update")


def _repeats() -> None:
    op.execute(
        """
        create table exam_repeats (
            order_id uuid not null, owner_group uuid not null, site_id uuid not null,
            exam_on date not null, modality text not null default '',
            region text not null default '',
            previous uuid, previous_site uuid, days bigint not null default 0,
            excuse text not null default '', report_at_hand boolean not null default false,
            constraint pk_exam_repeats primary key (order_id)
        )
        """
    )
    op.execute("create index ix_exam_repeats_exam_on on exam_repeats (owner_group, exam_on)")
    op.execute("create index ix_exam_repeats_previous on exam_repeats (previous)")
    wall("exam_repeats", "select")
