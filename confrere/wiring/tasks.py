"""The jobs: each parses its arguments, opens a transaction and calls a use case."""

import asyncio
import logging
import sys
from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from procrastinate import RetryStrategy
from sqlalchemy import Connection

from confrere.database.engine import transaction
from confrere.delivery.service import PROCESS_TASK
from confrere.imaging import deid_exports, importing
from confrere.imaging.asides import REPLAY_TASK
from confrere.imaging.model import ImagesArrived, StudyArrived, StudyClosed, StudyCorrected
from confrere.jobs import events
from confrere.kernel.ids import (
    GroupId,
    ItemId,
    MessageId,
    OrderId,
    PatientId,
    PeerId,
    ReportId,
    StudyId,
)
from confrere.logs import report
from confrere.network import credentialing
from confrere.orders import service as orders
from confrere.orders.model import OrderChanged
from confrere.orders.performing import StepChanged
from confrere.patients import linking
from confrere.patients.model import PairDecided, PatientSeen, PersonChanged
from confrere.reading.model import ReportReceived, ReportSigned
from confrere.wiring import (
    advising,
    deid_sending,
    deidentifying,
    device_tasks,
    downtime,
    exams,
    facts,
    gateways_watched,
    imports,
    inbound_hl7,
    priors,
    rejected,
    results,
    tasks_elsewhere,
    tasks_keeping,
)
from confrere.wiring.device_audit import STORED_TASK, note_stored
from confrere.wiring.house import House
from confrere.worklist import prealerting
from confrere.worklist.model import ItemFinished, ItemOffered
from confrere.worklist.trials import RUN_TASK

log = logging.getLogger(__name__)

REMIND_AT = "7 * * * *"  # hourly; a reminder is made once all the same
LAPSE_AT = "23 * * * *"
RETRY = RetryStrategy(max_attempts=6, exponential_wait=2)
Work = Callable[[Connection, datetime], object]

SUBSCRIBERS: dict[type, tuple[str, ...]] = {
    StudyArrived: ("exams.study_arrived", "priors.study_arrived"),
    StudyClosed: (
        "exams.study_closed",
        "archives.study_closed",
        "availability.study_closed",
        "holders.study_corrected",
    ),
    ImagesArrived: ("exams.images_arrived",),
    StudyCorrected: ("exams.study_corrected", "holders.study_corrected"),
    OrderChanged: (
        "exams.order_changed",
        "alerts.order_changed",
        "advice.order_changed",
        "archives.order_changed",
    ),
    PatientSeen: ("exams.patient_seen",),
    PairDecided: ("patients.pair_decided",),
    PersonChanged: ("priors.person_changed",),
    StepChanged: ("orders.step_changed",),
    ItemOffered: ("priors.share",),
    ItemFinished: ("facts.item_finished",),
    ReportSigned: ("results.report_signed", "priors.report_came"),
    ReportReceived: ("facts.report_received", "priors.report_came"),
}


# the way of an exam from a message or images to the worklist: nothing else goes before it
FIRST = 10
TO_THE_LIST = (
    PROCESS_TASK, "exams.study_arrived", "exams.images_arrived", "exams.study_closed",
    "exams.study_corrected", "exams.order_changed", "alerts.order_changed",
)  # fmt: skip


def register(house: House) -> None:
    """Register every job and subscriber; call once in each process that runs or queues jobs."""
    events.subscribers.update(SUBSCRIBERS)
    events.priorities.update(dict.fromkeys(TO_THE_LIST, FIRST))

    def run(work: Work) -> None:
        try:
            with transaction(house.system, frozenset()) as conn:
                work(conn, house.now())
        except Exception as error:
            report(log, "a job failed; it is tried again", error)
            raise

    def task(name: str) -> Callable[[Callable[..., None]], Any]:
        return events.app.task(name=name, retry=RETRY)

    @task(PROCESS_TASK)
    def process(message_id: str) -> None:
        run(lambda c, now: inbound_hl7.process(
            c, house.audit_key, MessageId(UUID(message_id)), now, house.blobs
        ))  # fmt: skip

    @task(STORED_TASK)
    def images_stored(peer_id: str, study_id: str, conversation: str, at: str) -> None:
        run(lambda c, _now: note_stored(
            c, house.audit_key, PeerId(UUID(peer_id)), StudyId(UUID(study_id)), conversation,
            datetime.fromisoformat(at),
        ))  # fmt: skip

    @task(REPLAY_TASK)
    def replay(aside_id: str, by: str) -> None:
        run(lambda c, now: exams.replay(c, house.blobs, UUID(aside_id), by, now))

    @events.app.periodic(cron=REMIND_AT)
    @task("credentials.remind")
    def remind(timestamp: int) -> None:  # noqa: ARG001 - the queue's own argument
        run(lambda c, now: _ignore(credentialing.remind(c, now)))

    @events.app.task(name=RUN_TASK, retry=RETRY)
    async def simulate(simulation_id: str) -> None:
        await apart("confrere.experimenter", simulation_id)

    tasks_elsewhere.register(house, RETRY)
    tasks_keeping.register(house)
    gateways_watched.register(house, run, task)
    _register_deidentified(house, task)
    _register_exams(run, task, house)
    _register_imports(run, task, house)
    _register_persons(run, task)
    device_tasks.register(house, run, task)
    _register_priors(run, task)
    _register_outcomes(run, task)


