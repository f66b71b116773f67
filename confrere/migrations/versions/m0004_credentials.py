"""Credentials as dated facts that are never overwritten, exclusions, rules, reminders.

Licences, privileges and readers' subspecialties move into `credentials`.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"

MINE = "owner_group = any((select app_groups())::uuid[])"
OWN_READER = (
    "reader_id in (select id from readers where group_id = any((select app_groups())::uuid[]))"
)
OWN_SITE = (
    "site_id in (select id from sites where owner_group = any((select app_groups())::uuid[]))"
)
OF_OWN = f"(({OWN_READER}) or (reader_id is null and {OWN_SITE}))"
# every change of one of these may change a verdict
FACTS = (
    "groups", "sites", "readers", "credentials", "places", "exclusions", "rules", "agreements",
    "shifts",
)  # fmt: skip


def upgrade() -> None:
    """Apply."""
    _columns()
    _credentials()
    _beside()
    _move()
    _walls()
    _version()


def _key() -> sa.Column[object]:
    return sa.Column(
        "id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False
    )


def _text(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.Text(), server_default=sa.text("''"), nullable=False)


def _at(name: str, *, null: bool = True) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=null)


def _columns() -> None:
    zero = sa.text("0")
    op.add_column("groups", _text("tin"))
    op.add_column("sites", sa.Column("each_claim", sa.Numeric(14, 2)))
    op.add_column("sites", sa.Column("aggregate", sa.Numeric(14, 2)))
    op.add_column(
        "sites", sa.Column("child_below", sa.BigInteger(), server_default=zero, nullable=False)
    )
    op.add_column(
        "sites",
        sa.Column(
            "forbids_offshore", sa.Boolean(), server_default=sa.text("false"), nullable=False
        ),
    )
    op.add_column("orders", _text("payer_class"))
    op.add_column("items", _text("payer_class"))
    texts = postgresql.ARRAY(sa.Text())
    op.add_column(
        "items", sa.Column("orderers", texts, server_default=sa.text("'{}'"), nullable=False)
    )
    op.add_column(
        "proofs",
        sa.Column("facts_version", sa.BigInteger(), server_default=zero, nullable=False),
    )
    op.add_column("proofs", _text("attested_by"))
    op.add_column("proofs", _text("attestation"))


def _credentials() -> None:
    details = sa.Column(
        "details", postgresql.JSONB(), server_default=sa.text("'{}'"), nullable=False
    )
    op.create_table(
        "credentials", _key(), _text("kind"), sa.Column("reader_id", sa.Uuid()),
        sa.Column("site_id", sa.Uuid()), details, sa.Column("ends_on", sa.Date()),
        _at("recorded_at"), _text("recorded_by"), _at("ended_at"), _text("ended_because"),
        sa.Column("replaces", sa.Uuid()), sa.PrimaryKeyConstraint("id", name="pk_credentials"),
        sa.CheckConstraint(
            "reader_id is not null or site_id is not null", name="ck_credentials_of_someone"
        ),
    )  # fmt: skip
    op.create_index("ix_credentials_reader_id", "credentials", ["reader_id"])
    op.create_index("ix_credentials_site_id", "credentials", ["site_id"])
    op.create_index(
        "ix_credentials_ends_on", "credentials", ["ends_on"],
        postgresql_where=sa.text("ended_at is null"),
    )  # fmt: skip
    op.create_table(
        "places", _key(), sa.Column("reader_id", sa.Uuid(), nullable=False), _text("country"),
        _text("state"), _at("starts_at", null=False), _at("ends_at", null=False),
        _at("recorded_at"), sa.PrimaryKeyConstraint("id", name="pk_places"),
        sa.CheckConstraint("ends_at > starts_at", name="ck_places_order"),
    )  # fmt: skip
    op.create_index("ix_places_reader_id_ends_at", "places", ["reader_id", "ends_at"])
    op.create_table(
        "exclusions", _key(), sa.Column("owner_group", sa.Uuid(), nullable=False),
        sa.Column("reader_id", sa.Uuid(), nullable=False),
        sa.Column("reader_group", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid()), sa.Column("site_id", sa.Uuid()), _text("kind"),
        sa.Column("valid_from", sa.Date()), sa.Column("valid_to", sa.Date()),
        _at("recorded_at"), _text("recorded_by"), _at("ended_at"),
        sa.PrimaryKeyConstraint("id", name="pk_exclusions"),
        sa.CheckConstraint(
            "patient_id is not null or site_id is not null", name="ck_exclusions_of_someone"
        ),
    )  # fmt: skip
    op.create_index("ix_exclusions_reader_id", "exclusions", ["reader_id"])


def _beside() -> None:
    op.create_table(
        "rules", _key(), _text("code"), _text("title"), _text("kind"), _text("cites"),
        _text("owner"), sa.Column("effective_from", sa.Date(), nullable=False),
        sa.Column("effective_to", sa.Date()), _at("recorded_at"), _text("recorded_by"),
        _at("ended_at"), sa.PrimaryKeyConstraint("id", name="pk_rules"),
        sa.CheckConstraint("effective_to >= effective_from", name="ck_rules_dates"),
    )  # fmt: skip
    op.create_index(
        "uq_rules_code", "rules", ["code"], unique=True,
        postgresql_where=sa.text("ended_at is null"),
    )  # fmt: skip
    number = sa.Column("number", sa.BigInteger(), server_default=sa.text("0"), nullable=False)
    op.create_table("facts_version", number)
    op.create_table(
        "documents", _key(), sa.Column("owner_group", sa.Uuid(), nullable=False),
        sa.Column("reader_id", sa.Uuid(), nullable=False),
        sa.Column("credential_id", sa.Uuid(), nullable=False), _text("name"),
        _text("media_type"),
        sa.Column("size", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False), _at("added_at", null=False),
        _text("added_by"), sa.PrimaryKeyConstraint("id", name="pk_documents"),
    )  # fmt: skip
    op.create_index("ix_documents_credential_id", "documents", ["credential_id"])
    op.create_index("ix_documents_reader_id", "documents", ["reader_id"])
    op.create_table(
        "reminders", _key(), sa.Column("owner_group", sa.Uuid(), nullable=False),
        sa.Column("credential_id", sa.Uuid(), nullable=False),
        sa.Column("reader_id", sa.Uuid()),
        sa.Column("threshold", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        _at("made_at", null=False), _at("seen_at"), _text("seen_by"),
        sa.PrimaryKeyConstraint("id", name="pk_reminders"),
        sa.UniqueConstraint(
            "credential_id", "threshold", name="uq_reminders_credential_id_threshold"
        ),
    )  # fmt: skip
    op.create_index("ix_reminders_owner_group", "reminders", ["owner_group", "seen_at"])


def _move() -> None:
    # the owner that migrates is bound by the walls, too
    for table in ("licences", "privileges", "readers", "proofs"):
        op.execute(f"alter table {table} no force row level security")
    op.execute(
        "insert into credentials (kind, reader_id, details, ends_on) select 'licence', "
        "reader_id, jsonb_build_object('state', state, 'number', number, 'status', status, "
        "'valid_from', valid_from, 'valid_to', valid_to), valid_to from licences"
    )
    op.execute(
        "insert into credentials (kind, reader_id, site_id, details, ends_on) select "
        "'privilege', reader_id, site_id, jsonb_build_object('scope', scope, 'path', path, "
        "'valid_from', valid_from, 'valid_to', valid_to), valid_to from privileges"
    )
    op.execute(
        "insert into credentials (kind, reader_id, details) select 'competence', r.id, "
        "jsonb_build_object('code', word, 'basis', 'declared') "
        "from readers r, unnest(r.subspecialties) as word"
    )
    op.execute(
        "insert into credentials (kind, reader_id, details) select 'competence', r.id, "
        "jsonb_build_object('code', word, 'basis', 'board certificate') "
        "from readers r, unnest(r.certificates) as word"
    )
    op.execute(
        "update proofs set verdicts = (select coalesce(jsonb_agg((v - 'holds') || "
        "jsonb_build_object('outcome', case when (v->>'holds')::boolean then 'holds' "
        "else 'fails' end, 'billing_hold', false)), '[]') "
        "from jsonb_array_elements(verdicts) as v)"
    )
    for table in ("readers", "proofs"):
        op.execute(f"alter table {table} force row level security")
    op.drop_table("licences")
    op.drop_table("privileges")
    op.drop_column("readers", "subspecialties")
    op.drop_column("readers", "certificates")


def _walls() -> None:
    everyone = "true"
    _wall("credentials", everyone, OF_OWN, "ended_at, ended_because")
    _wall("places", everyone, OWN_READER, "ends_at")
    # the patient's or site's group, and the reader's own, both may name a conflict
    either = f"{MINE} or reader_group = any((select app_groups())::uuid[])"
    _wall("exclusions", either, either, "ended_at")
    _wall("documents", MINE, MINE, "")
    _wall("reminders", MINE, MINE, "seen_at, seen_by")
    # what is the collaborative's own is no group's: the pages let its administrators alone
    _wall("rules", everyone, everyone, "ended_at")
    for table, may in (
        ("groups", "true"),
        ("sites", MINE),
        ("readers", "group_id = any((select app_groups())::uuid[])"),
    ):
        op.execute(f"grant insert on {table} to confrere_app")
        op.execute(
            f"create policy adds on {table} for insert to confrere_app with check ({may})"
        )
    op.execute(
        "grant update (each_claim, aggregate, child_below, forbids_offshore) on sites "
        "to confrere_app"
    )
    own = "id = any((select app_groups())::uuid[])"
    op.execute("grant update (tin) on groups to confrere_app")
    op.execute(
        f"create policy changes on groups for update to confrere_app using ({own}) "
        f"with check ({own})"
    )
    own = "group_id = any((select app_groups())::uuid[])"
    op.execute("grant update (name, sits_in_state, active) on readers to confrere_app")
    op.execute(
        f"create policy changes on readers for update to confrere_app using ({own}) "
        f"with check ({own})"
    )


def _wall(table: str, sees: str, may: str, columns: str) -> None:
    op.execute(f"alter table {table} enable row level security")
    op.execute(f"alter table {table} force row level security")
    op.execute(f"grant select, insert, update, delete on {table} to confrere_system")
    op.execute(
        f"create policy system on {table} to confrere_system using (true) with check (true)"
    )
    op.execute(f"grant select, insert on {table} to confrere_app")
    op.execute(f"create policy sees on {table} for select to confrere_app using ({sees})")
    op.execute(f"create policy adds on {table} for insert to confrere_app with check ({may})")
    if columns:
        op.execute(f"grant update ({columns}) on {table} to confrere_app")
        op.execute(
            f"create policy changes on {table} for update to confrere_app "
            f"using ({may}) with check ({may})"
        )


def _version() -> None:
    op.execute("insert into facts_version (number) values (1)")
    op.execute("grant select on facts_version to confrere_app, confrere_system")
    # one row, so that whoever changes facts waits for who did so before: a version that can
    # be read stands for facts that can be read
    op.execute(
        "create function bump_facts() returns trigger language plpgsql security definer "
        "set search_path = public, pg_temp as $$ begin "
        "update facts_version set number = number + 1; return null; end $$"
    )
    for table in FACTS:
        op.execute(
            f"create trigger facts after insert or update or delete on {table} "
            "for each statement execute function bump_facts()"
        )
