"""Bad HL7 messages, and a second signature: a clear error where people look, the input kept."""

import json
import socket
from dataclasses import replace

import pytest
from pydicom.filebase import DicomBytesIO
from pynetdicom.dsutils import decode, encode

from confrere.delivery import service as delivery
from confrere.delivery.model import FAILED, Received
from tests.acceptance.house import House
from tests.acceptance.processes import wait_for
from tests.acceptance.senders import (
    control_id,
    patient_update,
    send_hl7,
    slices,
    statuses,
)
from tests.acceptance.unharmed import noted_refusal

SUCCESS = 0x0000

pytestmark = pytest.mark.usefixtures("unharmed")


def failed(house: House, control: str) -> Received:
    """Wait for a message to have failed; it must be kept whole and shown with a remedy."""

    def mine() -> list[Received]:
        with house.reading() as conn:
            some = delivery.inbox(conn, [FAILED], 1000)
            return [delivery.received(conn, m.id) for m in some if m.control_id == control]

    wait_for(mine, 15, house.said)
    (message,) = mine()
    assert message.field
    assert message.reason
    assert message.remedy
    with house.http("lakeshore IT engineer") as web:
        page = web.get("/deliveries/in", params={"state": "failed"}).raise_for_status().text
        whole = web.get(f"/deliveries/in/{message.id}").raise_for_status().text
    assert message.field in page
    assert control in whole
    return message


DOE, ROE = "DOE^JANE||19620412|F", "ROE^RICHARD||19700101|M"


def order(
    control: str, accession: str, mrn: str, reason: str = "Headache", who: str = DOE
) -> bytes:
    """An order of Lakeshore's RIS; an empty `mrn` leaves the patient out."""
    patient = f"{mrn}^^^LMH-MRN^MR" if mrn else ""
    return "\r".join(
        [
            f"MSH|^~\\&|RIS|LMH|CONFRERE|LMH|20261124||ORM^O01|{control}|P|2.5.1",
            f"PID|1||{patient}||{who}",
            "PV1|1|E|ED^7^1",
            f"ORC|NW|P{accession}|F{accession}||SC||^^^^^S||202611240830-0600",
            f"OBR|1|P{accession}|F{accession}|CTHEAD^CT head^L{'|' * 14}{accession}{'|' * 13}{reason}",
            "",
        ]
    ).encode()


def report(control: str, accession: str, mrn: str) -> bytes:
    """A final report from elsewhere."""
    return "\r".join(
        [
            f"MSH|^~\\&|RIS|LMH|CONFRERE|LMH|20261124||ORU^R01|{control}|P|2.5.1",
            f"PID|1||{mrn}^^^LMH-MRN^MR||{ROE}",
            f"OBR|1||{accession}|CTHEAD^CT head^L|||20261124083000-0600{'|' * 11}{accession}"
            f"{'|' * 4}20261124090000-0600|||F",
            "OBX|1|TX|18748-4^Report^LN||No hemorrhage.||||||F",
            "",
        ]
    ).encode()


def done(house: House, control: str) -> bool:
    """Whether a message was processed."""
    with house.reading() as conn:
        return any(m.control_id == control for m in delivery.inbox(conn, ["done"], 1000))


def test_an_order_without_a_patient_is_kept_and_names_what_is_missing(house: House) -> None:
    control = control_id()
    raw = order(control, "LM1", mrn="")
    assert send_hl7(house, raw).code == "AA"
    message = failed(house, control)
    assert message.field == "PID-3"
    assert message.content == raw


@pytest.mark.parametrize("kind", ["order", "report"])
def test_a_wrong_accession_number_changes_no_other_patients_order(
    house: House, kind: str
) -> None:
    accession, control, wrong = f"LM{control_id()}", control_id(), control_id()
    hers, his = f"M{control_id()}", f"M{control_id()}"
    assert send_hl7(house, order(control, accession, hers)).code == "AA"
    wait_for(lambda: done(house, control), 15, house.said)
    sent = (
        order(wrong, accession, his, who=ROE)
        if kind == "order"
        else report(wrong, accession, his)
    )
    assert send_hl7(house, sent).code == "AA"
    assert failed(house, wrong).field == "OBR-18"
    with house.http("lakeshore radiologist") as web:
        asked = {"identifier": accession, "_include": "ServiceRequest:subject"}
        bundle = web.get("/fhir/ServiceRequest", params=asked).raise_for_status().json()
    kinds = {one["resource"]["resourceType"]: one["resource"] for one in bundle["entry"]}
    assert kinds["Patient"]["identifier"][0]["value"] == hers
    assert kinds["ServiceRequest"]["status"] == "active"


