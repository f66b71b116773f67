"""pynetdicom's own programs against the house, as clients and as what it calls."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import pytest
from pydicom import Dataset, dcmread

from confrere.dimse import client
from confrere.dimse.client import Received, Remote
from tests.acceptance.house import AET, House
from tests.acceptance.processes import free_ports, listens, wait_for
from tests.acceptance.senders import CT, FILES, RUN, Image, content_of, listed, slices, statuses
from tests.acceptance.test_query_retrieve import destination

SUCCESS = 0


def app(name: str, *words: str) -> "subprocess.CompletedProcess[str]":
    """Run one to its end."""
    return subprocess.run(
        [sys.executable, "-m", "pynetdicom", name, *words],
        check=False, capture_output=True, text=True, timeout=60,
    )  # fmt: skip


def at(house: House, name: str, *words: str) -> str:
    """Run a client at the house, as the scanner; what it says."""
    titles = ("-aet", "LAKE_CT", "-aec", AET, "-v")
    done = app(name, "127.0.0.1", str(house.ports["dicom"]), *words, *titles)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@contextmanager
def listening(port: int, folder: Path, name: str, *words: str) -> Iterator[None]:
    """One that listens at a port, while it lasts."""
    said = folder / "said"
    with said.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "pynetdicom", name, *words],
            cwd=folder,
            stdout=out,
            stderr=out,
        )
    try:
        wait_for(lambda: listens(port), 20, said.read_text)
        yield
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture(scope="module")
def study(standing_house: House) -> list[Image]:
    images = slices(2, patient=f"APPS{RUN}")
    assert set(statuses(standing_house, images)) == {SUCCESS}
    return images


def test_echoscu_and_storescu_are_answered(house: House, tmp_path: Path) -> None:
    assert "Received Echo Response (Status: 0x0000 - Success)" in at(house, "echoscu")
    file = tmp_path / "ct.dcm"
    read = dcmread(FILES / "CT_small.dcm")
    read.SOPInstanceUID = read.file_meta.MediaStorageSOPInstanceUID = f"2.25.{int(RUN, 16)}.1"
    read.StudyInstanceUID = f"2.25.{int(RUN, 16)}"
    read.save_as(file)
    said = at(house, "storescu", str(file))
    assert "Received Store Response (Status: 0x0000 - Success)" in said
    keys = ("-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={read.StudyInstanceUID}")
    assert str(read.StudyInstanceUID) in at(house, "findscu", "-S", *keys)


def test_getscu_gets_a_study(house: House, study: list[Image], tmp_path: Path) -> None:
    keys = ("-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={study[0].study}")
    said = at(house, "getscu", "-S", *keys, "-od", str(tmp_path))
    read = {dcmread(path).SOPInstanceUID for path in tmp_path.iterdir()}
    assert read == {one.uid for one in study}, said


def test_movescu_moves_to_storescp(house: House, study: list[Image], tmp_path: Path) -> None:
    (port,) = free_ports("storescp").values()
    got = tmp_path / "got"
    with listening(port, tmp_path, "storescp", str(port), "-od", str(got)):
        title = destination(house, port)
        keys = ("-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={study[0].study}")
        said = at(house, "movescu", "-S", "-aem", title, *keys)
        kept = {content_of(path.read_bytes()) for path in got.iterdir()}
    assert kept == {one.content for one in study}, said


def test_we_store_to_qrscp_query_it_and_retrieve_from_it_both_ways(
    house: House, tmp_path: Path
) -> None:
    (port,) = free_ports("qrscp").values()
    title = destination(house, port)
    (tmp_path / "qrscp.ini").write_text(
        f"[DEFAULT]\nae_title: {title}\nport: {port}\nmax_pdu: 16382\nacse_timeout: 30\n"
        "dimse_timeout: 30\nnetwork_timeout: 30\nbind_address: 127.0.0.1\n"
        "instance_location: instances\ndatabase_location: instances.sqlite\n"
        f"log_identifier: False\n[{AET}]\naddress: 127.0.0.1\nport: {house.ports['dicom']}\n"
    )
    images = slices(2, patient=f"REMOTE{RUN}")
    remote = Remote("127.0.0.1", port, title, AET, timedelta(seconds=20))
    keys = Dataset()
    keys.QueryRetrieveLevel, keys.StudyInstanceUID = "STUDY", images[0].study
    kept: list[Received] = []
    with listening(port, tmp_path, "qrscp", "-c", "qrscp.ini"):
        with client.sending(remote, ((CT, one.syntax) for one in images)) as link:
            for one in images:
                assert link.send(CT, one.uid, one.syntax, BytesIO(one.content)) == SUCCESS
        # it answers once for each instance
        found = {one.StudyInstanceUID for one in client.find(remote, "STUDY", keys)}
        assert found == {images[0].study}
        contexts = [(CT, [images[0].syntax])]
        *_, last = client.get(
            remote, "STUDY", keys, contexts, lambda one: kept.append(one) or 0
        )
        assert (last.status, last.completed) == (SUCCESS, len(images))
        *_, last = client.move(remote, "STUDY", keys, AET)
        assert (last.status, last.completed) == (SUCCESS, len(images))
    assert {one.sop_instance for one in kept} == {one.uid for one in images}
    with house.http("lakeshore radiologist") as web:
        assert set(listed(web, images[0].study)) == {one.uid for one in images}
