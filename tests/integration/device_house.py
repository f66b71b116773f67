"""The real DICOM door over a small collaborative, in this process, for tests of what it provides."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from pydicom import Dataset
from pynetdicom import AE, evt
from pynetdicom.association import Association

from confrere.database.engine import transaction
from confrere.imaging.head import read_head
from confrere.imaging.model import Arrival
from confrere.imaging.service import file_instances
from confrere.kernel.ids import PeerId
from confrere.network import service as network
from confrere.network import serving
from confrere.network.site_services import SiteServices
from confrere.settings import Settings
from confrere.wiring.dicom_door import open_dicom_door
from confrere.wiring.dicom_tls import server_context
from confrere.wiring.house import House, open_house
from confrere.wiring.peers import PeerBook
from tests.acceptance.processes import free_ports
from tests.database import Databases, clone, drop
from tests.deid_corpus import ROOT, Corpus, as_stored
from tests.integration.world import NOW, World, build

CT1 = "CT_ONE"  # its own site's scanner, which listens too


@dataclass
class Devices:
    """A door, and what its tests need."""

    house: House
    made: Databases
    world: World
    ports: dict[str, int]
    scanner: PeerId

    def switch(self, **switches: Any) -> None:
        """Set the site's switches; the door reads them again by itself."""
        new = SiteServices(self.world.owner, self.world.site, **switches)
        with transaction(self.house.system, frozenset()) as conn:
            serving.switch(conn, new, confirmed=True)

    def filed(self, number: int) -> list[tuple[str, str, bytes]]:
        """File a study at the site; give (class, instance, digest) of each object."""
        made = Corpus(number)
        arrivals, found = [], []
        for one in made.objects(made.person(), f"{ROOT}.{number}.1"):
            content = as_stored(one)
            digest = self.house.blobs.put(content)
            sop_class, uid = str(one.data.SOPClassUID), str(one.data.SOPInstanceUID)
            arrivals.append(
                Arrival(
                    self.world.owner, self.world.site,
                    read_head(content, one.syntax, complete=True), sop_class, one.syntax,
                    digest, len(content), CT1, NOW,
                )
            )  # fmt: skip
            found.append((sop_class, uid, digest))
        with transaction(self.house.system, frozenset()) as conn:
            file_instances(conn, arrivals)
        return found

    @contextmanager
    def linked(
        self, sop_class: str, calling: str = CT1, handlers: list[Any] | None = None
    ) -> Iterator[Association]:
        """An association of pynetdicom for one class."""
        ae = AE(ae_title=calling)
        ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = 10
        ae.add_requested_context(sop_class)
        link = ae.associate(
            "127.0.0.1", self.ports["dicom"], ae_title="CONFRERE", evt_handlers=handlers or []
        )
        try:
            yield link
        finally:
            if link.is_established:
                link.release()


@contextmanager
def device_house(socket: str, template: str, home: Path, **settings: Any) -> Iterator[Devices]:
    """Open the door, in the clear and, where `settings` name a certificate, by TLS."""
    made = clone(socket, template)
    ports = free_ports("dicom", "tls", "scanner")
    with transaction(made.system, frozenset()) as conn:
        world = build(conn, NOW)
        known = network.peer(conn, world.dicom)
        scanner = network.register_peer(
            conn, replace(known, name="CT one", aet=CT1, port=ports["scanner"], site=world.site)
        )
    chosen = Settings(
        home=home, database_url=made.url("confrere_app"), dicom_port=ports["dicom"],
        database_system_url=made.url("confrere_system"), **settings,
    )  # fmt: skip
    house = open_house(chosen)
    book = PeerBook(house.system, house.now)
    doors = [open_dicom_door(house, book, "127.0.0.1", ports["dicom"])]
    if chosen.dicom_tls_certificate:
        tls = server_context(chosen)
        doors.append(open_dicom_door(house, book, "127.0.0.1", ports["tls"], tls))
    try:
        yield Devices(house, made, world, ports, scanner)
    finally:
        for door in doors:
            door.stop(timedelta(seconds=2))
        house.close()
        drop(made)


Heard = list[tuple[int, Dataset]]


def hearing(heard: Heard, status: int = 0) -> tuple[Any, Callable[[Any], tuple[int, None]]]:
    """A handler of N-EVENT-REPORT that keeps what it hears."""

    def hear(event: Any) -> tuple[int, None]:
        heard.append((int(event.event_type), event.event_information))
        return status, None

    return evt.EVT_N_EVENT_REPORT, hear
