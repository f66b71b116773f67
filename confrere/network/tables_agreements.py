"""Tables of agreements and opt-outs. Only this part's stores read them."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from confrere.database.metadata import (
    flag,
    instant,
    json,
    key,
    metadata,
    owner,
    ref,
    text,
    texts,
    uuids,
    whole,
)


def _terms() -> list[sa.Column[Any]]:
    """Make the columns of an agreement's terms: of each version, and of the one in force."""
    return [
        text("title"),
        uuids("site_ids"),
        texts("subspecialties"),
        texts("modalities"),
        texts("priorities"),
        texts("read_types"),
        sa.Column("weekdays", postgresql.ARRAY(sa.Integer), nullable=False),
        sa.Column("window_start", sa.Time),
        sa.Column("window_end", sa.Time),
        text("window_zone"),
        sa.Column("starts_on", sa.Date, nullable=False),
        sa.Column("ends_on", sa.Date, nullable=False),
        whole("daily_cap"),
        json("response_minutes"),
        flag("own_first", default=True),
        sa.Column("overflow_share", sa.Numeric(4, 3)),
        sa.Column("overflow_from", sa.Time),
        sa.Column("hold_share", sa.Numeric(4, 3)),
        flag("shares_priors", default=True),
    ]


# the terms in force; between the same groups no two that are in force meet in scope, hours
# and dates: the constraint ex_agreements_scope refuses the second
agreements = sa.Table(
    "agreements",
    metadata,
    key(),
    owner(),
    ref("reading_group"),
    *_terms(),
    text("state", default="proposed"),
    whole("version", 1),
    instant("ended_at"),
    text("ended_why"),
)

agreement_versions = sa.Table(
    "agreement_versions",
    metadata,
    key(),
    owner(),
    ref("reading_group"),
    ref("agreement_id"),
    whole("number"),
    *_terms(),
    # the price stands here only, where nothing that decides who reads ever looks
    sa.Column("rate", sa.Numeric(12, 4)),
    text("rate_per"),
    text("currency"),
    text("digest"),
    ref("proposed_by"),
    text("proposed_name"),
    instant("proposed_at", null=False),
    text("closed_how"),
    instant("closed_at"),
    sa.UniqueConstraint("agreement_id", "number"),
)

agreement_signatures = sa.Table(
    "agreement_signatures",
    metadata,
    key(),
    owner(),
    ref("reading_group"),
    ref("agreement_id"),
    whole("version"),
    ref("party"),
    ref("user_id", null=True),
    text("name"),
    text("digest"),
    instant("signed_at", null=False),
    sa.UniqueConstraint("agreement_id", "version", "party"),
)

agreement_suspensions = sa.Table(
    "agreement_suspensions",
    metadata,
    key(),
    owner(),
    ref("reading_group"),
    ref("agreement_id"),
    ref("party"),
    text("name"),
    text("reason"),
    instant("since", null=False),
    instant("until"),
    text("resumed_name"),
)

opt_outs = sa.Table(
    "opt_outs",
    metadata,
    key(),
    owner(),
    ref("site_id", null=True),
    text("subspecialty"),
    text("modality"),
    text("procedure"),
    text("priority"),
    text("reason"),
    text("entered_by"),
    sa.Column("starts_on", sa.Date, nullable=False),
    sa.Column("ends_on", sa.Date),
)