async def apart(module: str, *words: str) -> None:
    """Run a module in an interpreter of its own: it reckons for many seconds without a pause.

    It ends with the job. Raises RuntimeError when it fails.
    """
    child = await asyncio.create_subprocess_exec(sys.executable, "-m", module, *words)
    try:
        code = await child.wait()
    except asyncio.CancelledError:
        child.terminate()
        raise
    if code:
        raise RuntimeError(f"{module} ended with {code}")


Run = Callable[[Work], None]
Task = Callable[[str], Callable[[Callable[..., None]], Any]]


def _register_deidentified(house: House, task: Task) -> None:
    @task(deid_exports.RUN_TASK)
    def deidentify(export_id: str) -> None:
        deidentifying.run(house, UUID(export_id))

    @task(deid_exports.SEND_TASK)
    def send(export_id: str, peer_id: str, by: str) -> None:
        deid_sending.send(house, UUID(export_id), UUID(peer_id), by)

    @events.app.periodic(cron=LAPSE_AT)
    @task(deid_exports.LAPSE_TASK)
    def lapse(timestamp: int) -> None:  # noqa: ARG001 - the queue's own argument
        deidentifying.lapse(house)


def _register_exams(run: Run, task: Task, house: House) -> None:
    def study(study_id: str, *, new_images: bool) -> None:
        def work(conn: Connection, now: datetime) -> None:
            key = StudyId(UUID(study_id))
            to_look_at = rejected.obey_notes(conn, house, key, now)
            downtime.study_changed(conn, key, now, new_images=new_images and to_look_at)

        run(work)

    @task("exams.study_arrived")
    def study_arrived(study_id: str, **_: Any) -> None:
        study(study_id, new_images=False)
        key = StudyId(UUID(study_id))
        run(lambda c, now: exams.note_other_numbers(c, house.blobs, key, now))

    @task("exams.images_arrived")
    def images_arrived(study_id: str, **_: Any) -> None:
        study(study_id, new_images=True)

    @task("exams.study_closed")
    def study_closed(study_id: str, **_: Any) -> None:
        study(study_id, new_images=False)

    @task("exams.study_corrected")
    def study_corrected(study_id: str, **_: Any) -> None:
        study(study_id, new_images=False)

    @task("exams.order_changed")
    def order_changed(order_id: str, **_: Any) -> None:
        run(lambda c, now: downtime.order_changed(c, OrderId(UUID(order_id)), now))

    @task("alerts.order_changed")
    def order_announced(order_id: str, **_: Any) -> None:
        run(lambda c, now: _ignore(
            prealerting.note_order(c, orders.get(c, OrderId(UUID(order_id))), now)
        ))  # fmt: skip

    @task("exams.patient_seen")
    def patient_seen(patient_id: str, **_: Any) -> None:
        run(lambda c, now: exams.patient_seen(c, PatientId(UUID(patient_id)), now))


def _register_imports(run: Run, task: Task, house: House) -> None:
    @task(importing.READ_TASK)
    def read(import_id: str) -> None:
        importing.read_zip(
            lambda: transaction(house.system, frozenset()), house.blobs, UUID(import_id)
        )

    @task(importing.FILE_TASK)
    def file(
        import_id: str, study_uid: str, patient_id: str, order_id: str, by_name: str
    ) -> None:
        run(lambda c, now: imports.file_study(
            c, house, UUID(import_id), study_uid, (patient_id, order_id), by_name, now
        ))  # fmt: skip


def _register_persons(run: Run, task: Task) -> None:
    @task("patients.pair_decided")
    def pair_decided(one: str, other: str, **_: Any) -> None:
        ids = [PatientId(UUID(one)), PatientId(UUID(other))]
        run(lambda c, now: _ignore(linking.settle(c, ids, now)))

    @task("priors.person_changed")
    def person_changed(patient_id: str, **_: Any) -> None:
        run(lambda c, now: priors.person_changed(c, PatientId(UUID(patient_id)), now))


def _register_priors(run: Run, task: Task) -> None:
    @task("priors.share")
    def share(item_id: str, to_group: str, **_: Any) -> None:
        run(lambda c, now: priors.share_priors(
            c, ItemId(UUID(item_id)), GroupId(UUID(to_group)), now
        ))  # fmt: skip

    @task("priors.study_arrived")
    def prior_study(study_id: str, **_: Any) -> None:
        run(lambda c, now: priors.of_study(c, StudyId(UUID(study_id)), now))

    @task("priors.report_came")
    def prior_report(report_id: str, **_: Any) -> None:
        run(lambda c, now: priors.of_report(c, ReportId(UUID(report_id)), now))


def _register_outcomes(run: Run, task: Task) -> None:
    @task("results.report_signed")
    def report_signed(report_id: str, number: int, **_: Any) -> None:
        run(lambda c, now: results.report_signed(c, ReportId(UUID(report_id)), number, now))

    @task("advice.order_changed")
    def order_advised(order_id: str, **_: Any) -> None:
        run(lambda c, now: advising.order_changed(c, OrderId(UUID(order_id)), now))

    @task("facts.item_finished")
    def item_finished(item_id: str, **_: Any) -> None:
        run(lambda c, _now: facts.item_finished(c, ItemId(UUID(item_id))))

    @task("facts.report_received")
    def report_received(report_id: str, **_: Any) -> None:
        run(lambda c, _now: facts.report_received(c, ReportId(UUID(report_id))))


def _ignore(_: object) -> None:
    """A job has no result."""
