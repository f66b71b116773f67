"""Tables of this part. Only its store reads them."""

import sqlalchemy as sa

from confrere.database.metadata import flag, instant, key, metadata, owner, ref, text

exam_facts = sa.Table(
    "exam_facts",
    metadata,
    key(),
    owner(),
    ref("order_id", null=True),
    ref("item_id", null=True),
    ref("site_id"),
    text("accession"),
    text("modality"),
    text("body_region"),
    text("subspecialty"),
    text("priority"),
    text("patient_class"),
    instant("ordered_at"),
    instant("complete_at"),
    text("clock_source"),
    instant("first_image_at"),
    instant("offered_at"),
    instant("claimed_at"),
    instant("preliminary_at"),
    instant("final_at"),
    instant("due_at"),
    ref("reader_id", null=True),
    ref("reader_group", null=True),
    text("reported_by", default="confrere"),
    sa.Column("wrvu", sa.Numeric(7, 2)),
    flag("synthetic"),
    # an exam counts in the period of its signature. A column, because under row-level security
    # the planner uses no index on coalesce()
    sa.Column(
        "counted_at",
        sa.DateTime(timezone=True),
        sa.Computed("coalesce(final_at, complete_at)", persisted=True),
    ),
    sa.UniqueConstraint("owner_group", "site_id", "accession"),
    sa.Index("ix_exam_facts_counted", "owner_group", "counted_at"),
    sa.Index("ix_exam_facts_lent", "reader_group", "counted_at"),
    sa.Index("ix_exam_facts_complete", "owner_group", "complete_at"),
)
