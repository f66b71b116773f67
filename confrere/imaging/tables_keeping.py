"""The table of where each study's images lie. Only this part's stores read it."""

import sqlalchemy as sa

from confrere.database.metadata import instant, metadata, owner, text

study_places = sa.Table(
    "study_places",
    metadata,
    sa.Column("study_id", sa.Uuid, primary_key=True),
    owner(),
    text("place", default="main"),
    instant("used_at"),
    instant("changed_at"),
    text("why"),
)
