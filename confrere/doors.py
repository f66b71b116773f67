"""The doors process: DICOM and HL7 listeners, on loopback and on the named private interface."""

import logging
import signal
import threading
from contextlib import ExitStack
from datetime import timedelta
from functools import partial

from confrere.imaging.batching import file_batch
from confrere.imaging.filing_again import file_again
from confrere.logs import set_up
from confrere.settings import is_loopback, load
from confrere.wiring import tasks
from confrere.wiring.dicom_door import open_dicom_door
from confrere.wiring.dicom_tls import server_context
from confrere.wiring.hl7_door import open_hl7_door
from confrere.wiring.house import open_house
from confrere.wiring.peers import PeerBook

log = logging.getLogger(__name__)

GRACE = timedelta(seconds=8)


def main() -> None:
    """Listen until SIGTERM, then finish what is in hand."""
    set_up()
    settings = load()
    house = open_house(settings, pool=24)
    tasks.register(house)
    house.blobs.open_spool("doors", again=partial(file_again, partial(file_batch, house.app)))
    book = PeerBook(house.system, house.now)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with ExitStack() as open_doors:
        open_doors.callback(house.close)
        for host in hosts(settings.dicom_host, settings.private_interface):
            dicom = open_dicom_door(house, book, host, settings.dicom_port)
            open_doors.callback(dicom.stop, GRACE)
        if settings.dicom_tls_port:
            secure = open_dicom_door(
                house, book, settings.dicom_tls_host, settings.dicom_tls_port,
                server_context(settings),
            )  # fmt: skip
            open_doors.callback(secure.stop, GRACE)
        for host in hosts(settings.mllp_host, settings.private_interface):
            hl7 = open_hl7_door(house, book, host, settings.mllp_port)
            open_doors.callback(hl7.stop, GRACE)
        log.info("doors open: DICOM %d, HL7 %d", settings.dicom_port, settings.mllp_port)
        stop.wait()


def hosts(host: str, private: str) -> tuple[str, ...]:
    """Where a door listens: loopback always, and the private interface when one is named."""
    return tuple(
        dict.fromkeys(h for h in (host, private) if h and (is_loopback(h) or h == private))
    )


if __name__ == "__main__":
    main()
