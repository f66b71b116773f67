"""The study page for its holder, others, other groups, and sites that dictate elsewhere."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
import sqlalchemy as sa

from confrere.assets import default_folder
from confrere.audit import service as audit
from confrere.audit.service import EventQuery
from confrere.database.engine import transaction
from confrere.kernel.ids import ReportId
from confrere.kernel.principal import Role
from confrere.network.model import READS_ELSEWHERE
from confrere.network.tables import sites
from confrere.wiring import results
from tests.database import Databases
from tests.integration.reading_room import CURRENT, PRIOR, Room, reading_room, stranger
from tests.integration.world import NOW

SECRETS = ("DOE", "JANE", "M1<", "LM100", "1962", "worst of life")
TEXT = {"findings": "Left thalamic haemorrhage.", "impression": "1. Acute bleed."}


@pytest.fixture
def room(fresh: Databases, tmp_path: Path) -> Iterator[Room]:
    with reading_room(fresh, tmp_path, default_folder()) as made:
        yield made


def change_site(room: Room, **values: str) -> None:
    with transaction(room.made.system, frozenset()) as conn:
        conn.execute(sa.update(sites).values(**values))


def test_the_page_shows_the_patient_the_clock_and_everything_beside_the_images(
    room: Room,
) -> None:
    page = room.reader("neuro").get(room.path)
    assert page.status_code == 200
    for words in (
        "DOE, JANE", "born 12 Apr 1962", "LMH-MRN", "LM100", "CT head without contrast",
        "clock: order status", "Sudden headache, worst of life. Bleed?",
        "Patient moved, two slices repeated", "Old left lacunar infarct", "reported elsewhere",
        "same region, CT", "20 Oct 2025",
    ):  # fmt: skip
        assert words in page.text, words
    assert (
        f'src="/ohif/viewer?StudyInstanceUIDs={CURRENT},{PRIOR}'
        "&amp;hangingProtocolId=@confrere/comparePrior" in page.text
    )
    assert 'id="claim"' in page.text
    title = re.search("<title>(.*?)</title>", page.text, re.DOTALL)
    assert title
    assert "DOE" not in title[1]


def test_why_me_tells_each_rule_with_its_reason_and_remedy(room: Room) -> None:
    page = room.reader("neuro").get(room.path).text
    assert "Why me?" in page
    assert "neuro · Prairie" in page
    assert "no licence in IL" in page
    assert "state medical practice acts" in page
    assert "Ulrich, Uma" in page
    assert "Gray, Gail" not in page, "another group's reader stays unnamed"
    told = room.reader("neuro").get(f"{room.api}/eligibility").json()["readers"]
    assert told[0]["me"]
    assert told[0]["eligible"]
    assert [one["name"] for one in told].count(None) == 1


def test_the_holder_has_the_editor_and_others_see_who_holds_it(room: Room) -> None:
    holder, other = room.reader("neuro"), room.reader("colleague")
    assert holder.post(f"{room.api}/claim").status_code == 200
    page = holder.get(room.path).text
    assert re.search(r'<form id="editor" autocomplete="off">', page)
    assert 'id="sign"' in page
    seen = other.get(room.path).text
    assert "<b>Novak, Nina</b> has this exam" in seen
    assert 'id="sign"' not in seen
    assert "hold_token" not in seen
    refusal = other.post(f"{room.api}/claim")
    assert refusal.status_code == 409
    assert "Novak, Nina has this exam" in refusal.json()["error"]
    assert other.get(room.api).json()["hold"]["token"] is None


def test_another_groups_reader_finds_nothing(room: Room) -> None:
    with transaction(room.made.system, frozenset()) as conn:
        group, reader = stranger(conn, room.world)
    outsider = room.browser(room.person(Role.RADIOLOGIST, group, reader))
    for path in ("", "/viewer", "/report", "/delivery"):
        assert outsider.get(room.path + path).status_code == 404
    for path in ("", "/eligibility"):
        assert outsider.get(room.api + path).status_code == 404
    assert outsider.post(f"{room.api}/claim").status_code == 404


def test_an_unlicensed_reader_sees_the_reasons_and_nothing_of_the_patient(room: Room) -> None:
    reader = room.reader("unlicensed")
    for path in (room.path, f"{room.path}/viewer", f"{room.path}/report", room.api):
        answer = reader.get(path)
        assert answer.status_code == 200
        assert "no licence in IL" in answer.text
        for secret in (*SECRETS, CURRENT, PRIOR):
            assert secret not in answer.text, (path, secret)
    refusal = reader.post(f"{room.api}/claim")
    assert refusal.status_code == 403
    assert "LIC_PATIENT" in refusal.json()["error"]
    with transaction(room.made.system, frozenset()) as conn:
        links = audit.events(conn, EventQuery(owner_group=room.world.owner))
    assert ("E", "claim", "refused") in [
        (one.event.action, one.event.kind, one.event.outcome) for one in links
    ]


def test_a_manager_of_the_reading_group_learns_no_patient(room: Room) -> None:
    manager = room.browser(room.person(Role.GROUP_MANAGER, room.world.partner, None))
    page = manager.get(room.path).text
    assert not [secret for secret in SECRETS if secret in page]
    own = room.browser(room.person(Role.GROUP_MANAGER, room.world.owner, None))
    page = own.get(room.path).text
    assert "DOE, JANE" in page
    assert "Images are for readers" in page
    assert own.post(f"{room.api}/claim").status_code == 403


def test_a_site_with_its_own_dictation_hides_our_signature(room: Room) -> None:
    change_site(room, reporting=READS_ELSEWHERE)
    reader = room.reader("neuro")
    token = reader.post(f"{room.api}/claim").json()["token"]
    page = reader.get(room.path).text
    assert "Reported in the hospital's dictation system" in page
    assert 'id="sign"' not in page
    assert 'id="editor"' not in page
    body = {"token": token, "sections": TEXT, "kind": "final"}
    assert reader.post(f"{room.api}/sign", json=body).status_code == 403


def test_the_sites_own_viewer_opens_by_its_template(room: Room) -> None:
    change_site(room, viewer_url="https://pacs.example/open?uid={study_uid}&acc={accession}")
    page = room.reader("neuro").get(room.path).text
    assert f"https://pacs.example/open?uid={CURRENT}&amp;acc=LM100" in page
    change_site(room, viewer_url="javascript:alert('{study_uid}')")
    assert "javascript:" not in room.reader("neuro").get(room.path).text


def test_an_exam_without_images_says_what_to_do(room: Room) -> None:
    with transaction(room.made.system, frozenset()) as conn:
        conn.execute(sa.text("delete from study_orders where order_id = any(select unnest("
                             "order_ids) from items)"))  # fmt: skip
        conn.execute(sa.text("update items set study_id = null, image_count = 0"))
    page = room.reader("neuro").get(room.path).text
    assert "No images yet" in page
    assert '<b class="id">LM100</b> has reached Confrere' in page
    assert "<iframe" not in page


def test_images_that_name_another_patient_raise_the_alarm(room: Room) -> None:
    with transaction(room.made.system, frozenset()) as conn:
        conn.execute(sa.text("update studies set mrn = 'M999' where accession = 'LM100'"))
    page = room.reader("neuro").get(room.path).text
    assert "name the patient identifier M999, the exam M1" in page


def test_opening_is_noted_once_and_a_priors_text_when_it_is_shown(room: Room) -> None:
    reader = room.reader("neuro")
    reader.get(room.path)
    reader.get(room.path)
    with transaction(room.made.system, frozenset()) as conn:
        links = audit.events(conn, EventQuery(owner_group=room.world.owner))
    seen = [one.event.kind for one in links if one.event.action == "R"]
    assert sorted(seen) == ["report", "study"]


def test_the_results_way_to_the_site_is_shown_to_the_owner(room: Room) -> None:
    reader = room.reader("neuro")
    token = reader.post(f"{room.api}/claim").json()["token"]
    body = {"token": token, "sections": TEXT, "kind": "final"}
    made = reader.post(f"{room.api}/sign", json=body).json()
    with transaction(room.made.system, frozenset()) as conn:
        results.report_signed(conn, ReportId(UUID(made["report"])), 1, NOW)
        conn.execute(sa.text("update outgoing set attempts = 1, last_error = 'refused'"))
    owner = room.reader("general")
    assert "waiting, try 2" in owner.get(f"{room.path}/delivery").text
    with transaction(room.made.system, frozenset()) as conn:
        conn.execute(
            sa.text("update outgoing set state = 'sent', answer_code = 'AA', sent_at = :at"),
            {"at": NOW + timedelta(minutes=2)},
        )
    assert "acknowledged AA at" in owner.get(room.path).text
    page = owner.get(room.path).text
    assert "Left thalamic haemorrhage." in page
    assert "signed by Novak, Nina" in page
