"""A collaborative with one head CT to read, its prior, and people: served like the real one."""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pydicom
from fastapi import APIRouter
from pydicom import Dataset
from sqlalchemy import Connection
from sqlalchemy.pool import QueuePool

from confrere.database.engine import transaction
from confrere.delivery import service as delivery
from confrere.dicomweb.router import router as dicomweb
from confrere.files.folder import BlobStore
from confrere.identity import service as identity
from confrere.identity.permissions import Permission
from confrere.imaging import service as imaging
from confrere.imaging.examining import examine
from confrere.imaging.head import Head
from confrere.imaging.model import Arrival
from confrere.kernel.ids import GroupId, ItemId, ReaderId, StudyId
from confrere.kernel.principal import Principal, Role
from confrere.network import service as network
from confrere.network.model import Group
from confrere.orders import service as orders
from confrere.orders.model import OrderContent
from confrere.reading import service as reading
from confrere.reading.service import Received
from confrere.settings import Settings
from confrere.web import (
    reading_api,
    reading_take,
    study_assign,
    study_page,
    study_papers,
    ups_door,
    worklist_page,
)
from confrere.web.access import allow
from confrere.wiring import exams, inbound_hl7, priors
from confrere.wiring.sharing import open_studies
from confrere.worklist import service as worklist
from confrere.worklist.dispatch import dispatch
from confrere.worklist.model import Item
from tests.database import Databases
from tests.integration.web_shell import PASSWORD, Clock, Site
from tests.integration.world import NOW, World, build, order_message

KEY = bytes(32)

EXPLICIT = "1.2.840.10008.1.2.1"
CURRENT, PRIOR = "1.2.826.0.1.3680043.10.900.1", "1.2.826.0.1.3680043.10.900.2"
PRIOR_TEXT = "IMPRESSION:\nNo haemorrhage. Old left lacunar infarct."
SIZE, SLICES = 64, 6


@dataclass
class House(Site):
    """A site whose data folder is a test's own, whatever assets it serves."""

    data: Path = Path()

    def home(self) -> Path:
        """Name the data folder."""
        return self.data


@dataclass
class Room:
    """The served application and what is in it."""

    site: Site
    world: World
    item: ItemId
    blobs: BlobStore
    made: Databases
    browsers: dict[str, httpx.Client] = field(default_factory=dict)

    @property
    def path(self) -> str:
        """The study page."""
        return f"/items/{self.item}"

    @property
    def api(self) -> str:
        """The exam in the JSON API."""
        return f"/api/items/{self.item}"

    def person(
        self, role: Role, group: GroupId | None, reader: ReaderId | None, name: str = "Somebody"
    ) -> str:
        """Make an account; return its user name."""
        username = f"u{uuid4().hex[:10]}"
        with transaction(self.made.app, frozenset()) as conn:
            identity.create_user(
                conn, username, name, role, group=group, reader=reader, site=None,
                password=PASSWORD, now=self.site.clock(),
            )  # fmt: skip
        return username

    def browser(self, username: str) -> httpx.Client:
        """Sign a person in; the client asks for pages or JSON, as the address has it."""
        client = self.site.client(**{"sec-fetch-site": "same-origin"})
        answer = client.post("/login", data={"username": username, "password": PASSWORD})
        assert answer.status_code == 303, answer.text
        return client

    def reader(self, which: str, role: Role = Role.RADIOLOGIST) -> httpx.Client:
        """The signed-in browser of one of the world's readers, or of `colleague`."""
        key = f"{which} {role}"
        if key not in self.browsers:
            self.browsers[key] = self.browser(self.account(which, role))
        return self.browsers[key]

    def account(self, which: str, role: Role = Role.RADIOLOGIST) -> str:
        """Make the account of one of the world's readers, or of `colleague`."""
        group = self.world.owner if which == "general" else self.world.partner
        if which == "colleague":
            with transaction(self.made.system, frozenset()) as conn:
                reader = colleague(conn, self.world)
        else:
            reader = getattr(self.world, which)
        with transaction(self.made.system, frozenset()) as conn:
            name = network.reader(conn, reader, NOW).name
        return self.person(role, group, reader, name)

    def item_now(self) -> Item:
        """The exam as it stands."""
        with transaction(self.made.system, frozenset()) as conn:
            return worklist.get(conn, self.item)


@contextmanager
def reading_room(
    made: Databases, home: Path, assets: Path, *studies: Iterable[Dataset]
) -> Iterator[Room]:
    """Fill the database, serve, and give the room; `studies`: other images, and their prior."""
    blobs = BlobStore(home / "blobs")
    with transaction(made.system, frozenset()) as conn:
        world, item = furnish(conn, blobs, *studies)
    clock = Clock(NOW)
    settings = Settings(home=home)
    site = House(
        made, assets, routers(made, blobs, clock), settings=settings, clock=clock, data=home
    )  # fmt: skip
    site.start()
    try:
        yield Room(site, world, item, blobs, made)
    finally:
        site.stop()
        let_handlers_end(made)


def let_handlers_end(made: Databases) -> None:
    """Wait until no request holds a connection: a browser leaves without its answers."""
    pool = made.app.pool
    assert isinstance(pool, QueuePool)
    until = time.monotonic() + 5
    while pool.checkedout() and time.monotonic() < until:
        time.sleep(0.01)


def routers(made: Databases, blobs: BlobStore, clock: Clock) -> list[APIRouter]:
    """The routers that wiring gives the application, as far as a reading needs them."""

    def nowhere(_me: Principal, _head: Head) -> Any:
        raise AssertionError("nothing is stored here")

    images = dicomweb(
        made.app, blobs, allow=lambda words: allow(Permission(words)),
        note_access=lambda *_: None, now=clock, resolve_store=nowhere, shared=open_studies,
        beside=(ups_door.router,),
    )  # fmt: skip
    return [
        worklist_page.router, study_page.router, study_papers.router, study_assign.router, reading_api.router,
        reading_take.router, images,
    ]  # fmt: skip


