"""A modality asks for its worklist: off until the site's IT engineer switches it on."""

import subprocess
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from pydicom import Dataset, dcmread
from pynetdicom import AE
from sqlalchemy import Connection

from confrere.kernel.ids import GroupId, SiteId
from confrere.network import service as network
from confrere.orders import service as orders
from confrere.orders.model import OrderContent
from confrere.patients import service as patients
from confrere.patients.model import Demographics
from tests.acceptance.house import AET, House
from tests.acceptance.processes import wait_for
from tests.acceptance.senders import RUN
from tests.peers import needs, needs_shared, require, shared_folder

WORKLIST = "1.2.840.10008.5.1.4.31"
QUERIES = tuple(
    f"wlistqry{number}" for number in (0, 1, 2, 3, 4, 6)
)  # 5 asks for the afternoon


def switch(house: House, to: str) -> None:
    """Let the IT engineer press the switch, and wait until the door follows."""
    assert house.world
    with house.http("lakeshore IT engineer") as web:
        answer = web.post(f"/sites/{house.world.site}/services", data={"worklist": to})
        assert answer.status_code == 200, answer.text
    wait_for(lambda: offered(house) is (to == "yes"), 10, house.said)


def offered(house: House, calling: str = "LAKE_CT") -> bool:
    ae = AE(ae_title=calling)
    ae.add_requested_context(WORKLIST)
    link = ae.associate("127.0.0.1", house.ports["dicom"], ae_title=AET)
    if link.is_established:
        link.release()
        return True
    return False


@pytest.fixture(scope="session")
def accession(standing_house: House) -> str:
    """Three orders: one waits at the first site, one there is complete, one is another group's."""
    made = standing_house.world
    assert made
    now = datetime.now(UTC)
    with standing_house.reading() as conn:
        prairie = standing_house.groups["prairie"]
        there = next(
            site.id for site in network.sites(conn) if site.owner_group == prairie
        )  # fmt: skip
        for number, (owner, site, status) in enumerate(
            [(made.owner, made.site, "ordered"), (made.owner, made.site, "complete"),
             (prairie, there, "ordered")]
        ):  # fmt: skip
            place(conn, owner, site, f"W{RUN}{number}", status, now)
    return f"W{RUN}0"


def place(
    conn: Connection, owner: GroupId, site: SiteId, accession: str, status: str, now: datetime
) -> UUID:
    patient = patients.record(
        conn, owner, Demographics("LMH-MRN", f"P{accession}", "Müller", "Änne", None, "F"), now
    )
    content = OrderContent(
        accession,
        procedure_code="CTHEAD",
        procedure_text="CT head",
        ordered_at=now,
        status=status,
    )
    return orders.place(conn, owner, site, patient.id, content, now).id


def ask(house: House, keys: Dataset) -> list[Dataset]:
    ae = AE(ae_title="LAKE_CT")
    ae.add_requested_context(WORKLIST)
    link = ae.associate("127.0.0.1", house.ports["dicom"], ae_title=AET)
    assert link.is_established
    try:
        return [one for _, one in link.send_c_find(keys, WORKLIST) if one is not None]
    finally:
        link.release()


def keys_for(accession: str, charset: str = "ISO_IR 100") -> Dataset:
    keys, step = Dataset(), Dataset()
    keys.SpecificCharacterSet = charset
    keys.PatientName = keys.PatientID = keys.StudyInstanceUID = ""
    keys.AccessionNumber = accession
    step.Modality = step.ScheduledStationAETitle = step.ScheduledProcedureStepStartDate = ""
    keys.ScheduledProcedureStepSequence = [step]
    return keys


