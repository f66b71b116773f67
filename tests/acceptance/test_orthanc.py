"""Orthanc stores to the house by C-STORE, and what it reads back is what it sent.

Orthanc writes a data set anew as it sends it (DCMTK chooses how long sequences are told), so
its file is no measure for bytes. It therefore sends the same to a recorder made of pynetdicom.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.filebase import DicomBytesIO
from pydicom.uid import AllTransferSyntaxes
from pynetdicom import AE, AllStoragePresentationContexts, evt
from pynetdicom.events import Event

from tests.acceptance.house import House
from tests.acceptance.orthanc import Orthanc
from tests.acceptance.senders import FILES, content_of, image_of, retrieved
from tests.peers import needs, needs_shared, shared_folder

pytestmark = needs("orthanc")


@dataclass
class Recorder:
    """A storage provider that keeps each data set's bytes as they came."""

    port: int = 0
    heard: dict[str, tuple[str, bytes]] = field(default_factory=dict)

    def hear(self, event: Event) -> int:
        """Keep one instance: its transfer syntax and bytes."""
        request = event.request
        content = request.DataSet.getvalue()
        self.heard[request.AffectedSOPInstanceUID] = (event.context.transfer_syntax, content)
        return 0


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    made = Recorder()
    ae = AE(ae_title="RECORDER")
    for context in AllStoragePresentationContexts:
        ae.add_supported_context(str(context.abstract_syntax), AllTransferSyntaxes)
    server = ae.start_server(
        ("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, made.hear)]
    )
    assert server is not None
    made.port = server.server_address[1]
    try:
        yield made
    finally:
        server.shutdown()


def store(orthanc: Orthanc, modality: str) -> int:
    """Let Orthanc store all it has; return how many instances it says arrived."""
    done = orthanc.post(f"/modalities/{modality}/store", orthanc.get("/studies"))
    assert done["FailedInstancesCount"] == 0
    return int(done["InstancesCount"])


def bundled() -> list[Path]:
    """Two series of CT slices that pydicom brings along, and an MR of another syntax."""
    return [
        *sorted((FILES / "dicomdirtests" / "98892001").rglob("CT*/*")),
        FILES / "MR_small.dcm",
    ]


def exchanged(house: House, orthanc: Orthanc, recorder: Recorder, files: list[Path]) -> None:
    """Give Orthanc the files, let it store to both, and read each back by WADO-RS."""
    assert len(files) > 1
    held = [orthanc.file(orthanc.take(path.read_bytes())) for path in files]
    own = {"AET": "RECORDER", "Host": "127.0.0.1", "Port": recorder.port}
    orthanc.client.put("/modalities/recorder", json=own).raise_for_status()
    assert store(orthanc, "recorder") == store(orthanc, "confrere") == len(files)
    assert len(recorder.heard) == len(files)
    images = [image_of(file) for file in held]
    found: dict[str, bytes] = {}
    with house.http("lakeshore radiologist") as web:
        for study in {image.study for image in images}:
            found |= retrieved(web, f"/studies/{study}")
    assert found.keys() == recorder.heard.keys() == {image.uid for image in images}
    for uid, file in found.items():
        syntax, content = recorder.heard[uid]
        assert image_of(file).syntax == syntax
        assert content_of(file) == content
    for file in held:
        before, after = (dcmread(DicomBytesIO(f)) for f in (file, found[image_of(file).uid]))
        assert (after.PatientID, after.PixelData) == (before.PatientID, before.PixelData)


def test_a_series_from_orthanc_comes_back_byte_by_byte(
    house: House, orthanc: Orthanc, recorder: Recorder
) -> None:
    exchanged(house, orthanc, recorder, bundled())


@needs_shared()
def test_a_clinical_series_from_orthanc_comes_back_byte_by_byte(
    house: House, orthanc: Orthanc, recorder: Recorder
) -> None:
    folder = shared_folder() / "data" / "dicom" / "series" / "ct_head_phantom_philips"
    files = sorted(path for path in folder.rglob("I*") if path.is_file())
    exchanged(house, orthanc, recorder, files[:20])


@pytest.mark.needs("orthanc-dicomweb")
@pytest.mark.usefixtures("house")
def test_orthancs_own_dicomweb_client_gets_back_the_study_it_had_lost(orthanc: Orthanc) -> None:
    held = [orthanc.file(orthanc.take(path.read_bytes())) for path in bundled()]
    study = image_of(held[0]).study
    lost = {image.uid for image in map(image_of, held) if image.study == study}
    assert store(orthanc, "confrere") == len(held)
    orthanc.empty()
    assert orthanc.get("/instances") == []
    asked = {"Uri": "/studies", "Arguments": {"StudyInstanceUID": study}}
    (listed,) = orthanc.post("/dicom-web/servers/confrere/qido", asked)
    assert listed["0020000D"]["Value"] == study
    wanted = {"Resources": [{"Study": study}]}
    got = orthanc.post("/dicom-web/servers/confrere/retrieve", wanted)
    assert int(got["ReceivedInstancesCount"]) == len(lost)
    back = [orthanc.file(name) for name in orthanc.get("/instances")]
    assert {image_of(file).uid for file in back} == lost
    pixels = {image_of(f).uid: dcmread(DicomBytesIO(f)).PixelData for f in held}
    for file in back:
        assert dcmread(DicomBytesIO(file)).PixelData == pixels[image_of(file).uid]