def furnish(
    conn: Connection, blobs: BlobStore,
    current: Iterable[Dataset] | None = None, prior: Iterable[Dataset] | None = None,
) -> tuple[World, ItemId]:  # fmt: skip
    """Build the world, its order with images and prior, and offer the exam."""
    world = build(conn)
    owner = world.owner
    peer = network.peer(conn, world.hl7)
    message = order_message(status="CM")
    kept = delivery.keep(conn, peer, "ORM^O01", "MSG1", message, "127.0.0.1", NOW)
    inbound_hl7.process(conn, KEY, kept, NOW)
    order = orders.search(conn, 1)[0]
    before = orders.place(
        conn, owner, world.site, order.patient,
        OrderContent("LM050", procedure_code="CTHEAD", procedure_text="CT head without contrast",
                     status="complete"),
        NOW - timedelta(days=400),
    )  # fmt: skip
    old = store(conn, blobs, world, prior or images(PRIOR, "LM050", "20251020", 90.0))
    imaging.attach_patient(conn, old, order.patient)
    imaging.attach_order(conn, old, before.id, "accession number", NOW)
    reading.receive(
        conn,
        Received(owner, world.site, order.patient, (before.id,), old, "CT head", PRIOR_TEXT,
                 True, "Old, Olga", NOW - timedelta(days=399), NOW - timedelta(days=400)),
        [], NOW - timedelta(days=399),
    )  # fmt: skip
    new = store(conn, blobs, world, current or images(CURRENT, "LM100", "20261124", 0.0))
    item = exams.study_changed(conn, new, NOW, new_images=True)
    assert item is not None
    dispatch(conn, network.directory(conn, NOW), NOW)
    priors.share_priors(conn, item.id, world.partner, NOW)
    return world, item.id


def store(
    conn: Connection, blobs: BlobStore, world: World, datasets: Iterable[Dataset]
) -> StudyId:
    """File images as the DICOM door would."""
    arrivals = []
    for one in datasets:
        body = data_set(one)
        digest = blobs.put(body)
        head = examine(blobs, digest, EXPLICIT)
        arrivals.append(
            Arrival(world.owner, world.site, head, head.sop_class, EXPLICIT, digest, len(body),
                    "CT1", NOW, issuer="LMH-MRN")
        )  # fmt: skip
    study = imaging.file_instances(conn, arrivals)[0].study_id
    assert study is not None
    return study


def data_set(one: Dataset) -> bytes:
    """Write a data set alone, explicit little endian, without file meta."""
    out = BytesIO()
    pydicom.dcmwrite(out, one, implicit_vr=False, little_endian=True)
    return out.getvalue()


def images(study: str, accession: str, on: str, shift: float) -> Iterator[Dataset]:
    """Small CT slices with known pixels: slice n is n x 100 HU, a bright square in each.

    `shift` is how far, in mm, the table lay elsewhere.
    """
    for number in range(SLICES):
        made = Dataset()
        made.SpecificCharacterSet = "ISO_IR 192"
        made.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
        made.SOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
        made.SOPInstanceUID = f"{study}.1.{number + 1}"
        made.StudyDate = made.SeriesDate = on
        made.StudyTime = made.SeriesTime = "085000"
        made.AccessionNumber, made.Modality = accession, "CT"
        made.InstitutionName, made.StudyDescription = "Lakeshore Memorial", "CT HEAD"
        made.SeriesDescription = "Head 5.0"
        made.PatientName, made.PatientID = "DOE^JANE", "M1"
        made.PatientBirthDate, made.PatientSex = "19620412", "F"
        made.StudyInstanceUID, made.SeriesInstanceUID = study, f"{study}.1"
        made.FrameOfReferenceUID = f"{study}.9"
        made.SeriesNumber, made.InstanceNumber = 2, number + 1
        made.ImagePositionPatient = [-32, -32, shift + 5.0 * number]
        made.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        made.PixelSpacing, made.SliceThickness = [1, 1], 5
        made.SamplesPerPixel, made.PhotometricInterpretation = 1, "MONOCHROME2"
        made.Rows = made.Columns = SIZE
        made.BitsAllocated = made.BitsStored = 16
        made.HighBit, made.PixelRepresentation = 15, 1
        made.RescaleIntercept, made.RescaleSlope, made.RescaleType = 0, 1, "HU"
        made.WindowCenter, made.WindowWidth = 500, 1000
        plain, bright = 100 * number, 1000
        rows = [
            bright if 24 <= x < 40 and 24 <= y < 40 else plain
            for y in range(SIZE)
            for x in range(SIZE)
        ]
        made.PixelData = b"".join(one.to_bytes(2, "little", signed=True) for one in rows)
        yield made


def colleague(conn: Connection, world: World) -> ReaderId:
    """Another reader of the partner group who may read the exam too."""
    twin = network.reader(conn, world.neuro, NOW)
    return network.add_reader(
        conn, replace(twin, id=ReaderId(uuid4()), name="Rowe, Rita", npi="")
    )


def stranger(conn: Connection, world: World) -> tuple[GroupId, ReaderId]:
    """A reader of a third group that has no part in anything."""
    group = network.add_group(
        conn, Group(GroupId(UUID(int=0)), "OTH", "Elsewhere Imaging", "America/Chicago")
    )
    twin = network.reader(conn, world.neuro, NOW)
    made = replace(twin, id=ReaderId(uuid4()), group=group, name="Other, Otto", npi="")
    return group, network.add_reader(conn, made)
