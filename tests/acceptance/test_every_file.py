"""Every reference file through every door: kept as it came and given back so, or refused by name.

C-STORE, STOW-RS and a folder; then C-GET, C-MOVE, WADO-RS, and WADO-RS after a restart.
"""

import json
import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from pydicom import Dataset
from pydicom.uid import AllTransferSyntaxes
from pynetdicom import AE, AllStoragePresentationContexts, evt
from pynetdicom.events import Event
from pynetdicom.service_class import StorageServiceClass
from pynetdicom.sop_class import register_uid

from confrere.dimse import client
from confrere.dimse.client import Received, Remote
from confrere.files.folder import BlobStore
from confrere.imaging import asides, importing
from confrere.imaging.model import Aside
from confrere.imaging.outside import BAD, SKIPPED, STAGED
from confrere.imaging.syntaxes import BIG
from confrere.kernel.ids import PeerId
from confrere.network import service as network
from confrere.network.systems import Peer
from tests.acceptance.every_file import digest, files, files_folder, group_of, to_send
from tests.acceptance.house import AET, House
from tests.acceptance.processes import free_ports, wait_for
from tests.acceptance.senders import Image, content_of, image_of, retrieved, send
from tests.acceptance.unharmed import outside
from tests.integration.world import NONE
from tests.peers import needs_shared

pytestmark = [needs_shared(), pytest.mark.filterwarnings("ignore::UserWarning:pydicom")]

GROUP, TITLE = "every", "EVERY_CT"
SUCCESS, OTHER_BYTES = 0x0000, 0xC002
# What is refused by C-STORE, and the field that the reason names. Files that are no DICOM at
# all are sent as CT as they are: their first bytes are elements that no data set has.
REFUSED = {
    "charsets/chrSQEncoding.dcm": "SOPClassUID",
    "dose_openrem/MG-Im-Hologic-PropProj.dcm": "(0008,0100)",
    "fileset_tiny_alpha/README": "(2222,5422)",
    "fodicom/CR-MONO1-10-chest": "(0008,0000)",
    "orthanc/PrivateMDNTags.dcm": "(0008,0000)",
    "pydicom/ExplVR_LitEndNoMeta.dcm": "AffectedSOPClassUID",
    "pydicom/JPEGLSNearLossless_16.dcm": "StudyInstanceUID",
    "pydicom/MR_truncated.dcm": "(7FE0,0010)",
    "pydicom/UN_sequence.dcm": "SOPClassUID",
    "pydicom/empty_charset_LEI.dcm": "SOPClassUID",
    "pydicom/meta_missing_tsyntax.dcm": "(0000,0000)",
    "pydicom/nested_priv_SQ.dcm": "SOPClassUID",
    "pydicom/no_meta.dcm": "(0820,0500)",
    "pydicom/rtplan_truncated.dcm": "(300A,00B0)",
    "pydicom/rtstruct.dcm": "(0008,0005)",
    "pydicom_data/HTJ2KLossless_08_RGB.dcm": "StudyInstanceUID",
    "pydicom_data/JLSL_RGB_ILV2.dcm": "SOPInstanceUID",
    "pydicom_data/bad_sequence.dcm": "SOPInstanceUID",
    "pylibjpeg/JPEGLosslessP14SV1_1s_1f_u_16_16.dcm": "SOPInstanceUID",
    **{f"mwl/wklist{n}.dump": "(3028,3030)" for n in range(1, 6)},
    **{f"mwl/wlistqry{n}.dump": "(0A23,2023)" for n in range(7)},
}
# whole, but with UIDs that are not its command's: a person who tries it again has it filed
LIES = {"pydicom/ExplVR_LitEndNoMeta.dcm"}
REPLAYED = ("pydicom/MR_truncated.dcm", "pydicom/MR_small_RLE.dcm", *LIES)
Heard = dict[str, tuple[str, str]]  # digest of a data set: UID and transfer syntax


@pytest.fixture(scope="module")
def answers(standing_house: House) -> dict[str, int]:
    """Send all of them on one association; the status of each by its digest."""
    if not standing_house.is_up():
        standing_house.start()
    group_of(standing_house, GROUP, TITLE)
    before, found = outside(standing_house), dict[str, int]()

    def heard(image: Image, status: int) -> None:
        if found.get(image.digest) != SUCCESS:
            found[image.digest] = status

    send(standing_house, to_send().images, heard, TITLE)
    assert outside(standing_house) == before
    return found


