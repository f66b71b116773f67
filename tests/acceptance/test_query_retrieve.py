"""Foreign programs query and retrieve at the DICOM door, and the house does so at an Orthanc."""

import os
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import pytest
from pydicom import Dataset, dcmread
from pydicom.filereader import read_dataset
from pydicom.uid import AllTransferSyntaxes, RLELossless, generate_uid
from pynetdicom import AE, AllStoragePresentationContexts, build_role, evt
from pynetdicom.dsutils import encode
from pynetdicom.events import Event

from confrere.audit import service as audit
from confrere.audit.service import EventQuery
from confrere.dimse import client
from confrere.dimse.client import Received, Remote
from confrere.kernel.errors import Unavailable
from confrere.kernel.ids import PeerId
from confrere.network import service as network
from confrere.network.systems import Peer
from tests.acceptance.house import AET, House
from tests.acceptance.orthanc import Orthanc
from tests.acceptance.processes import free_ports, wait_for
from tests.acceptance.senders import CT, FILES, Image, image_of, slices, statuses
from tests.integration.world import NONE
from tests.peers import needs, require

FIND, MOVE = "1.2.840.10008.5.1.4.1.2.2.1", "1.2.840.10008.5.1.4.1.2.2.2"
GET = "1.2.840.10008.5.1.4.1.2.2.3"
EXPLICIT = "1.2.840.10008.1.2.1"


@pytest.fixture(scope="session")
def study(standing_house: House) -> list[Image]:
    """Six slices in two series, stored once for all tests."""
    images = slices(6, series=2)
    assert set(statuses(standing_house, images)) == {0}
    return images


def here(house: House, calling: str = "LAKE_CT") -> Remote:
    return Remote("127.0.0.1", house.ports["dicom"], AET, calling, timedelta(seconds=20))


def asked(level: str, **keys: str) -> Dataset:
    made = Dataset()
    made.QueryRetrieveLevel = level
    for word, text in keys.items():
        setattr(made, word, text)
    return made


def dcmtk(house: House, program: str, *words: str, calling: str = "LAKE_CT") -> str:
    done = subprocess.run(
        [require(program), "-v", "-aet", calling, "-aec", AET, *words,
         "127.0.0.1", str(house.ports["dicom"])],
        capture_output=True, check=False, text=True, timeout=60,
        env={"PATH": "/usr/bin:/bin", "TCP_NODELAY": "1"},
    )  # fmt: skip
    return done.stdout + done.stderr


@needs("findscu")
@pytest.mark.parametrize("model", ["-S", "-P"])
def test_findscu_finds_a_study_its_series_and_images(
    house: House, study: list[Image], model: str
) -> None:
    patient = patient_of(study)
    said = dcmtk(
        house, "findscu", model, "-k", "QueryRetrieveLevel=STUDY", "-k", f"PatientID={patient}",
        "-k", "StudyInstanceUID", "-k", "PatientName", "-k", "NumberOfStudyRelatedInstances",
    )  # fmt: skip
    assert said.count(study[0].study) == 1
    assert "[6 ]" in said or "[6]" in said
    above = ["-k", f"PatientID={patient}"] if model == "-P" else []
    series = dcmtk(
        house, "findscu", model, "-k", "QueryRetrieveLevel=SERIES", *above,
        "-k", f"StudyInstanceUID={study[0].study}", "-k", "SeriesInstanceUID", "-k", "Modality",
    )  # fmt: skip
    assert {one.series for one in study if one.series in series} == {i.series for i in study}
    images = dcmtk(
        house, "findscu", model, "-k", "QueryRetrieveLevel=IMAGE", *above,
        "-k", f"StudyInstanceUID={study[0].study}", "-k", f"SeriesInstanceUID={study[0].series}",
        "-k", "SOPInstanceUID",
    )  # fmt: skip
    assert images.count("Find Response:") >= 3
    if model == "-P":
        found = dcmtk(
            house, "findscu", "-P", "-k", "QueryRetrieveLevel=PATIENT", "-k", "PatientName",
            "-k", f"PatientID={patient[:-1]}*",
        )  # fmt: skip
        assert patient in found


