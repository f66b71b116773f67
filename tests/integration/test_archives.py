"""Orthanc as a foreign archive: relevant priors come ahead, by DICOM and by DICOMweb."""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from io import BytesIO
from pathlib import Path
from uuid import UUID

import httpx
import pydicom
import pytest

from confrere.archives import service as archives
from confrere.archives.model import (
    FAILED,
    FETCHED,
    GIVEN_UP,
    WAITING,
    Archive,
    may_reach,
    next_try,
    starts_at,
)
from confrere.audit.keys import load_or_create
from confrere.database.engine import transaction
from confrere.delivery import service as delivery
from confrere.files.folder import BlobStore
from confrere.imaging import service as imaging
from confrere.kernel.errors import Invalid
from confrere.kernel.ids import GroupId, OrderId, PeerId, SiteId
from confrere.network import service as network
from confrere.network.systems import Peer
from confrere.orders import service as orders
from confrere.settings import Settings
from confrere.wiring import exams, fetching, inbound_hl7
from confrere.wiring.dicom_door import open_dicom_door
from confrere.wiring.house import House, clock
from confrere.wiring.peers import PeerBook
from confrere.worklist import service as worklist
from tests.acceptance.processes import free_ports, wait_for
from tests.database import Databases, clone, drop
from tests.integration.reading_room import images
from tests.integration.world import NOW, World, build, order_message
from tests.peers import find, needs, require

HEAD, CHEST, OTHER = (f"1.2.826.0.1.3680043.10.901.{n}" for n in (1, 2, 3))
AET = "CONFRERE"


@dataclass(frozen=True)
class Orthanc:
    """A running Orthanc with what other hospitals hold of a patient."""

    url: str
    dicom: int


def file_of(study: str, accession: str, words: str, mrn: str = "M1") -> Iterator[bytes]:
    for one in images(study, accession, "20250310", 0.0):
        one.StudyDescription, one.PatientID = words, mrn
        out = BytesIO()
        one.file_meta = pydicom.dataset.FileMetaDataset()
        one.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
        one.file_meta.MediaStorageSOPClassUID = one.SOPClassUID
        one.file_meta.MediaStorageSOPInstanceUID = one.SOPInstanceUID
        pydicom.dcmwrite(out, one, enforce_file_format=True)
        yield out.getvalue()


@pytest.fixture(scope="module")
def ports() -> dict[str, int]:
    return free_ports("http", "dicom", "door")


@pytest.fixture(scope="module")
def orthanc(
    ports: dict[str, int], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Orthanc]:
    program, plugin = require("orthanc"), find("orthanc-dicomweb")
    folder = tmp_path_factory.mktemp("foreign")
    told = folder / "orthanc.json"
    told.write_text(json.dumps({
        "Name": "Foreign archive", "StorageDirectory": str(folder / "s"),
        "IndexDirectory": str(folder / "s"), "Plugins": [str(plugin)] if plugin else [],
        "HttpPort": ports["http"], "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False, "DicomAet": "FOREIGN", "DicomPort": ports["dicom"],
        "DicomAlwaysAllowFind": True, "DicomAlwaysAllowMove": True,
        "DicomModalities": {
            "us": {"AET": AET, "Host": "127.0.0.1", "Port": ports["door"], "AllowMove": True}
        },
        "DicomWeb": {"Enable": True},
    }))  # fmt: skip
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([program, told], stdout=log, stderr=log)
    url = f"http://127.0.0.1:{ports['http']}"
    try:
        with httpx.Client(base_url=url, timeout=30, trust_env=False) as client:
            wait_for(lambda: is_up(client), 60, lambda: (folder / "log").read_text()[-2000:])
            for study, accession, words, mrn in (
                (HEAD, "FA1", "CT HEAD", "M1"), (CHEST, "FA2", "CT FOOT", "M1"),
                (OTHER, "FA3", "CT HEAD", "M2"),
            ):  # fmt: skip
                for content in file_of(study, accession, words, mrn):
                    client.post("/instances", content=content).raise_for_status()
        yield Orthanc(url, ports["dicom"])
    finally:
        process.terminate()
        process.wait(20)


def is_up(client: httpx.Client) -> bool:
    try:
        return client.get("/system").status_code == 200
    except httpx.TransportError:
        return False


