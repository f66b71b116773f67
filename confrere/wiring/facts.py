"""Turn finished exams into facts for the measures."""

from datetime import datetime

from sqlalchemy import Connection

from confrere.analytics import service as analytics
from confrere.analytics.model import ExamFact
from confrere.imaging import service as imaging
from confrere.kernel.errors import NotFound
from confrere.kernel.ids import ItemId, ReportId
from confrere.network import service as network
from confrere.orders import service as orders
from confrere.orders.model import Order
from confrere.orders.priorities import due
from confrere.reading import service as reading
from confrere.reading.model import ELSEWHERE, FINAL
from confrere.worklist import service as worklist
from confrere.worklist.model import READ, Item, State


def item_finished(conn: Connection, item_id: ItemId) -> None:
    """Record the facts of an item that was read here or in the site's own dictation.

    What was only compared in shadow mode is no read of ours and counts nowhere.
    """
    item = worklist.get(conn, item_id)
    if item.kind != READ or item.state is State.CANCELLED or item.shadow:
        return
    final_at, by = item.finished_at, "confrere"
    if item.state is State.EXTERNAL:
        final_at, by = _signed_elsewhere(conn, item) or item.finished_at, "external"
    found = orders.get_many(conn, item.orders)
    analytics.record(conn, [_fact(conn, item, order, final_at, by) for order in found])


def report_received(conn: Connection, report_id: ReportId) -> None:
    """Record the facts of a report from elsewhere whose exam never was an item here."""
    report = reading.get(conn, report_id)
    if report.state != FINAL or report.final_at is None or report.backload is not None:
        return
    for order in orders.get_many(conn, report.orders):
        if worklist.of_exam(conn, order.owner_group, None, [order.id]):
            continue  # its item tells the facts
        if network.is_shadow(conn, order.site):
            continue  # the site's own read, which we only compare
        if order.content.exam_complete_at:
            analytics.record(conn, [_outside_fact(conn, order, report.final_at)])


def _signed_elsewhere(conn: Connection, item: Item) -> datetime | None:
    for report in reading.of_exam(conn, item.study, item.orders):
        if report.origin == ELSEWHERE and report.final_at:
            return report.final_at
    return None


def _fact(
    conn: Connection, item: Item, order: Order, final_at: datetime | None, by: str
) -> ExamFact:
    line = orders.procedure(conn, order.owner_group, order.site, order.content.procedure_code)
    return ExamFact(
        item.owner_group, order.id, item.id, item.site, order.content.accession,
        item.modality or order.modality, item.body_region, item.subspecialty, item.priority,
        order.content.patient_class, order.content.ordered_at, item.clock_at,
        item.clock_source, _first_image(conn, item), item.offered_at, item.held_at,
        item.preliminary_at, final_at, item.due_at, item.finished_by, item.finished_group, by,
        line.wrvu if line else None, item.synthetic,
    )  # fmt: skip


def _first_image(conn: Connection, item: Item) -> datetime | None:
    if item.study is None:
        return None
    try:
        return imaging.study(conn, item.study).first_at
    except NotFound:
        return None


def _outside_fact(conn: Connection, order: Order, final_at: datetime) -> ExamFact:
    c = order.content
    line = orders.procedure(conn, order.owner_group, order.site, c.procedure_code)
    site = network.site(conn, order.site)
    complete = c.exam_complete_at
    return ExamFact(
        order.owner_group, order.id, None, order.site, c.accession, order.modality,
        order.body_region, order.subspecialty, order.priority, c.patient_class, c.ordered_at,
        complete, "order status", None, None, None, None, final_at,
        due(complete, order.priority, site.targets) if complete else None, None, None,
        "external", line.wrvu if line else None, order.synthetic,
    )  # fmt: skip
