"""A DICOMweb service on a test database, and objects to put into it."""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import UUID

import pydicom
import pytest
from fastapi import FastAPI, Header, HTTPException
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import UID

from confrere.dicomweb.router import router
from confrere.files.folder import BlobStore
from confrere.imaging.head import Head
from confrere.kernel.errors import Refused
from confrere.kernel.ids import GroupId, SiteId, StudyId, UserId
from confrere.kernel.principal import Principal, Role
from tests.database import Databases

with warnings.catch_warnings():
    # starlette wants httpx's successor, which nothing else here needs
    warnings.simplefilter("ignore")
    from fastapi.testclient import TestClient

A, B = GroupId(UUID(int=0xA)), GroupId(UUID(int=0xB))
SITE = SiteId(UUID(int=0x51))
CT = "1.2.840.10008.5.1.4.1.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@dataclass
class Service:
    """The service under test, with what it told the audit trail."""

    client: TestClient
    databases: Databases
    blobs: BlobStore
    noted: list[tuple[str, object, object]] = field(default_factory=list)
    shared: dict[GroupId, frozenset[StudyId]] = field(default_factory=dict)

    def get(self, url: str, *, user: str = "a", accept: str = "", **more: Any) -> Any:
        """Ask as a user."""
        headers = {"x-user": user, **({"accept": accept} if accept else {})}
        return self.client.get(f"/dicom-web{url}", headers=headers, **more)

    def store(self, *files: bytes, user: str = "a", study: str = "") -> Any:
        """Store files in one request."""
        body = b"".join(
            b"--XX\r\nContent-Type: application/dicom\r\n\r\n" + one + b"\r\n" for one in files
        )
        return self.client.post(
            f"/dicom-web/studies{study}",
            content=body + b"--XX--\r\n",
            headers={
                "x-user": user,
                "content-type": 'multipart/related; type="application/dicom"; boundary=XX',
            },
        )


def principals(permission: str) -> Callable[..., Principal]:
    def of(x_user: str = Header()) -> Principal:
        if x_user == "nobody":
            raise HTTPException(403, f"may not {permission}")
        group = {"a": A, "b": B, "client": A}[x_user]
        site = SITE if x_user == "client" else None
        user = UserId(UUID(int=1))
        return Principal(user, x_user, Role.RADIOLOGIST, group, None, site, "session")

    return of


def place(principal: Principal, head: Head) -> tuple[GroupId, SiteId | None]:
    if head.institution == "Elsewhere":
        raise Refused("this institution is not registered")
    assert principal.group
    return principal.group, SITE if head.institution == "Ours" else None


@pytest.fixture
def service(fresh: Databases, tmp_path: Path) -> Iterator[Service]:
    with serve(fresh, tmp_path) as made:
        yield made


@contextmanager
def serve(databases: Databases, home: Path) -> Iterator[Service]:
    app = FastAPI()
    blobs = BlobStore(home)
    made = Service(TestClient(app), databases, blobs)

    def note(
        _conn: object, _who: object, kind: str, study: object, _p: object, owner: object
    ) -> None:
        made.noted.append((kind, study, owner))

    def shared(_conn: object, principal: Principal) -> frozenset[StudyId]:
        assert principal.group
        return made.shared.get(principal.group, frozenset())

    app.include_router(
        router(
            databases.app,
            blobs,
            allow=principals,
            note_access=note,
            now=lambda: NOW,
            resolve_store=place,
            shared=shared,
        )
    )
    with made.client:
        yield made


def image(number: int = 1, study: str = "1.2.3", **values: Any) -> Dataset:
    made = Dataset()
    made.SpecificCharacterSet = "ISO_IR 192"
    made.SOPClassUID = CT
    made.SOPInstanceUID = f"{study}.1.{number}"
    made.StudyInstanceUID = study
    made.SeriesInstanceUID = f"{study}.1"
    made.StudyDate, made.StudyTime = "20260301", "101500"
    made.Modality = "CT"
    made.PatientName, made.PatientID = "Doe^Jane", "M1"
    made.AccessionNumber = "A1"
    made.StudyDescription = "CT CHEST"
    made.InstanceNumber = number
    made.Rows = made.Columns = 4
    made.BitsAllocated = made.BitsStored = 16
    made.HighBit, made.PixelRepresentation, made.SamplesPerPixel = 15, 0, 1
    made.PhotometricInterpretation = "MONOCHROME2"
    made.PixelData = bytes(range(number, number + 32))
    for keyword, value in values.items():
        setattr(made, keyword, value)
    return made


def as_file(made: Dataset, syntax: str = EXPLICIT) -> bytes:
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = UID(syntax)
    out = BytesIO()
    pydicom.dcmwrite(out, made, enforce_file_format=True)
    return out.getvalue()


def parts_of(answer: Any) -> list[tuple[dict[str, str], bytes]]:
    """Cut a multipart answer apart, by another parser than ours."""
    from email.parser import BytesParser  # noqa: PLC0415

    boundary = answer.headers["content-type"].split("boundary=")[1].strip('"').encode()
    found = []
    for piece in answer.content.split(b"--" + boundary)[1:-1]:
        head, _, content = piece.partition(b"\r\n\r\n")
        headers = BytesParser().parsebytes(head.lstrip(b"\r\n") + b"\r\n\r\n")
        found.append((dict(headers), content.removesuffix(b"\r\n")))
    return found
