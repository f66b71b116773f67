"""Foreign machines that hold copies: DCMTK's storescp and Orthanc, each with what it took."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from time import sleep

import httpx
import pydicom
from pydicom import Dataset

from tests.acceptance.processes import free_ports, wait_for
from tests.peers import require


@dataclass(frozen=True)
class Archive:
    """An Orthanc of its own."""

    client: httpx.Client
    port: int

    def objects(self) -> list[Dataset]:
        """All that it holds, without pixels."""
        names = self.client.get("/instances").raise_for_status().json()
        return [
            Dataset(pydicom.dcmread(BytesIO(self.client.get(f"/instances/{n}/file").content)))
            for n in names
        ]


@contextmanager
def storescp(port: int, folder: Path, *options: str) -> Iterator[Path]:
    """DCMTK's storescp on a port; yields the folder into which it puts what it takes."""
    folder.mkdir(parents=True, exist_ok=True)
    words = [require("storescp"), "-od", folder, "+xa", "-uf", *options, str(port)]
    with (folder.parent / f"{folder.name}.log").open("wb") as log:
        process = subprocess.Popen(words, stdout=log, stderr=log)
    try:
        sleep(0.3)
        assert process.poll() is None
        yield folder
    finally:
        process.terminate()
        process.wait(10)


def taken(folder: Path) -> list[Dataset]:
    """What storescp took."""
    return [pydicom.dcmread(one, force=True) for one in sorted(folder.iterdir())]


@contextmanager
def orthanc(folder: Path) -> Iterator[Archive]:
    """An Orthanc that takes whatever comes."""
    ports = free_ports("http", "dicom")
    folder.mkdir(parents=True, exist_ok=True)
    settings = folder / "orthanc.json"
    settings.write_text(
        json.dumps({
            "StorageDirectory": str(folder / "s"), "IndexDirectory": str(folder / "s"),
            "Plugins": [], "HttpPort": ports["http"], "RemoteAccessAllowed": False,
            "AuthenticationEnabled": False, "DicomAet": "ARCHIVE", "DicomPort": ports["dicom"],
            "DicomAlwaysAllowStore": True,
        })
    )  # fmt: skip
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([require("orthanc"), settings], stdout=log, stderr=log)
    try:
        url = f"http://127.0.0.1:{ports['http']}"
        with httpx.Client(base_url=url, timeout=30, trust_env=False) as client:
            wait_for(lambda: _answers(client), 60, lambda: (folder / "log").read_text()[-2000:])
            yield Archive(client, ports["dicom"])
    finally:
        process.terminate()
        process.wait(20)


def _answers(client: httpx.Client) -> bool:
    try:
        return client.get("/system").status_code == 200
    except httpx.TransportError:
        return False
