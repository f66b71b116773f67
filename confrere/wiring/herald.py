"""Sends notices as they fall due: a thread of the worker, several messages at once.

It is not a job of the queue, which runs one at a time: a gateway that hangs must not hold up
the orders that come in.
"""

import logging
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from uuid import UUID

from confrere.database.engine import transaction
from confrere.kernel.errors import DomainError, Refused
from confrere.logs import report
from confrere.notices import service as notices
from confrere.notices.gateway import Gateway
from confrere.notices.mail import MailServer
from confrere.notices.sending import Ways, send
from confrere.settings import Settings
from confrere.wiring.house import House

log = logging.getLogger(__name__)

AT_ONCE = 4
LOOK_SECONDS = 0.5


def ways_of(settings: Settings) -> Ways:
    """What is set up."""
    mail = MailServer(
        settings.mail_host, settings.mail_port, settings.mail_security, settings.mail_from,
        settings.mail_user, settings.mail_password,
    )  # fmt: skip
    gateway = Gateway(settings.gateway_url, settings.gateway_token)
    return Ways(
        mail if settings.mail_host else None,
        gateway if settings.gateway_url else None,
        settings.page_address,
    )


class Herald:
    """Takes due messages, sends them, and keeps what became of each."""

    def __init__(self, house: House, ways: Ways | None = None) -> None:
        self._house = house
        self._ways = ways or ways_of(house.settings)
        self._stop = threading.Event()
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="herald")
        self._under_way: dict[UUID, Future[None]] = {}

    def run(self) -> None:
        """Look for due messages until `stop`."""
        while not self._stop.wait(LOOK_SECONDS):
            try:
                self.look()
            except Exception as error:  # noqa: BLE001 - told without its own words
                report(log, "the notices could not be looked at; trying again", error)

    def look(self) -> list[Future[None]]:
        """Begin to send what is due; return what is under way."""
        self._under_way = {m: f for m, f in self._under_way.items() if not f.done()}
        with transaction(self._house.system, frozenset()) as conn:
            due = notices.due(conn, self._house.now())
        for message in due:
            if message not in self._under_way:
                self._under_way[message] = self._pool.submit(self._serve, message)
        return list(self._under_way.values())

    def _serve(self, message: UUID) -> None:
        try:
            self._send(message)
        except Exception as error:  # noqa: BLE001 - told without its own words
            report(log, "a notice could not be sent; it is tried again", error)

    def _send(self, message: UUID) -> None:
        now = self._house.now()
        with transaction(self._house.system, frozenset()) as conn:
            taken, contact = notices.take(conn, message, now)
        if not taken:
            return
        try:
            said, sent_to = send(self._ways, taken, contact, now)
        except DomainError as error:
            with transaction(self._house.system, frozenset()) as conn:
                notices.mark_failed(
                    conn, taken, str(error), self._house.now(),
                    for_good=isinstance(error, Refused),
                )  # fmt: skip
            return
        with transaction(self._house.system, frozenset()) as conn:
            notices.mark_sent(conn, taken, said, sent_to, self._house.now())

    def stop(self) -> None:
        """Finish the messages in hand."""
        self._stop.set()
        self._pool.shutdown(wait=True, cancel_futures=True)
