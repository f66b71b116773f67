"""A patient with a signed, amended report, and one known to two groups."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import uuid4

from fastapi import APIRouter
from sqlalchemy import Connection

from confrere.database.engine import transaction
from confrere.delivery import service as delivery
from confrere.kernel.ids import PatientId, ReportId
from confrere.network import service as network
from confrere.orders import service as orders
from confrere.orders.model import COMPLETE, Order, OrderContent
from confrere.patients import linking
from confrere.patients import service as patients
from confrere.patients.model import Demographics
from confrere.reading import service as reading
from confrere.reading.model import FINAL, PRELIMINARY
from confrere.reading.service import Hold
from confrere.wiring import exams, results
from confrere.worklist import claims
from confrere.worklist import service as worklist
from confrere.worklist.dispatch import dispatch
from tests.integration.lists_house import House, lists_house
from tests.integration.world import NOW

LEASE = timedelta(minutes=30)
JANE = Demographics("LMH-MRN", "M1", "Doe", "Jane", date(1962, 4, 12), "F", "60614")


@dataclass(frozen=True)
class Read:
    """A finished exam, and the same person as the partner group knows her."""

    patient: PatientId
    elsewhere: PatientId
    order: Order
    report: ReportId


@contextmanager
def reported_house(
    socket: str, template: str, routers: Sequence[APIRouter]
) -> Iterator[tuple[House, Read]]:
    """A house in which the partner's neuroradiologist has read one exam."""
    with lists_house(socket, template, routers) as house:
        with transaction(house.made.system, frozenset()) as conn:
            read = finished(conn, house)
        yield house, read


def finished(conn: Connection, house: House, said: Demographics = JANE) -> Read:
    """Order, offer, claim, sign twice, add; the same person is known to the partner."""
    world = house.world
    patient = patients.record(conn, world.owner, said, NOW)
    theirs = Demographics("PAR-MRN", "P77", "Doe", "Jane", said.birth_date, "F", "60614")
    elsewhere = patients.record(conn, world.partner, theirs, NOW)
    linking.link_matches(conn, patient.id, NOW)
    order = placed(conn, house, patient.id, f"LM{uuid4().hex[:6]}")
    directory = network.directory(conn, NOW)
    dispatch(conn, directory, NOW)
    item = worklist.of_exam(conn, world.owner, None, [order.id])[0]
    reader = network.reader(conn, world.neuro, NOW)
    held = claims.claim(conn, item, reader, directory, NOW, LEASE)
    assert held.hold_token is not None
    hold = Hold(item.id, reader, held.hold_token)
    text = {"findings": "Bleed, left thalamus."}
    reading.sign(conn, hold, text, PRELIMINARY, directory, NOW)
    text = {"findings": "Acute left thalamic haemorrhage.", "impression": "Bleed."}
    report = reading.sign(conn, hold, text, FINAL, directory, NOW).report
    reading.addend(conn, report, reader, "Told to Dr Freeman by telephone.", NOW)
    results.report_signed(conn, report, 2, NOW)
    delivery.deliver_next(conn, world.results, lambda _: ("AA", "taken"), NOW, 0)
    return Read(patient.id, elsewhere.id, order, report)


def placed(conn: Connection, house: House, patient: PatientId, accession: str) -> Order:
    """Place a complete STAT head CT; follow its event."""
    content = OrderContent(
        accession, procedure_code="CTHEAD", procedure_text="CT head without contrast",
        requested_priority="S", clinical_question="Worst headache of life", status=COMPLETE,
        ordered_at=NOW - timedelta(hours=1), exam_complete_at=NOW,
    )  # fmt: skip
    order = orders.place(conn, house.world.owner, house.world.site, patient, content, NOW)
    exams.order_changed(conn, order.id, NOW)
    return order
