"""Tables of this part. Only its store reads them."""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from confrere.database.metadata import instant, key, metadata, ref, text, whole

users = sa.Table(
    "users",
    metadata,
    key(),
    sa.Column("username", sa.Text, nullable=False, unique=True),
    text("name"),
    text("role"),
    ref("group_id", null=True),
    ref("reader_id", null=True),
    ref("site_id", null=True),
    text("password_hash"),
    whole("failures"),
    instant("locked_until"),
    instant("disabled_at"),
    instant("created_at", null=False),
)

sessions = sa.Table(
    "sessions",
    metadata,
    key(),
    sa.Column("secret_digest", sa.LargeBinary, nullable=False, unique=True),
    ref("user_id"),
    instant("created_at", null=False),
    instant("seen_at", null=False),
    instant("expires_at", null=False),
    instant("ended_at"),
)

tokens = sa.Table(
    "tokens",
    metadata,
    key(),
    sa.Column("secret_digest", sa.LargeBinary, nullable=False, unique=True),
    ref("user_id"),
    text("label"),
    instant("created_at", null=False),
    instant("expires_at", null=False),
    instant("revoked_at"),
)

client_keys = sa.Table(
    "client_keys",
    metadata,
    sa.Column("user_id", sa.Uuid, primary_key=True),
    sa.Column("issuer", sa.Text, nullable=False, unique=True),
    sa.Column("keys", postgresql.JSONB, nullable=False),
    instant("changed_at", null=False),
    instant("used_at"),
    instant("refused_at"),
    text("refused"),
)

client_assertions = sa.Table(
    "client_assertions",
    metadata,
    sa.Column("user_id", sa.Uuid, primary_key=True),
    sa.Column("jti", sa.Text, primary_key=True),
    instant("ends_at", null=False),
)