@dataclass
class Place:
    """A database with an order for M1, and the way by which priors are fetched."""

    made: Databases
    world: World
    way: fetching.Way
    order: OrderId
    home: Path

    def register(self, archive: Archive) -> Archive:
        with transaction(self.made.app, frozenset({self.world.owner})) as conn:
            return archives.register(conn, archive, "secret", NOW)

    def fetches(self) -> dict[str, tuple[str, int, str]]:
        with transaction(self.made.app, frozenset({self.world.owner})) as conn:
            return {
                one.study_uid: (one.state, one.images, one.why)
                for one in archives.fetches(conn)
            }


@pytest.fixture
def place(postgres_socket: str, template: str, tmp_path: Path) -> Iterator[Place]:
    made = clone(postgres_socket, template)
    with transaction(made.system, frozenset()) as conn:
        world = build(conn)
        peer = network.peer(conn, world.hl7)
        kept = delivery.keep(
            conn, peer, "ORM^O01", "M1", order_message(status="SC"), "127.0.0.1", NOW
        )
        inbound_hl7.process(conn, bytes(32), kept, NOW)
        order = orders.search(conn, 1)[0].id
    way = fetching.Way(made.system, BlobStore(tmp_path / "blobs"), AET)
    yield Place(made, world, way, order, tmp_path)
    drop(made)


def archive(place: Place, way: str, orthanc: Orthanc, **more: object) -> Archive:
    url = f"{orthanc.url}/dicom-web" if way == "dicomweb" else ""
    made = Archive(
        UUID(int=0), place.world.owner, f"Old {way}", way, "LMH-MRN",
        "FOREIGN" if way == "dimse" else "", "127.0.0.1" if way == "dimse" else "",
        orthanc.dicom if way == "dimse" else 0, url, place.world.site, plain=True,
        pause_seconds=0,
    )  # fmt: skip
    return replace(made, **more)  # type: ignore[arg-type]


def seen_as_prior(place: Place) -> None:
    """What came is a prior of its patient, no work, and not asked for twice."""
    with transaction(place.made.system, frozenset()) as conn:
        study = imaging.of_uid(conn, place.world.owner, HEAD)
        assert study is not None
        assert study.instance_count == 6
        assert study.patient_id == orders.get(conn, place.order).patient
        assert imaging.of_uid(conn, place.world.owner, OTHER) is None
        assert exams.study_changed(conn, study.id, NOW, new_images=True) is None
        assert worklist.of_exam(conn, place.world.owner, study.id, []) == []
    assert fetching.look(place.way, place.order, NOW) == 0


@needs("orthanc", "orthanc-dicomweb")
def test_the_relevant_prior_comes_by_dicomweb_and_is_no_work(
    place: Place, orthanc: Orthanc
) -> None:
    made = place.register(archive(place, "dicomweb", orthanc))
    assert fetching.test(place.way, made.id, NOW) == "answers a search"
    assert fetching.look(place.way, place.order, NOW) == 1
    assert place.fetches() == {HEAD: (WAITING, 0, "same region, CT")}
    assert fetching.fetch_due(place.way, lambda: NOW) == 1
    assert place.fetches()[HEAD][:2] == (FETCHED, 6)
    seen_as_prior(place)


@needs("orthanc")
def test_the_relevant_prior_comes_by_c_move(
    place: Place, orthanc: Orthanc, ports: dict[str, int]
) -> None:
    made = place.register(archive(place, "dimse", orthanc))
    assert fetching.test(place.way, made.id, NOW) == "answers the echo"
    with transaction(place.made.system, frozenset()) as conn:
        network.register_peer(conn, Peer(
            PeerId(UUID(int=0)), place.world.owner, "dicom", "Old PACS", "FOREIGN",
            site=place.world.site,
        ))  # fmt: skip
    house = House(
        Settings(home=place.home), place.made.app, place.made.system, place.way.blobs,
        load_or_create(place.home / "audit.key"), clock, lambda: 0.5,
    )  # fmt: skip
    assert fetching.look(place.way, place.order, NOW) == 1
    assert fetching.fetch_due(place.way, lambda: NOW) == 0, "our door is shut"
    assert place.fetches()[HEAD][0] == FAILED
    door = open_dicom_door(
        house, PeerBook(place.made.system, clock), "127.0.0.1", ports["door"]
    )
    try:
        assert fetching.fetch_due(place.way, lambda: NOW) == 0, "not before its time"
        assert fetching.fetch_due(place.way, lambda: NOW + timedelta(minutes=2)) == 1
    finally:
        door.stop(timedelta(seconds=1))
    assert place.fetches()[HEAD][:2] == (FETCHED, 6)
    seen_as_prior(place)