def patient_of(study: list[Image]) -> str:
    read = read_dataset(BytesIO(study[0].content), False, True)
    return str(read.PatientID)


def test_no_peer_sees_another_groups_or_sites_studies(house: House, study: list[Image]) -> None:
    keys = asked("STUDY", StudyInstanceUID=study[0].study)
    assert len(list(client.find(here(house), "STUDY", keys))) == 1
    assert list(client.find(here(house, "PRAIRIE_CT"), "STUDY", keys)) == []
    assert got(house, study, calling="PRAIRIE_CT")[0] == []


def got(
    house: House, study: list[Image], syntax: str = EXPLICIT, calling: str = "LAKE_CT"
) -> tuple[list[Received], client.Progress]:
    kept: list[Received] = []

    def keep(one: Received) -> int:
        kept.append(one)
        return 0

    keys = asked("STUDY", StudyInstanceUID=study[0].study)
    classes = dict.fromkeys(one.sop_class for one in study)
    contexts = [(uid, [syntax]) for uid in classes]
    *_, last = client.get(here(house, calling), "STUDY", keys, contexts, keep)
    return kept, last


def test_data_sets_come_back_by_c_get_byte_for_byte(house: House, study: list[Image]) -> None:
    kept, last = got(house, study)
    assert (last.status, last.completed, last.failed) == (0, 6, 0)
    assert {one.sop_instance: one.content for one in kept} == {i.uid: i.content for i in study}


def packed() -> Image:
    """A bundled run-length encoded MR image under new UIDs."""
    read = dcmread(FILES / "MR_small_RLE.dcm")
    read.StudyInstanceUID, read.SOPInstanceUID = generate_uid(), generate_uid()
    content = encode(read, is_implicit_vr=False, is_little_endian=True)
    assert content
    return Image(
        read.StudyInstanceUID, read.SeriesInstanceUID, read.SOPInstanceUID, RLELossless,
        content, read.SOPClassUID,
    )  # fmt: skip


def test_what_the_peer_does_not_take_as_stored_comes_uncompressed_or_fails(
    house: House,
) -> None:
    image = packed()
    assert statuses(house, [image]) == [0]
    kept, last = got(house, [image], image.syntax)
    assert [one.content for one in kept] == [image.content]
    for syntax in (EXPLICIT, "1.2.840.10008.1.2"):
        (plain,), last = got(house, [image], syntax)
        assert (plain.transfer_syntax, last.completed) == (syntax, 1)
        assert len(plain.content) > len(image.content)
    kept, last = got(house, [image], "1.2.840.10008.1.2.4.90")
    assert (kept, last.failed, last.status) == ([], 1, 0xA702)


@needs("getscu")
def test_getscu_gets_a_study(house: House, study: list[Image], tmp_path: Path) -> None:
    said = dcmtk(
        house, "getscu", "-S", "-od", str(tmp_path), "-k", "QueryRetrieveLevel=STUDY",
        "-k", f"StudyInstanceUID={study[0].study}",
    )  # fmt: skip
    read = {dcmread(path).SOPInstanceUID for path in tmp_path.iterdir()}
    assert read == {one.uid for one in study}, said


@pytest.fixture
def recorder(standing_house: House) -> Iterator[dict[str, bytes]]:
    """A registered storage provider of pynetdicom: the data sets' bytes by their UID."""
    heard: dict[str, bytes] = {}

    def hear(event: Event) -> int:
        heard[event.request.AffectedSOPInstanceUID] = event.request.DataSet.getvalue()
        return 0

    (port,) = free_ports("recorder").values()
    ae = AE(ae_title="RECORDER")
    for context in AllStoragePresentationContexts:
        ae.add_supported_context(str(context.abstract_syntax), AllTransferSyntaxes)
    server = ae.start_server(
        ("127.0.0.1", port), block=False, evt_handlers=[(evt.EVT_C_STORE, hear)]
    )
    assert server is not None
    title = destination(standing_house, port)
    heard["title"] = title.encode()
    try:
        yield heard
    finally:
        server.shutdown()