def test_an_escaped_carriage_return_makes_no_segment(house: House) -> None:
    accession, control, mrn = f"LM{control_id()}", control_id(), f"M{control_id()}"
    evil = f"Fall\\X0D\\PID|1||{mrn}X^^^LMH-MRN^MR||EVIL^EVE\\X0D0A\\OBX|1|TX|X||\\X0B\\"
    answer = send_hl7(house, order(control, accession, mrn, evil))
    assert answer.code == "AA"
    wait_for(lambda: done(house, control), 15, house.said)
    with house.http("lakeshore radiologist") as web:
        for value, count in ((mrn, 1), (f"{mrn}X", 0)):
            found = web.get("/fhir/Patient", params={"identifier": value}).json()
            assert len(found.get("entry", [])) == count
        asked = {"identifier": accession}
        (entry,) = web.get("/fhir/ServiceRequest", params=asked).json()["entry"]
    assert "Fall" in json.dumps(entry["resource"])


def raw_answer(house: House, raw: bytes) -> bytes:
    """Send bytes in an MLLP frame as they are and return the whole answer."""
    with socket.create_connection(("127.0.0.1", house.ports["mllp"]), 10) as line:
        line.settimeout(15)
        line.sendall(b"\x0b" + raw + b"\x1c\r")
        answer = b""
        while not answer.endswith(b"\x1c\r"):
            more = line.recv(4096)
            assert more
            answer += more
    return answer


def test_an_escaped_control_id_forges_no_acknowledgement(house: House) -> None:
    forged = f"{control_id()}\\X0D\\MSA"
    answer = raw_answer(house, patient_update(forged))
    assert [line[:3] for line in answer.strip(b"\x0b\x1c\r").split(b"\r")] == [b"MSH", b"MSA"]


def test_letters_as_delimiters_are_rejected_with_the_remedy(house: House) -> None:
    answer = raw_answer(house, patient_update().replace(b"MSH|^~\\&|", b"MSH|abcd|"))
    assert b"MSA|AR|" in answer
    assert b"delimiters" in answer
    assert b"MSH" in answer.partition(b"ERR|")[2]


def test_an_unknown_sender_is_rejected_and_told_what_to_do(house: House) -> None:
    answer = send_hl7(house, patient_update(sender="WHO|KNOWS"))
    assert answer.code == "AR"
    assert "not registered" in answer.text
    assert "network page" in answer.text
    assert noted_refusal(house, "hl7").detail["application"] == "WHO"


def test_a_report_is_signed_once(house: House) -> None:
    accession, control = f"LM{control_id()}", control_id()
    (image,) = slices(1)
    complete = order(control, accession, "M300").replace(b"||SC||", b"||CM||")
    assert send_hl7(house, complete).code == "AA"
    wait_for(lambda: done(house, control), 15, house.said)
    read = decode(DicomBytesIO(image.content), is_implicit_vr=False, is_little_endian=True)
    read.AccessionNumber, read.PatientID = accession[:16], "M300"
    content = encode(read, is_implicit_vr=False, is_little_endian=True)
    assert content
    assert statuses(house, [replace(image, content=content)]) == [SUCCESS]
    with house.http("prairie radiologist", origin=house.url) as web:
        wait_for(lambda: web.get("/api/next").json()["item"], 20, house.said)
        item = web.get("/api/next").json()["item"]
        claim = web.post(f"/api/items/{item}/claim").raise_for_status().json()
        signed = {
            "token": claim["token"], "kind": "final",
            "sections": {"findings": "None.", "impression": "Normal."},
        }  # fmt: skip
        once = web.post(f"/api/items/{item}/sign", json=signed)
        assert once.status_code == 200, once.text
        twice = web.post(f"/api/items/{item}/sign", json=signed)
        assert twice.status_code == 409
        said = twice.json()
    assert said["error"]
    assert said["remedy"]