def filed(answers: dict[str, int]) -> dict[str, Image]:
    return {key: one for key, one in to_send().whole.items() if answers[key] == SUCCESS}


def studies(answers: dict[str, int]) -> list[str]:
    return sorted({one.study for one in filed(answers).values()})


def kept(house: House, name: str) -> list[Aside]:
    with house.reading() as conn:
        return asides.listed(conn, frozenset({house.groups[name]}))


def test_each_is_filed_or_refused_and_kept_with_a_reason_that_people_see(
    house: House, answers: dict[str, int]
) -> None:
    assert len(answers) == len({one.digest for one in to_send().images})
    assert len(filed(answers)) > 240
    unfit = {key for key, status in answers.items() if status != SUCCESS}
    found = {one.digest.hex(): one for one in kept(house, GROUP)}
    assert found.keys() == unfit
    store = BlobStore(house.home / "blobs")
    content = {one.digest: one.content for one in to_send().images}
    with house.http(f"{GROUP} IT engineer") as web:
        page = web.get("/exceptions/aside").raise_for_status().text
    for key, one in found.items():
        assert store.read(one.digest) == content[key]
        assert one.reason
        assert one.remedy
        assert str(one.id) in page
        assert one.field in page
        assert (one.kind == "conflict") == (answers[key] == OTHER_BYTES), one
    names = to_send().names
    fields = {names[key]: one.field for key, one in found.items() if one.kind != "conflict"}
    assert fields == REFUSED


def test_what_was_refused_can_be_tried_again_and_stays_with_its_reason(
    house: House, answers: dict[str, int]
) -> None:
    assert any(status != SUCCESS for status in answers.values())
    waits = {to_send().names[one.digest.hex()]: one for one in kept(house, GROUP)}
    chosen = [waits[name] for name in REPLAYED]
    with house.http(f"{GROUP} IT engineer") as web:
        for one in chosen:
            web.post(f"/exceptions/aside/{one.id}/replay").raise_for_status()

    def tried() -> bool:
        with house.reading() as conn:
            waiting = conn.exec_driver_sql(
                "SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'imaging.replay'"
                " AND status IN ('todo', 'doing')"
            ).scalar_one()
        return not waiting

    wait_for(tried, 30, house.said)
    after = {to_send().names[one.digest.hex()]: one for one in kept(house, GROUP)}
    assert after.keys() == waits.keys() - LIES
    assert all(after[name].reason == waits[name].reason for name in after)


def fetched(house: House, answers: dict[str, int]) -> Heard:
    """All studies by WADO-RS, in their stored syntax."""
    found: Heard = {}
    with house.http(f"{GROUP} radiologist") as web:
        for study in studies(answers):
            for uid, file in retrieved(web, f"/studies/{study}").items():
                found[digest(content_of(file))] = (uid, image_of(file).syntax)
    return found


def expected(answers: dict[str, int]) -> Heard:
    return {key: (one.uid, one.syntax) for key, one in filed(answers).items()}


def asked(answers: dict[str, int]) -> Dataset:
    """All studies at once, as a list of UIDs (PS3.4 C.2.2.2.2)."""
    keys = Dataset()
    keys.QueryRetrieveLevel, keys.StudyInstanceUID = "STUDY", studies(answers)
    return keys


def test_data_sets_come_back_byte_for_byte_by_c_get(
    house: House, answers: dict[str, int]
) -> None:
    found: Heard = {}

    def keep(one: Received) -> int:
        found[digest(one.content)] = (one.sop_instance, one.transfer_syntax)
        return SUCCESS

    remote = Remote("127.0.0.1", house.ports["dicom"], AET, TITLE, timedelta(seconds=120))
    images = filed(answers).values()
    contexts = dict.fromkeys((one.sop_class, (one.syntax,)) for one in images)
    *_, last = client.get(remote, "STUDY", asked(answers), contexts, keep)
    assert (last.status, last.failed, last.completed) == (0, 0, len(images))
    assert found == expected(answers)


