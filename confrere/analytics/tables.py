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
    sa.Index("ix_exam_facts_final_at", "owner_group", "final_at"),
)
