"""A real Orthanc beside the house: it stores to us by C-STORE and reads from us by DICOMweb."""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.acceptance.house import AET, House
from tests.acceptance.processes import free_ports, wait_for
from tests.peers import find, require


@dataclass(frozen=True)
class Orthanc:
    """A running Orthanc."""

    client: httpx.Client
    dicom_port: int
    log: Path

    def get(self, path: str) -> Any:
        """Read JSON from its REST API."""
        return self.client.get(path).raise_for_status().json()

    def post(self, path: str, content: Any) -> Any:
        """Ask its REST API to do something and wait for the outcome."""
        answer = self.client.post(path, json=content)
        assert answer.is_success, f"{answer.text}\n{self.log.read_text()[-2000:]}"
        return answer.json()

    def take(self, file: bytes) -> str:
        """Give it a file; return its own name for the instance."""
        answer = self.client.post("/instances", content=file).raise_for_status()
        return str(answer.json()["ID"])

    def file(self, instance: str) -> bytes:
        """The file as it holds it."""
        return self.client.get(f"/instances/{instance}/file").raise_for_status().content

    def empty(self) -> None:
        """Forget all patients."""
        for patient in self.get("/patients"):
            self.client.delete(f"/patients/{patient}").raise_for_status()


def configuration(folder: Path, ports: dict[str, int], house: House, token: str) -> Any:
    """What Orthanc is told: our door and our DICOMweb, nobody else's."""
    plugin = find("orthanc-dicomweb")
    return {
        "Name": "Orthanc beside Confrere",
        "StorageDirectory": str(folder / "storage"),
        "IndexDirectory": str(folder / "storage"),
        "Plugins": [str(plugin)] if plugin else [],
        "HttpPort": ports["http"],
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "DicomAet": "ORTHANC",
        "DicomPort": ports["dicom"],
        "DicomAlwaysAllowStore": True,
        "DicomModalities": {
            "confrere": {"AET": AET, "Host": "127.0.0.1", "Port": house.ports["dicom"]}
        },
        "DicomWeb": {
            "Enable": True,
            "Servers": {
                "confrere": {
                    "Url": f"{house.url}/dicom-web/",
                    "HttpHeaders": {"Authorization": f"Bearer {token}"},
                }
            },
        },
    }


@pytest.fixture(scope="session")
def standing_orthanc(
    standing_house: House, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Orthanc]:
    """The one Orthanc of this run."""
    program = require("orthanc")
    folder, ports = tmp_path_factory.mktemp("orthanc"), free_ports("http", "dicom")
    settings = folder / "orthanc.json"
    token = standing_house.tokens["lakeshore radiologist"]
    settings.write_text(json.dumps(configuration(folder, ports, standing_house, token)))
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([program, settings], stdout=log, stderr=log)
    try:
        with httpx.Client(
            base_url=f"http://127.0.0.1:{ports['http']}", timeout=60, trust_env=False
        ) as client:
            made = Orthanc(client, ports["dicom"], folder / "log")
            wait_for(lambda: answers(client), 60, lambda: made.log.read_text()[-2000:])
            yield made
    finally:
        process.terminate()
        process.wait(20)


def answers(client: httpx.Client) -> bool:
    """Whether the REST API is up."""
    try:
        return client.get("/system").status_code == 200
    except httpx.TransportError:
        return False


@pytest.fixture
def orthanc(standing_orthanc: Orthanc, house: House) -> Orthanc:
    """Orthanc, empty, beside the house that is up."""
    assert house.is_up()
    standing_orthanc.empty()
    return standing_orthanc
