"""Tables of this part. Only its store reads them."""

import sqlalchemy as sa

from confrere.database.metadata import instant, key, metadata, owner, ref, text, whole

received = sa.Table(
    "received",
    metadata,
    key(),
    owner(),
    ref("peer_id", null=True),
    ref("site_id", null=True),
    text("door"),
    text("address"),
    text("kind"),
    text("control_id"),
    sa.Column("content", sa.LargeBinary, nullable=False),
    text("state", default="stored"),
    text("reason"),
    text("field"),
    text("remedy"),
    whole("attempts"),
    instant("received_at", null=False),
    instant("done_at"),
    instant("said_at"),
    sa.Index("ix_received_owner_group_received_at", "owner_group", "received_at"),
    sa.Index("ix_received_control_id", "owner_group", "peer_id", "control_id"),
    sa.Index("ix_received_peer_id", "peer_id", "received_at"),
)

outgoing = sa.Table(
    "outgoing",
    metadata,
    key(),
    owner(),
    ref("site_id", null=True),
    ref("peer_id"),
    ref("report_id", null=True),
    text("kind"),
    text("accession"),
    text("control_id"),
    sa.Column("content", sa.LargeBinary, nullable=False),
    sa.Column("place", sa.BigInteger, sa.Identity(), nullable=False),
    text("state", default="waiting"),
    whole("attempts"),
    text("last_error"),
    text("answer_code"),
    text("answer_text"),
    instant("created_at", null=False),
    instant("next_at", null=False),
    instant("sent_at"),
    sa.Index(
        "ix_outgoing_waiting", "peer_id", "place", postgresql_where=sa.text("state = 'waiting'")
    ),
    sa.Index("ix_outgoing_owner_group_created_at", "owner_group", "created_at"),
)

sendings = sa.Table(
    "sendings",
    metadata,
    key(),
    owner(),
    ref("study_id"),
    ref("peer_id"),
    text("asked_by"),
    instant("asked_at", null=False),
    text("state", default="waiting"),
    whole("total"),
    whole("sent"),
    whole("failed"),
    whole("attempts"),
    text("last_error"),
    instant("next_at", null=False),
    instant("ended_at"),
    text("kind", default="study"),
    ref("cause_id", null=True),
    text("says"),
    text("done_by"),
    sa.Index("ix_sendings_study_id", "owner_group", "study_id"),
    sa.Index("ix_sendings_cause_id", "cause_id"),
)
