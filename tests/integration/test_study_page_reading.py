"""Claim, draft, sign and amend through the JSON API, as the page and programs do."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
import sqlalchemy as sa

from confrere.audit import service as audit
from confrere.audit.service import EventQuery
from confrere.database.engine import transaction
from confrere.kernel.principal import Role
from confrere.network import service as network
from confrere.wiring import exams
from confrere.worklist.model import State, shared_objects
from tests.database import Databases
from tests.integration.reading_room import Room, reading_room
from tests.integration.world import suspend

TEXT = {"findings": "Left thalamic haemorrhage.", "impression": "1. Acute bleed."}


@pytest.fixture
def room(fresh: Databases, tmp_path: Path) -> Iterator[Room]:
    with reading_room(fresh, tmp_path, tmp_path) as made:
        yield made


def claimed(room: Room, who: httpx.Client) -> str:
    answer = who.post(f"{room.api}/claim")
    assert answer.status_code == 200, answer.text
    return str(answer.json()["token"])


def sign(room: Room, who: httpx.Client, token: str, kind: str = "final") -> httpx.Response:
    body = {"token": token, "sections": TEXT, "kind": kind}
    return who.post(f"{room.api}/sign", json=body)


def noted(room: Room) -> list[tuple[str, str]]:
    with transaction(room.made.system, frozenset()) as conn:
        links = audit.events(conn, EventQuery(owner_group=room.world.owner))
    return [(one.event.action, one.event.kind) for one in reversed(links)]


def test_claim_draft_sign_and_addendum_from_beginning_to_end(room: Room) -> None:
    reader = room.reader("neuro")
    token = claimed(room, reader)
    draft = {"token": token, "version": 0, "sections": TEXT}
    saved = reader.put(f"{room.api}/draft", json=draft).json()
    assert saved["version"] == 1
    assert sign(room, reader, token, "preliminary").json()["kind"] == "preliminary"
    signed = sign(room, reader, token).json()
    assert (signed["kind"], signed["number"], signed["signer"]) == ("final", 2, "Novak, Nina")
    assert room.item_now().state is State.FINAL
    again = sign(room, reader, token)
    assert again.status_code == 409
    added = reader.post(f"/api/reports/{signed['report']}/addendum", json={"text": "Called."})
    assert (added.json()["kind"], added.json()["number"]) == ("addendum", 3)
    told = reader.get(room.api).json()["report"]
    assert [one["kind"] for one in told["versions"]] == ["preliminary", "final", "addendum"]
    assert told["versions"][1]["text"] == (
        "FINDINGS:\nLeft thalamic haemorrhage.\n\nIMPRESSION:\n1. Acute bleed."
    )
    acts = [one for one in noted(room) if one[0] != "R"]
    assert acts == [("C", "order"), ("E", "claim"), *[("C", "report")] * 3]


def test_a_bearer_token_claims_like_the_page(room: Room) -> None:
    reader = room.reader("neuro")
    token = claimed(room, reader)
    assert claimed(room, reader) == token, "a second window goes on with the same hold"
    released = reader.post(f"{room.api}/release", json={"token": token})
    assert released.json()["state"] == "waiting"


def test_a_draft_that_another_window_changed_is_not_overwritten(room: Room) -> None:
    reader = room.reader("neuro")
    token = claimed(room, reader)
    first = {"token": token, "version": 0, "sections": {"findings": "one"}}
    assert reader.put(f"{room.api}/draft", json=first).status_code == 200
    late = {"token": token, "version": 0, "sections": {"findings": "two"}}
    refusal = reader.put(f"{room.api}/draft", json=late)
    assert refusal.status_code == 409
    assert "another window" in refusal.json()["error"]
    told = reader.get(room.api).json()["report"]["draft"]
    assert (told["version"], told["sections"]["findings"]) == (1, "one")


def test_a_stale_claim_neither_saves_nor_signs_nor_renews(room: Room) -> None:
    reader, other = room.reader("neuro"), room.reader("colleague")
    token = claimed(room, reader)
    room.site.clock.forward(minutes=31)
    assert other.post(f"{room.api}/claim").status_code == 200
    refusal = sign(room, reader, token)
    assert refusal.status_code == 409
    assert "Rowe, Rita has it now" in refusal.json()["error"]
    draft = {"token": token, "version": 0, "sections": TEXT}
    assert reader.put(f"{room.api}/draft", json=draft).status_code == 409
    for act in ("renew", "release"):
        assert reader.post(f"{room.api}/{act}", json={"token": token}).status_code == 409
    assert room.item_now().state is State.HELD


def test_activity_keeps_the_hold(room: Room) -> None:
    reader, other = room.reader("neuro"), room.reader("colleague")
    token = claimed(room, reader)
    room.site.clock.forward(minutes=20)
    assert reader.post(f"{room.api}/renew", json={"token": token}).status_code == 200
    room.site.clock.forward(minutes=20)
    assert other.post(f"{room.api}/claim").status_code == 409


def test_a_resident_signs_preliminary_only(room: Room) -> None:
    resident = room.browser(room.account("colleague", Role.RESIDENT))
    token = claimed(room, resident)
    refusal = sign(room, resident, token)
    assert refusal.status_code == 403
    assert sign(room, resident, token, "preliminary").status_code == 200
    assert room.item_now().state is State.PRELIMINARY
    page = resident.get(room.path).text
    assert 'id="preliminary"' in page
    assert 'id="sign"' not in page


def test_an_empty_report_is_not_signed_and_the_field_is_named(room: Room) -> None:
    reader = room.reader("neuro")
    token = claimed(room, reader)
    empty = {"token": token, "sections": {"technique": "CT."}, "kind": "final"}
    refusal = reader.post(f"{room.api}/sign", json=empty)
    assert (refusal.status_code, refusal.json()["field"]) == (422, "impression")


def test_next_is_what_was_offered_and_never_the_exam_just_left(room: Room) -> None:
    reader = room.reader("neuro")
    assert reader.get("/api/next").json()["item"] == str(room.item)
    assert reader.get("/api/next", params={"after": str(room.item)}).json()["item"] is None
    assert room.reader("unlicensed").get("/api/next").json()["item"] is None


def test_the_signer_corrects_after_the_agreement_ended_but_a_colleague_does_not(
    room: Room,
) -> None:
    reader, colleague = room.reader("neuro"), room.reader("colleague")
    report = sign(room, reader, claimed(room, reader)).json()["report"]
    with transaction(room.made.system, frozenset()) as conn:
        suspend(conn, room.world)
    path, body = f"/api/reports/{report}/addendum", {"text": "Right, not left."}
    refusal = colleague.post(path, json=body)
    assert refusal.status_code == 403
    assert "CONSENT_ORG" in refusal.json()["error"]
    assert reader.post(path, json=body).status_code == 200
    assert room.reader("general").post(path, json=body).status_code == 403


def test_late_images_make_a_task_that_an_addendum_finishes(room: Room) -> None:
    reader = room.reader("neuro")
    report = sign(room, reader, claimed(room, reader)).json()["report"]
    task = late_task(room)
    page = reader.get(f"/items/{task}").text
    assert "Images came after the signature" in page
    assert 'id="sign-addendum"' in page
    wrong = {"text": "Seen.", "item": str(room.item)}
    assert reader.post(f"/api/reports/{report}/addendum", json=wrong).status_code == 422
    right = {"text": "No change.", "item": task}
    assert reader.post(f"/api/reports/{report}/addendum", json=right).status_code == 200
    again = reader.post(f"/api/reports/{report}/addendum", json=right)
    assert again.status_code == 409
    assert reader.get(f"/api/items/{task}").json()["state"] == "final"


def late_task(room: Room) -> str:
    done = room.item_now()
    assert done.study is not None
    with transaction(room.made.system, frozenset()) as conn:
        task = exams.study_changed(conn, done.study, room.site.clock(), new_images=True)
        assert task is not None
        assert task.kind == "addendum"
        objects = shared_objects(task)
        network.share(
            conn, task.owner_group, room.world.partner, objects, "late images", task.created_at
        )
    return str(task.id)


def test_nobody_changes_what_was_signed(room: Room) -> None:
    reader = room.reader("neuro")
    token = claimed(room, reader)
    report = sign(room, reader, token).json()["report"]
    with (
        pytest.raises(sa.exc.DBAPIError, match="never changed"),
        transaction(room.made.system, frozenset()) as conn,
    ):
        conn.execute(sa.text("update report_versions set text = 'x'"))
    draft = {"token": token, "version": 1, "sections": TEXT}
    assert reader.put(f"{room.api}/draft", json=draft).status_code == 409
    assert (
        reader.post(f"/api/reports/{uuid4()}/addendum", json={"text": "x"}).status_code == 404
    )
    assert report