def test_the_worklist_is_off_until_it_is_switched_on_for_the_site(
    house: House, accession: str
) -> None:
    assert not offered(house)
    switch(house, "yes")
    try:
        assert not offered(house, "PRAIRIE_CT")
        found = ask(house, keys_for(f"W{RUN}*"))
        assert [one.AccessionNumber for one in found] == [accession]
        (item,) = found
        assert (item.SpecificCharacterSet, item.PatientName) == ("ISO_IR 100", "Müller^Änne")
        assert item.ScheduledProcedureStepSequence[0].ScheduledStationAETitle == "LAKE_CT"
        with house.reading() as conn:
            (kept,) = orders.search(conn, 1, accession=accession)
        assert item.StudyInstanceUID == kept.content.study_uid
        (again,) = ask(house, keys_for(accession))
        assert again.StudyInstanceUID == item.StudyInstanceUID
    finally:
        switch(house, "")


@needs("findscu", "dump2dcm")
@needs_shared()
def test_findscu_asks_dcmtks_own_worklist_queries(
    house: House, accession: str, tmp_path: Path
) -> None:
    switch(house, "yes")
    try:
        for name in QUERIES:
            dump = shared_folder() / "data" / "dicom" / "mwl" / f"{name}.dump"
            query = tmp_path / f"{name}.dcm"
            subprocess.run([require("dump2dcm"), dump, query], check=True, capture_output=True)
            done = subprocess.run(
                [require("findscu"), "-v", "-W", "-aet", "LAKE_CT", "-aec", AET, "127.0.0.1",
                 str(house.ports["dicom"]), query, "-k", f"AccessionNumber={accession}"],
                capture_output=True, check=True, timeout=30,
            )  # fmt: skip
            said = (done.stdout + done.stderr).decode("latin-1")
            # two ask for a station by a name that no order has, one for modality DD
            expected = 0 if words(dump) else 1
            assert said.count("Find Response:") == expected, said
    finally:
        switch(house, "")


@needs("findscu", "dump2dcm")
@needs_shared()
def test_findscu_finds_dcmtks_own_worklist_items_as_orders(
    house: House, tmp_path: Path
) -> None:
    items = [converted(f"wklist{number}", tmp_path) for number in range(1, 6)]
    made = house.world
    assert made
    now = datetime.now(UTC)
    with house.reading() as conn:
        for number, item in enumerate(items):
            family, _, given = str(item.PatientName).partition("^")
            said = Demographics("LMH-MRN", item.PatientID, family, given, None, item.PatientSex)
            patient = patients.record(conn, made.owner, said, now)
            content = OrderContent(
                f"D{RUN}{number}", procedure_code="CTHEAD", study_uid=item.StudyInstanceUID,
                procedure_text=item.RequestedProcedureDescription, ordered_at=now,
            )  # fmt: skip
            orders.place(conn, made.owner, made.site, patient.id, content, now)
    switch(house, "yes")
    try:
        for number, item in enumerate(items):
            keys = Dataset()
            keys.PatientName, keys.PatientID = str(item.PatientName), item.PatientID
            keys.StudyInstanceUID = keys.RequestedProcedureDescription = ""
            keys.AccessionNumber = f"D{RUN}{number}"
            (found,) = ask(house, keys)
            for word in ("PatientName", "StudyInstanceUID", "RequestedProcedureDescription"):
                assert found[word].value == item[word].value
            done = subprocess.run(
                [require("findscu"), "-v", "-W", "-aet", "LAKE_CT", "-aec", AET, "127.0.0.1",
                 str(house.ports["dicom"]), "-k", f"PatientID={item.PatientID}",
                 "-k", f"AccessionNumber=D{RUN}{number}", "-k", "StudyInstanceUID"],
                capture_output=True, check=True, timeout=30, text=True,
            )  # fmt: skip
            assert f"[{item.StudyInstanceUID}]" in (done.stdout + done.stderr).replace("\0", "")
    finally:
        switch(house, "")


def words(dump: Path) -> set[str]:
    """Which of the telling words stand in a query."""
    return {word for word in ("[A2]", "[DD]") if word in dump.read_text()}


def converted(name: str, folder: Path) -> Dataset:
    """One of DCMTK's worklist items, made a file by its own program."""
    made = folder / f"{name}.wl"
    dump = shared_folder() / "data" / "dicom" / "mwl" / f"{name}.dump"
    subprocess.run([require("dump2dcm"), dump, made], check=True, capture_output=True)
    return dcmread(made, force=True)
