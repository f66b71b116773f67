"""The worker process: runs queued jobs, the courier of results and the herald of notices."""

import asyncio
import logging
import signal
import threading
from collections.abc import Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from typing import Any

import procrastinate
from procrastinate.exceptions import ProcrastinateException, UniqueViolation
from procrastinate.jobs import Status

from confrere.database.engine import transaction
from confrere.delivery import service as delivery
from confrere.delivery.model import Outgoing
from confrere.jobs import events
from confrere.kernel.ids import PeerId
from confrere.logs import set_up
from confrere.network import service as network
from confrere.network.systems import Peer
from confrere.settings import load
from confrere.wiring import dicom_out, results, tasks
from confrere.wiring.device_audit import note_sent
from confrere.wiring.herald import Herald
from confrere.wiring.house import House, open_house

log = logging.getLogger(__name__)

QUEUES = ("default", events.LONG)
COURIERS = 6  # destinations served at once; a slow one holds up none but itself
COURIER_SECONDS = 0.25
POLLING = 0.25  # seconds, for the notification of a job that is missed now and then
HEARTBEAT = timedelta(seconds=1)
STALLED = timedelta(seconds=5)  # without a heartbeat, a worker's jobs are another's


class Courier:
    """Delivers the outbox: one run at a time for each peer, several peers at once."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._stop = threading.Event()
        self._pool = ThreadPoolExecutor(COURIERS, thread_name_prefix="courier")
        self._under_way: dict[PeerId, Future[None]] = {}

    def run(self) -> None:
        """Look for due messages until `stop`."""
        while not self._stop.wait(COURIER_SECONDS):
            try:
                self._look()
            except Exception:
                log.exception("the outbox could not be looked at; trying again")

    def _look(self) -> None:
        with transaction(self._house.system, frozenset()) as conn:
            due = delivery.due_peers(conn, self._house.now())
        for peer in due:
            if (running := self._under_way.get(peer)) and not running.done():
                continue
            self._under_way[peer] = self._pool.submit(self._serve, peer)

    def _serve(self, peer_id: PeerId) -> None:
        more = True
        while more and not self._stop.is_set():
            with transaction(self._house.system, frozenset()) as conn:
                peer = network.peer(conn, peer_id)

                def transmit(message: Outgoing) -> tuple[str, str]:
                    answer = self._send(peer, message)  # noqa: B023 - used at once
                    if answer[0] in delivery.ACCEPTED:
                        sent.append(message)  # noqa: B023
                    return answer

                sent: list[Outgoing] = []
                now, jitter = self._house.now(), self._house.dice()
                more = delivery.deliver_next(conn, peer_id, transmit, now, jitter)
                for message in sent:
                    note_sent(conn, self._house.audit_key, peer, message, now)

    def _send(self, peer: Peer, message: Outgoing) -> tuple[str, str]:
        if peer.door == "dicom":
            return dicom_out.transmit(peer, message, self._house.settings)
        return results.transmit(peer, message)

    def stop(self) -> None:
        """Finish the messages in hand."""
        self._stop.set()
        self._pool.shutdown(wait=True, cancel_futures=True)


async def work(url: str) -> None:
    """Run jobs until SIGTERM; jobs of a worker that died are queued again."""
    connector = procrastinate.PsycopgConnector(conninfo=url, min_size=1, max_size=4)
    with events.app.replace_connector(connector) as app:
        async with app.open_async():
            await retry_stalled(app)
            rescue = asyncio.create_task(_rescue(app))
            try:
                await _until_told(*(_run(app, queue) for queue in QUEUES))
            finally:
                rescue.cancel()


async def _run(app: procrastinate.App, queue: str) -> None:
    """Run one queue's jobs, one after the other."""
    await app.run_worker_async(
        queues=[queue], concurrency=1, fetch_job_polling_interval=POLLING,
        delete_jobs="successful", shutdown_graceful_timeout=8,
        update_heartbeat_interval=HEARTBEAT.total_seconds(), install_signal_handlers=False,
    )  # fmt: skip


async def _until_told(*work: Coroutine[Any, Any, None]) -> None:
    """Run until SIGTERM or SIGINT: jobs in hand are finished then, within their time."""
    together = asyncio.gather(*work)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, together.cancel)
    with suppress(asyncio.CancelledError):
        await together


async def _rescue(app: procrastinate.App) -> None:
    while True:
        await asyncio.sleep(STALLED.total_seconds() / 2)
        try:
            await retry_stalled(app)
        except ProcrastinateException:
            log.warning("jobs of dead workers could not be looked for; trying again")


async def retry_stalled(app: procrastinate.App) -> None:
    """Queue the jobs of dead workers again.

    Where a job for the same key waits already it does the work of both, and only one may
    wait: the dead worker's is over.
    """
    stalled = await app.job_manager.get_stalled_jobs(
        seconds_since_heartbeat=STALLED.total_seconds()
    )
    for job in stalled:
        try:
            await app.job_manager.retry_job(job)
        except UniqueViolation:
            await app.job_manager.finish_job(job, Status.SUCCEEDED, delete_job=True)


def main() -> None:
    """Work until SIGTERM."""
    set_up()
    settings = load()
    house = open_house(settings, pool=1, system_pool=12)
    tasks.register(house)
    courier = Courier(house)
    thread = threading.Thread(target=courier.run, name="courier", daemon=True)
    thread.start()
    herald = Herald(house)
    threading.Thread(target=herald.run, name="herald", daemon=True).start()
    try:
        asyncio.run(work(settings.database_system_url))
    finally:
        courier.stop()
        herald.stop()
        house.close()


if __name__ == "__main__":
    main()
