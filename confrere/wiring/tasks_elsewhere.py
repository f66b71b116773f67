"""The jobs of what comes from elsewhere: files of earlier reports, foreign archives."""

from typing import Any
from uuid import UUID

from procrastinate import RetryStrategy

from confrere.archives import service as archives
from confrere.archives.model import FETCH_TASK, LOOK_TASK, TEST_TASK
from confrere.database.engine import transaction
from confrere.jobs import events
from confrere.kernel.ids import OrderId, StudyId
from confrere.reading.backloads import CHECK_TASK, LOAD_TASK
from confrere.wiring import backload, fetching
from confrere.wiring.house import House


def register(house: House, retry: RetryStrategy) -> None:
    """Register the jobs; what fails by accident is tried again by `retry`."""
    _register_backloads(house, retry)
    _register_archives(house, retry)


def _register_backloads(house: House, retry: RetryStrategy) -> None:
    """Files of reports take minutes: in threads of the queue of what is long."""

    @events.app.task(name=CHECK_TASK, retry=retry)
    def check(backload_id: str) -> None:
        backload.check(house.system, house.blobs, UUID(backload_id), house.now())

    @events.app.task(name=LOAD_TASK, retry=retry)
    def load(backload_id: str) -> None:
        backload.load(house.system, house.blobs, UUID(backload_id), house.now)


def _register_archives(house: House, retry: RetryStrategy) -> None:
    """Asking others and fetching take seconds to minutes: in the queue of what is long."""
    way = fetching.Way(house.system, house.blobs, house.settings.aet)

    def queue(task: str, **what: Any) -> None:
        with transaction(house.system, frozenset()) as conn:
            if archives.listed(conn):
                once = f"{task}:{what}"
                events.defer(conn, task, once=once, queue=events.LONG, **what)

    @events.app.task(name="archives.order_changed", retry=retry)
    def order_changed(order_id: str, **_: Any) -> None:
        queue(LOOK_TASK, order_id=order_id)

    @events.app.task(name="archives.study_closed", retry=retry)
    def study_closed(study_id: str, **_: Any) -> None:
        queue("archives.look_study", study_id=study_id)

    @events.app.task(name=LOOK_TASK, retry=retry)
    def look(order_id: str) -> None:
        fetching.look(way, OrderId(UUID(order_id)), house.now())

    @events.app.task(name="archives.look_study", retry=retry)
    def look_study(study_id: str) -> None:
        fetching.of_study(way, StudyId(UUID(study_id)), house.now())

    @events.app.task(name=TEST_TASK)
    def test(archive_id: str) -> None:
        fetching.test(way, UUID(archive_id), house.now())

    @events.app.periodic(cron="* * * * *")
    @events.app.task(name="archives.sweep", queue=events.LONG)
    def sweep(timestamp: int) -> None:  # noqa: ARG001 - the queue's own argument
        fetching.fetch_due(way, house.now)

    @events.app.task(name=FETCH_TASK, retry=retry)
    def fetch() -> None:
        fetching.fetch_due(way, house.now)
