"""Tables of this part. Only its store reads them."""

from typing import Any

import sqlalchemy as sa

from confrere.database.metadata import (
    flag,
    instant,
    json,
    key,
    metadata,
    owner,
    ref,
    text,
    whole,
)


def _dated() -> list[sa.Column[Any]]:
    return [
        text("cites"),
        text("kept_by"),
        sa.Column("effective_from", sa.Date, nullable=False),
        sa.Column("effective_to", sa.Date),
        instant("recorded_at", null=False),
        text("recorded_by"),
        instant("ended_at"),
    ]


# what a group changed; the rest stands as the program brings it
advice_windows = sa.Table(
    "advice_windows",
    metadata,
    key(),
    owner(),
    text("code"),
    text("modality"),
    text("region"),
    whole("days"),
    flag("same_contrast", default=True),
    *_dated(),
)

advice_rules = sa.Table(
    "advice_rules",
    metadata,
    key(),
    owner(),
    text("code"),
    whole("version"),
    text("title"),
    text("says"),
    json("conditions"),
    text("area"),
    text("origin"),
    *_dated(),
)

advice_given = sa.Table(
    "advice_given",
    metadata,
    key(),
    owner(),
    ref("site_id"),
    ref("patient_id"),
    ref("order_id", null=True),
    text("request"),
    text("about"),
    text("channel"),
    text("kind"),
    text("rule"),
    whole("rule_version"),
    whole("window_days"),
    text("summary"),
    text("detail"),
    text("cites"),
    text("procedure_code"),
    text("procedure_text"),
    text("modality"),
    text("region"),
    text("placer_number"),
    ref("prior_group", null=True),
    ref("prior_site", null=True),
    ref("prior_order", null=True),
    ref("prior_study", null=True),
    ref("prior_report", null=True),
    sa.Column("prior_on", sa.Date),
    whole("days"),
    flag("across_sites"),
    instant("shown_at", null=False),
    text("outcome"),
    text("reason"),
    instant("decided_at"),
    text("decided_by"),
    text("fate"),
    instant("fate_at"),
    sa.UniqueConstraint("owner_group", "request", "about", name="uq_advice_given_once"),
)

exam_repeats = sa.Table(
    "exam_repeats",
    metadata,
    sa.Column("order_id", sa.Uuid, primary_key=True),
    owner(),
    ref("site_id"),
    sa.Column("exam_on", sa.Date, nullable=False),
    text("modality"),
    text("region"),
    ref("previous", null=True),
    ref("previous_site", null=True),
    whole("days"),
    text("excuse"),
    flag("report_at_hand"),
)
