"""The jobs of what machines are promised and told: commitment, availability, studies sent."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from confrere.delivery import sendings
from confrere.jobs import events
from confrere.kernel.ids import StudyId
from confrere.orders import performing
from confrere.wiring import availability, corrections_out, dicom_commitment, sending_out
from confrere.wiring.house import House

RESCUE_AT = "*/5 * * * *"
WAKE_AT = "* * * * *"
Run = Callable[[Callable[[Connection, datetime], object]], None]
Task = Callable[[str], Callable[[Callable[..., None]], Any]]


def register(house: House, run: Run, task: Task) -> None:
    """Register them; `run` opens a job's transaction, `task` names a job."""

    @task(dicom_commitment.REPORT_TASK)
    def report_commitment(commitment_id: str) -> None:
        dicom_commitment.report(house, UUID(commitment_id))

    @events.app.periodic(cron=RESCUE_AT)
    @task("commitments.rescue")
    def rescue_commitments(timestamp: int) -> None:  # noqa: ARG001 - the queue's own argument
        dicom_commitment.rescue(house)

    @task(sendings.SEND_TASK)
    def send_study(sending_id: str) -> None:
        sending_out.run(house, UUID(sending_id))

    @events.app.periodic(cron=WAKE_AT)
    @task("sendings.wake")
    def wake_sendings(timestamp: int) -> None:  # noqa: ARG001 - the queue's own argument
        run(sendings.wake)

    @task("holders.study_corrected")
    def study_corrected(study_id: str, cause: str | None = None, **_: Any) -> None:
        key, why = StudyId(UUID(study_id)), UUID(cause) if cause else None
        run(lambda c, now: corrections_out.follow(c, house, key, why, now))

    @task("availability.study_closed")
    def study_available(study_id: str, **_: Any) -> None:
        aet = house.settings.aet
        run(lambda c, now: availability.study_closed(c, StudyId(UUID(study_id)), aet, now))  # fmt: skip

    @task("orders.step_changed")
    def step_changed(step_id: str, **_: Any) -> None:
        run(lambda c, now: performing.follow(c, UUID(step_id), now))