@pytest.fixture
def recorder(house: House) -> Iterator[Heard]:
    """A registered storage provider of pynetdicom; what it heard."""
    heard: Heard = {}

    def hear(event: Event) -> int:
        request = event.request
        syntax = str(event.context.transfer_syntax)
        key = digest(request.DataSet.getvalue())
        heard[key] = (str(request.AffectedSOPInstanceUID), syntax)
        return SUCCESS

    (port,) = free_ports("recorder").values()
    ae = AE(ae_title="EVERY_TO")
    known = {str(one.abstract_syntax) for one in AllStoragePresentationContexts}
    for uid in known | {one.sop_class for one in to_send().images}:
        if uid not in known:  # retired or private: pynetdicom must be told that it is storage
            register_uid(uid, f"Stored{uid.replace('.', '_')}", StorageServiceClass)
        ae.add_supported_context(uid, AllTransferSyntaxes)
    server = ae.start_server(
        ("127.0.0.1", port), block=False, evt_handlers=[(evt.EVT_C_STORE, hear)]
    )
    assert server is not None
    with house.reading() as conn:
        network.register_peer(
            conn,
            Peer(PeerId(NONE), house.groups[GROUP], "dicom", "EVERY_TO", "EVERY_TO", port=port),
        )
    wait_for(lambda: house.echoes("EVERY_TO"), 10, house.said)
    try:
        yield heard
    finally:
        server.shutdown()


def test_data_sets_come_back_byte_for_byte_by_c_move(
    house: House, answers: dict[str, int], recorder: Heard
) -> None:
    remote = Remote("127.0.0.1", house.ports["dicom"], AET, TITLE, timedelta(seconds=120))
    *_, last = client.move(remote, "STUDY", asked(answers), "EVERY_TO")
    assert (last.status, last.failed) == (0, 0)
    assert recorder == expected(answers)


def test_data_sets_come_back_byte_for_byte_by_wado_also_after_a_restart(
    house: House, answers: dict[str, int]
) -> None:
    # big endian is not to be given out by the web (PS3.18 8.7.3.6.1): it comes as little endian
    wanted = {k: v for k, v in expected(answers).items() if v[1] != BIG}
    swapped = len(expected(answers)) - len(wanted)
    before = fetched(house, answers)
    assert wanted.items() <= before.items()
    assert len(before) == len(wanted) + swapped
    assert house.stop() == 0
    house.start()
    assert fetched(house, answers) == before


def test_each_part_of_a_store_by_the_web_is_filed_or_has_its_reason(house: House) -> None:
    group_of(house, "stowed", "STOWED_CT")
    before = outside(house)
    body = b"".join(
        b"--XX\r\nContent-Type: application/dicom\r\n\r\n" + path.read_bytes() + b"\r\n"
        for path in files()
    )
    kind = 'multipart/related; type="application/dicom"; boundary=XX'
    with house.http("stowed radiologist", **{"content-type": kind}) as web:
        answer = web.post("/dicom-web/studies", content=body + b"--XX--\r\n", timeout=60)
    said = json.loads(answer.text)
    assert answer.status_code == 202, answer.text[:500]
    stored = said["00081199"]["Value"]
    failed = said["00081198"]["Value"] + said.get("0008119A", {}).get("Value", [])
    assert len(stored) + len(failed) == len(files())
    assert len(stored) > 240
    assert all(one["00081197"]["Value"][0] for one in failed)
    aside = kept(house, "stowed")
    assert aside
    with house.http("stowed IT engineer") as web:
        page = web.get("/exceptions/aside").raise_for_status().text
    assert all(str(one.id) in page and one.reason for one in aside)
    assert outside(house) == before


def test_each_file_of_a_folder_is_read_or_has_its_reason(house: House) -> None:
    group_of(house, "folder", "FOLDER_CT")
    before = outside(house)
    told = house.command(
        "import-images", str(files_folder()), "--site", "FOL", "--label", "All of it"
    )
    assert told.returncode == 0, told.stderr
    with house.reading() as conn:
        ((found, counts),) = importing.listed(conn, house.groups["folder"])
        read = importing.files_of(conn, found.id)
    assert len([one for one in read if one.size or one.state != BAD]) >= len(files())
    assert counts[STAGED] > 240
    unread = [one for one in read if one.state in (BAD, SKIPPED)]
    assert all(one.reason for one in unread)
    with house.http("folder group manager") as web:
        page = web.get(f"/imports/{found.id}").raise_for_status().text
    words = re.sub(r"\s+", " ", page)
    assert all(one.path.rpartition("/")[2] in words for one in unread)
    assert outside(house) == before