def test_an_archive_that_is_down_is_tried_again_and_then_left_to_a_person(place: Place) -> None:
    nowhere = Orthanc("http://127.0.0.1:1", 1)
    made = place.register(archive(place, "dicomweb", nowhere))
    with pytest.raises(Exception, match="did not answer"):
        fetching.look(place.way, place.order, NOW)
    with transaction(place.made.app, frozenset({place.world.owner})) as conn:
        assert "a search failed: it does not answer" in archives.get(conn, made.id).tested
        patient = orders.get(conn, place.order).patient
        study = fetching.Candidate("1.2.3", "20250101", "CT", "CT HEAD")
        asked = archives.ask(conn, made, patient, place.order, study, "same region", NOW, NOW)
        assert asked is not None
    for day in range(5):
        fetching.fetch_due(place.way, lambda at=NOW + timedelta(days=day): at)  # type: ignore[misc]
    assert place.fetches()["1.2.3"][0] == GIVEN_UP
    with transaction(place.made.app, frozenset({place.world.owner})) as conn:
        assert archives.retry(conn, asked.id, NOW).state == WAITING


def test_an_archive_of_other_identifiers_is_never_asked(place: Place) -> None:
    place.register(archive(place, "dicomweb", Orthanc("http://127.0.0.1:1", 1), assigner="X"))
    assert fetching.look(place.way, place.order, NOW) == 0


def test_another_group_sees_neither_archive_nor_token(place: Place) -> None:
    place.register(archive(place, "dicomweb", Orthanc("http://127.0.0.1:1", 1)))
    with transaction(place.made.app, frozenset({place.world.partner})) as conn:
        assert archives.listed(conn) == []
    with (
        transaction(place.made.app, frozenset({place.world.owner})) as conn,
        pytest.raises(Exception, match="permission denied"),
    ):
        archives.token_of(conn, archives.listed(conn)[0])


PLAIN = Archive(
    UUID(int=1), GroupId(UUID(int=2)), "A", "dicomweb", "X",
    url="https://archive.hospital.example/dicom-web", site=SiteId(UUID(int=3)),
)  # fmt: skip


@pytest.mark.parametrize(
    ("address", "may"),
    [("10.1.2.3", True), ("169.254.169.254", False), ("127.0.0.1", False), ("::1", False),
     ("224.0.0.1", False), ("0.0.0.0", False), ("203.0.113.9", True)],
)  # fmt: skip
def test_a_name_that_leads_inside_is_not_called(address: str, may: bool) -> None:
    assert may_reach(address, PLAIN) is may
    here = replace(PLAIN, url="http://127.0.0.1:9/dicom-web")
    assert may_reach("127.0.0.1", here)


@pytest.mark.parametrize(
    ("changes", "field"),
    [({"url": "ftp://x"}, "url"), ({"url": "http://x.example"}, "plain"), ({"site": None}, "site"),
     ({"url": "https://u:p@x.example"}, "url"), ({"assigner": ""}, "assigner"),
     ({"way": "dimse", "aet": "A", "address": "pacs", "port": 1}, "address"),
     ({"way": "dimse", "aet": "A", "address": "10.0.0.1", "port": 104}, "plain")],
)  # fmt: skip
def test_what_is_typed_wrong_is_named(changes: dict[str, object], field: str) -> None:
    from confrere.archives.model import checked  # noqa: PLC0415

    with pytest.raises(Invalid) as refused:
        checked(replace(PLAIN, **changes))  # type: ignore[arg-type]
    assert refused.value.field == field


def test_the_night_is_waited_for_unless_it_is_urgent() -> None:
    one = replace(PLAIN, night=(time(22), time(6)))
    noon = datetime(2026, 11, 24, 18, 0, tzinfo=UTC)  # 12:00 in Chicago
    assert starts_at(one, "America/Chicago", noon, urgent=False) == datetime(
        2026, 11, 25, 4, 0, tzinfo=UTC
    )
    assert starts_at(one, "America/Chicago", noon, urgent=True) == noon
    night = noon + timedelta(hours=12)
    assert starts_at(one, "America/Chicago", night, urgent=False) == night
    assert next_try(5, noon) is None