def destination(house: House, port: int) -> str:
    """Register a machine of the first group that listens at a port, and wait until it is known."""
    title = f"TO{os.urandom(3).hex().upper()}"
    with house.reading() as conn:
        peer = Peer(PeerId(NONE), house.groups["lakeshore"], "dicom", title, title, port=port)
        network.register_peer(conn, peer)

    def known() -> bool:
        try:
            client.echo(here(house, title))
        except Unavailable:
            return False
        return True

    wait_for(known, 10, house.said)
    return title


@needs("movescu")
def test_movescu_moves_a_series_to_a_registered_machine_byte_for_byte(
    house: House, study: list[Image], recorder: dict[str, bytes]
) -> None:
    title = recorder.pop("title").decode()
    said = dcmtk(
        house, "movescu", "-S", "-aem", title, "-k", "QueryRetrieveLevel=SERIES",
        "-k", f"StudyInstanceUID={study[0].study}", "-k", f"SeriesInstanceUID={study[0].series}",
    )  # fmt: skip
    wanted = {i.uid: i.content for i in study if i.series == study[0].series}
    assert recorder == wanted, said
    with house.reading() as conn:
        query = EventQuery(owner_group=house.groups["lakeshore"], kind="study", door="dicom")
        details = [dict(link.event.detail) for link in audit.events(conn, query, 20)]
    assert {"by": "C-MOVE", "to": title} in details


def test_nothing_is_moved_to_a_machine_that_is_not_registered_or_does_not_answer(
    house: House, study: list[Image]
) -> None:
    keys = asked("STUDY", StudyInstanceUID=study[0].study)
    (last,) = client.move(here(house), "STUDY", keys, "EVIL")
    assert last.status == 0xA801
    (last,) = client.move(here(house), "STUDY", keys, "PRAIRIE_CT")  # another group's
    assert last.status == 0xA801
    (port,) = free_ports("closed").values()
    (last,) = client.move(here(house), "STUDY", keys, destination(house, port))
    assert last.status == 0xA702


def test_a_query_without_level_or_with_a_bad_key_is_refused_with_the_field(
    house: House,
) -> None:
    ae = AE(ae_title="LAKE_CT")
    ae.add_requested_context(FIND)
    link = ae.associate("127.0.0.1", house.ports["dicom"], ae_title=AET)
    try:
        for keys, field in (
            (asked("STUDY", StudyDate="yesterday"), "StudyDate"),
            (asked("SERIES"), "StudyInstanceUID"),
            (asked("PATIENT"), "QueryRetrieveLevel"),
        ):
            ((status, _),) = link.send_c_find(keys, FIND)
            assert status.Status == 0xA900
            assert field in status.ErrorComment
    finally:
        link.release()


def test_a_cancelled_query_and_retrieval_end_and_say_so(house: House) -> None:
    many = slices(60)
    assert set(statuses(house, many)) == {0}
    ae = AE(ae_title="LAKE_CT")
    ae.add_requested_context(FIND)
    ae.add_requested_context(GET)
    ae.add_requested_context(CT, EXPLICIT)
    kept: list[str] = []

    def hear(event: Event) -> int:
        kept.append(event.request.AffectedSOPInstanceUID)
        if len(kept) == 3:
            event.assoc.send_c_cancel(7, query_model=GET)
        return 0

    link = ae.associate(
        "127.0.0.1", house.ports["dicom"], ae_title=AET,
        ext_neg=[build_role(CT, scp_role=True)], evt_handlers=[(evt.EVT_C_STORE, hear)],
    )  # fmt: skip
    assert link.is_established
    try:
        keys = asked("STUDY", StudyInstanceUID=many[0].study)
        *_, (status, _) = link.send_c_get(keys, GET, msg_id=7)
        assert status.Status == 0xFE00
        assert 3 <= len(kept) < 60
        assert status.NumberOfRemainingSuboperations == 60 - len(kept)
    finally:
        link.release()


