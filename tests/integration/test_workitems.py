"""UPS-RS: other worklist clients see, claim and give back the exams of the worklist."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from confrere.audit import service as audit
from confrere.audit.service import EventQuery
from confrere.database.engine import transaction
from confrere.kernel.principal import Role
from confrere.worklist.model import State
from tests.database import Databases
from tests.integration.reading_room import CURRENT, Room, reading_room

ITEMS = "/dicom-web/workitems"
MINE, OTHER = "2.25.111", "2.25.222"
TEXT = {"findings": "Left thalamic haemorrhage.", "impression": "1. Acute bleed."}


@pytest.fixture
def room(fresh: Databases, tmp_path: Path) -> Iterator[Room]:
    with reading_room(fresh, tmp_path, tmp_path) as made:
        yield made


def url(room: Room) -> str:
    return f"{ITEMS}/2.25.{room.item.int}"


def ask(room: Room, who: httpx.Client, state: str, uid: str = MINE) -> httpx.Response:
    body = {
        "00741000": {"vr": "CS", "Value": [state]},
        "00081195": {"vr": "UI", "Value": [uid]},
    }
    headers = {"content-type": "application/dicom+json"}
    return who.put(f"{url(room)}/state", json=[body], headers=headers)


def stands(room: Room, who: httpx.Client) -> Any:
    (made,) = who.get(url(room)).json()
    return made["00741000"]["Value"][0]


def test_a_foreign_client_claims_gives_back_and_finds_it_signed(room: Room) -> None:
    reader = room.reader("neuro")
    (found,) = reader.get(ITEMS, params={"ProcedureStepState": "SCHEDULED"}).json()
    assert found["00080018"]["Value"] == [f"2.25.{room.item.int}"]
    source = found["00404021"]["Value"][0]
    assert source["0020000D"]["Value"] == [CURRENT]
    assert ask(room, reader, "IN PROGRESS").status_code == 200
    assert room.item_now().state is State.HELD
    assert stands(room, reader) == "IN PROGRESS"
    assert MINE not in reader.get(url(room)).text, "the transaction UID is never told"
    unsigned = ask(room, reader, "COMPLETED")
    assert (unsigned.status_code, "not signed" in unsigned.json()["message"]) == (409, True)
    assert unsigned.headers["warning"].startswith('299 confrere: "the report is not signed')
    wrong = ask(room, reader, "CANCELED", OTHER)
    assert (wrong.status_code, wrong.json()["field"]) == (400, "TransactionUID")
    assert room.item_now().state is State.HELD
    assert ask(room, reader, "CANCELED").status_code == 200
    assert room.item_now().state is State.WAITING
    assert ask(room, reader, "CANCELED").status_code == 409
    assert ask(room, reader, "IN PROGRESS", OTHER).status_code == 200
    token = str(room.item_now().hold_token)
    body = {"token": token, "sections": TEXT, "kind": "final"}
    assert reader.post(f"{room.api}/sign", json=body).status_code == 200
    done = ask(room, reader, "COMPLETED", OTHER)
    assert (done.status_code, "already" in done.headers["warning"]) == (200, True)
    assert stands(room, reader) == "COMPLETED"
    assert ask(room, reader, "CANCELED", OTHER).status_code == 409
    with transaction(room.made.system, frozenset()) as conn:
        links = audit.events(conn, EventQuery(owner_group=room.world.owner))
    acts = [(one.event.kind, one.event.door) for one in reversed(links)]
    assert acts.count(("claim", "dicomweb")) == 2
    assert ("release", "dicomweb") in acts
    assert ("worklist", "dicomweb") in acts


def test_one_exam_has_one_winner_and_one_transaction(room: Room) -> None:
    reader, colleague = room.reader("neuro"), room.reader("colleague")
    assert ask(room, reader, "IN PROGRESS").status_code == 200
    until = room.item_now().lease_until
    assert until
    room.site.clock.forward(minutes=1)
    assert ask(room, reader, "IN PROGRESS").status_code == 200, "the same again renews"
    renewed = room.item_now().lease_until
    assert renewed
    assert renewed > until
    assert ask(room, reader, "IN PROGRESS", OTHER).status_code == 409
    lost = ask(room, colleague, "IN PROGRESS", OTHER)
    assert (lost.status_code, "has this exam" in lost.json()["message"]) == (409, True)
    assert ask(room, colleague, "CANCELED").status_code == 400, "another's UID opens nothing"
    assert colleague.post(f"{url(room)}/cancelrequest").status_code == 409
    assert room.item_now().state is State.HELD
    assert reader.post(f"{url(room)}/cancelrequest").status_code == 202
    assert room.item_now().state is State.WAITING


def test_who_may_not_read_it_learns_no_patient_and_cannot_claim(room: Room) -> None:
    manager = room.browser(room.person(Role.GROUP_MANAGER, room.world.partner, None))
    for address in (ITEMS, url(room)):
        (made,) = manager.get(address).json()
        assert made["00741000"]["Value"] == ["SCHEDULED"]
        assert not {"00100010", "00100020", "0040A370", "00404021"} & set(made)
    assert manager.get(ITEMS, params={"PatientName": "*"}).json() == []
    own = room.browser(room.person(Role.GROUP_MANAGER, room.world.owner, None))
    assert "00100010" in own.get(url(room)).json()[0]
    assert ask(room, own, "IN PROGRESS").status_code == 403
    assert room.item_now().state is not State.HELD
    with httpx.Client(base_url=str(own.base_url)) as nobody:
        assert nobody.get(ITEMS).status_code == 401


@pytest.mark.parametrize(
    ("key", "value", "count"),
    [
        ("PatientName", "*", 1),
        ("PatientName", "Nobody*", 0),
        ("00741000", "SCHEDULED,IN PROGRESS", 1),
        ("ProcedureStepState", "COMPLETED", 0),
        ("ScheduledProcedureStepStartDateTime", "20200101-", 1),
        ("ScheduledProcedureStepStartDateTime", "-20200101", 0),
        ("AccessionNumber", "no such", 0),
        ("0040A370.00080050", "*", 1),
        ("offset", "1", 0),
    ],
)
def test_workitems_are_searched(room: Room, key: str, value: str, count: int) -> None:
    answer = room.reader("neuro").get(ITEMS, params={key: value})
    assert (answer.status_code, len(answer.json())) == (200, count)


def test_bad_requests_are_told_what_is_wrong(room: Room) -> None:
    reader = room.reader("neuro")
    assert reader.get(ITEMS, params={"Rows": "1"}).json()["field"] == "Rows"
    assert reader.get(ITEMS, params={"limit": "-1"}).status_code == 400
    assert reader.get(ITEMS, headers={"accept": "application/dicom+xml"}).status_code == 406
    for uid in ("1.2.3", "2.25.x", "2.25." + "9" * 39, "2.25.0"):
        assert reader.get(f"{ITEMS}/{uid}").status_code == 404
    for body in (b"", b"{", b"[]", b'"x"', b'{"00741000":{"Value":[]}}', b"[" * 9999):
        assert reader.put(f"{url(room)}/state", content=body).status_code == 400
    assert reader.put(f"{url(room)}/state", content=bytes(70_000)).json()["field"] == "body"
    assert ask(room, reader, "SCHEDULED").json()["field"] == "ProcedureStepState"
    assert ask(room, reader, "IN PROGRESS", "no uid").json()["field"] == "TransactionUID"
    for method, path in (
        ("POST", ITEMS), ("POST", url(room)), ("POST", f"{url(room)}/subscribers/AE"),
        ("DELETE", f"{url(room)}/subscribers/AE"), ("GET", "/dicom-web/subscribers/AE"),
    ):  # fmt: skip
        assert reader.request(method, path).status_code == 501, path


def test_the_capabilities_name_the_workitems(room: Room) -> None:
    told = room.reader("neuro").options("/dicom-web/")
    assert told.status_code == 200
    assert 'path="workitems"' in told.text
    assert "cancelrequest" in told.text
    assert 'name="ProcedureStepState"' in told.text
    assert "subscribers" not in told.text, "what is answered with 501 is no capability"
