"""Facts of repeats: each exam and the one of the same key before it. Pure."""

from collections.abc import Sequence
from typing import Any

from confrere.advice.model import Prior
from confrere.kernel.ids import OrderId
from confrere.orders.duplicates import key_of, pairs


def previous_of(order: OrderId, history: Sequence[Prior]) -> list[dict[str, Any]]:
    """The rows of an exam and of the one after it, which now follows this exam.

    `history` is all of the person's exams, this one among them. Exams without an order (images
    or a report alone) are looked at, but are no rows of their own.
    """
    by_id = {one.exam.id: one for one in history if one.order is not None}
    if str(order) not in by_id:
        return []
    found = {pair.next.id: pair for pair in pairs([one.exam for one in by_id.values()])}
    wanted = [str(order), *(p.next.id for p in found.values() if p.index.id == str(order))]
    rows = []
    for name in wanted:
        prior, pair = by_id[name], found.get(name)
        if key_of(prior.exam) is None or prior.site is None:
            continue
        before = by_id[pair.index.id] if pair else None
        rows.append({
            "order_id": prior.order, "owner_group": prior.owner_group, "site_id": prior.site,
            "exam_on": prior.exam.on, "modality": prior.exam.modality,
            "region": prior.exam.region, "previous": before.order if before else None,
            "previous_site": before.site if before else None,
            "days": pair.days if pair else 0, "excuse": pair.excuse.value if pair else "",
            "report_at_hand": before is not None and before.report is not None,
        })  # fmt: skip
    return rows
