"""A house with a clock to move, an image store in a folder, and studies that were read."""

import hashlib
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import sqlalchemy as sa

from confrere.database.engine import transaction
from confrere.files.folder import BlobStore, path_of
from confrere.files.folder_place import FolderPlace
from confrere.imaging import keeping as imaging
from confrere.imaging import service as filing
from confrere.imaging.kept import Kept
from confrere.imaging.model import Arrival
from confrere.keeping.model import By
from confrere.kernel.ids import StudyId, UserId
from confrere.network import serving
from confrere.network.site_services import SiteServices
from confrere.patients import service as patients
from confrere.patients.model import Demographics
from confrere.settings import Settings
from confrere.wiring.house import House
from tests.database import Databases
from tests.integration.test_imaging_filing import arrival
from tests.integration.world import NOW, World, build

PROPOSER = By("Pia Proposer", UserId(UUID(int=11)))
APPROVER = By("Abe Approver", UserId(UUID(int=12)))


@dataclass
class Keeping:
    """The house and what is in it."""

    made: Databases
    home: Path
    world: World
    at: datetime = NOW
    house: House = field(init=False)

    def __post_init__(self) -> None:
        settings = Settings(home=self.home, cold_url=str(self.home / "cold"))
        blobs = BlobStore(settings.blobs, cold=FolderPlace(self.home / "cold"))
        self.house = House(
            settings, self.made.app, self.made.system, blobs, bytes(32), lambda: self.at,
            lambda: 0.5,
        )  # fmt: skip

    def forward(self, **length: float) -> None:
        self.at += timedelta(**length)

    def file(
        self, uid: str, *, images: int = 2, day: str = "20260301", mrn: str = "M1",
        modality: str = "", born: str = "19620412", read: bool | None = True,
    ) -> StudyId:  # fmt: skip
        """File a closed study of a known patient; its exam is read, open, or there is none."""
        arrivals = [self._image(uid, n, day, mrn, modality, born) for n in range(images)]
        with transaction(self.made.system, frozenset()) as conn:
            study = filing.file_instances(conn, arrivals)[0].study_id
            assert study is not None
            patient = patients.record(
                conn, self.world.owner, Demographics("LMH-MRN", mrn, "Doe", "Jane", None, "F"), NOW
            )  # fmt: skip
            filing.attach_patient(conn, study, patient.id)
            conn.execute(
                sa.text("update studies set state = 'closed', closed_at = :at where id = :id"),
                {"at": self.at, "id": study},
            )
            if read is not None:
                conn.execute(sa.text(
                    "insert into items (owner_group, site_id, patient_id, study_id, state, "
                    "created_at, updated_at, finished_at) values (:o, :s, :p, :i, :state, :at, :at, :done)"
                ), {
                    "o": self.world.owner, "s": self.world.site, "p": patient.id, "i": study,
                    "state": "final" if read else "waiting", "at": self.at,
                    "done": self.at if read else None,
                })  # fmt: skip
        return study

    def _image(
        self, uid: str, number: int, day: str, mrn: str, modality: str, born: str
    ) -> Arrival:
        content = f"{uid} image {number}".encode()
        made = arrival(number, study=uid, group=self.world.owner, content=content)
        head = replace(
            made.head, study_date=day, patient_id=mrn, birth_date=born,
            modality=modality or made.head.modality,
        )  # fmt: skip
        digest = self.house.blobs.put(content)
        assert digest == hashlib.sha256(content).digest()
        return replace(
            made, head=head, digest=digest, size=len(content), site_id=self.world.site,
            received_at=self.at, issuer="LMH-MRN",
        )  # fmt: skip

    def place(self, study: StudyId) -> str:
        return self.kept(study).place

    def kept(self, study: StudyId) -> Kept:
        with transaction(self.made.system, frozenset()) as conn:
            return imaging.one(conn, study)

    def digests(self, study: StudyId) -> list[bytes]:
        with transaction(self.made.system, frozenset()) as conn:
            return [one.digest for one in imaging.stored(conn, study)]

    def is_main(self, digest: bytes) -> bool:
        return path_of(self.house.blobs.root, digest).exists()

    def switch(self, *, archive: bool = False, cache_days: int | None = None) -> None:
        new = SiteServices(
            self.world.owner, self.world.site, archive=archive, cache_days=cache_days
        )
        with transaction(self.made.app, frozenset({self.world.owner})) as conn:
            serving.switch(conn, new, confirmed=True)


def keeping_in(made: Databases, home: Path) -> Keeping:
    with transaction(made.system, frozenset()) as conn:
        world = build(conn)
    return Keeping(made, home, world)
