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
    sa.UniqueConstraint("owner_group", "site_id", "accession"),
    # an exam counts in the period of its signature; see store_measures
    sa.Index("ix_exam_facts_owner", "owner_group", sa.text("coalesce(final_at, complete_at)")),
    sa.Index(
        "ix_exam_facts_reader", "reader_group", sa.text("coalesce(final_at, complete_at)")
    ),
    sa.Index("ix_exam_facts_complete", "owner_group", "complete_at"),
)