@needs("orthanc")
def test_orthanc_queries_and_retrieves_from_us(house: House, orthanc: Orthanc) -> None:
    (image,) = slices(1)
    assert statuses(house, [image]) == [0]
    orthanc.empty()
    title = destination(house, orthanc.dicom_port)
    query = orthanc.post(
        "/modalities/confrere/query",
        {"Level": "Study", "Query": {"StudyInstanceUID": image.study}},
    )["ID"]
    assert orthanc.get(f"/queries/{query}/answers") == ["0"]
    orthanc.post(f"/queries/{query}/retrieve", {"TargetAet": title, "Synchronous": True})
    (held,) = orthanc.get("/instances")
    assert image_of(orthanc.file(held)).uid == image.uid


@needs("orthanc")
@pytest.mark.usefixtures("house")
def test_we_verify_query_and_retrieve_from_orthanc(orthanc: Orthanc) -> None:
    orthanc.empty()
    file = (FILES / "CT_small.dcm").read_bytes()
    image = image_of(file)
    orthanc.take(file)
    remote = Remote("127.0.0.1", orthanc.dicom_port, "ORTHANC", AET, timedelta(seconds=20))
    assert client.echo(remote) < timedelta(seconds=5)
    keys = asked("STUDY", PatientID=str(dcmread(FILES / "CT_small.dcm").PatientID))
    keys.StudyInstanceUID = ""
    (found,) = client.find(remote, "STUDY", keys)
    assert found.StudyInstanceUID == image.study
    with client.sending(remote, [(image.sop_class, image.syntax)]) as link:
        assert image.syntax in link.accepted(image.sop_class)
    kept: list[Received] = []

    def keep(one: Received) -> int:
        kept.append(one)
        return 0

    wanted = asked("STUDY", StudyInstanceUID=image.study)
    *_, last = client.get(remote, "STUDY", wanted, [(CT, [EXPLICIT])], keep)
    assert (last.completed, [one.sop_instance for one in kept]) == (1, [image.uid])


# pynetdicom leaves a socket that could not connect to the garbage collector
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_machine_that_is_not_there_or_refuses_us_is_told_in_words(house: House) -> None:
    (port,) = free_ports("closed").values()
    gone = Remote("127.0.0.1", port, "NOBODY", AET, timedelta(seconds=3))
    with pytest.raises(Unavailable, match="nothing answers as NOBODY"):
        client.echo(gone)
    with pytest.raises(Unavailable, match="refuses our AE title STRANGER"):
        client.echo(here(house, "STRANGER"))


@needs("orthanc")
def test_an_it_engineer_registers_a_machine_with_its_port_and_sends_it_an_echo(
    house: House, orthanc: Orthanc
) -> None:
    name = f"Echoed {os.urandom(3).hex()}"
    form = {"door": "dicom", "name": name, "aet": "ORTHANC", "port": str(orthanc.dicom_port)}
    (closed,) = free_ports("closed").values()
    with house.http("lakeshore IT engineer") as web:
        assert web.post("/network/peers", data=form).status_code == 200
        gone = form | {"name": f"{name} gone", "port": str(closed)}
        assert web.post("/network/peers", data=gone).status_code == 200
        with house.reading() as conn:
            made = {p.name: p.id for p in network.peers(conn, "dicom")}
        said = web.post(f"/network/peers/{made[name]}/test").text
        assert f"{name}: 127.0.0.1:{orthanc.dicom_port} answers" in said
        said = web.post(f"/network/peers/{made[gone['name']]}/test").text
        assert f"nothing answers as ORTHANC at 127.0.0.1, port {closed}" in said
