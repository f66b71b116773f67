"""Hanging protocols: kept by person, replaced, removed, and given to that person's viewer."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from confrere.database.engine import transaction
from confrere.kernel.principal import Role
from confrere.network import service as network
from tests.database import Databases
from tests.integration.reading_room import CURRENT, Room, reading_room

PATH = "/hanging"
BRAIN = {"modality": "CT", "region": "head", "layout": "1x1", "windows": "Brain 80/40"}


@pytest.fixture
def room(fresh: Databases, tmp_path: Path) -> Iterator[Room]:
    with reading_room(fresh, tmp_path, tmp_path) as made:
        yield made


def test_a_hanging_protocol_is_the_persons_own_from_the_form_to_the_viewer(room: Room) -> None:
    mine, theirs = room.reader("neuro"), room.reader("colleague")
    assert "None yet" in mine.get(PATH).text
    assert mine.post(PATH, data=BRAIN).status_code == 200
    replaced = mine.post(PATH, data=BRAIN | {"first": "axial", "layout": "2x2"})
    assert "Kept for CT head" in replaced.text
    shown = mine.get(PATH).text
    assert shown.count("Remove<span") == 1
    assert "Brain 80/40" in shown
    assert "None yet" in theirs.get(PATH).text
    config = mine.get("/ohif/app-config.js").text
    assert '"first": "axial"' in config
    assert '"hangings": []' in theirs.get("/ohif/app-config.js").text
    (wish,) = re.findall(r'"hangings": \[\{"id": "([0-9a-f-]+)"', config)
    assert (
        f"hangingProtocolId=@confrere/series&amp;desk={room.item}" in mine.get(room.path).text
    )
    assert wish in mine.get(room.path).text
    assert wish not in theirs.get(room.path).text
    theirs.post(f"{PATH}/{wish}/remove")
    assert "Brain 80/40" in mine.get(PATH).text
    mine.post(f"{PATH}/{wish}/remove")
    assert "None yet" in mine.get(PATH).text


def test_a_bad_window_is_refused_with_the_way_to_write_it(room: Room) -> None:
    answer = room.reader("neuro").post(PATH, data=BRAIN | {"windows": "brain"})
    assert answer.status_code == 422
    assert "Brain 80/40" in answer.text


def test_mammography_is_for_reference_and_the_prior_has_a_window_of_its_own(
    room: Room,
) -> None:

    mine = room.reader("neuro")
    assert mine.post(f"{room.api}/claim", json={}).status_code == 200
    assert "Reference only" not in mine.get(room.path).text
    assert 'id="prior"' in mine.get(f"{room.path}/prior").text
    with transaction(room.made.system, frozenset()) as conn:
        conn.execute(text("update items set modality = 'MG'"))
        conn.execute(text("update sites set viewer_url = 'https://pacs.example/{accession}'"))
    page = mine.get(room.path).text
    assert "Reference only" in page
    assert 'class="btn2 pr" href="https://pacs.example/LM100"' in page


def test_a_site_records_its_viewer_and_a_reader_launches_it_by_file(room: Room) -> None:
    reader = room.reader("neuro")
    engineer = room.browser(room.person(Role.IT_ENGINEER, room.world.owner, None))
    path = f"/network/sites/{room.world.site}/viewer"
    assert reader.get(f"{room.path}/launch").status_code == 404
    form = {
        "url": "https://pacs.example/{accession}", "launch_name": "launch.xml",
        "launch_text": '<open acc="{accession}" study="{study_uid}"/>',
        "cleared_on": "2026-11-01",
    }  # fmt: skip
    assert reader.post(path, data=form).status_code == 403
    assert "is recorded" in engineer.post(path, data=form).text
    assert f'href="{room.path}/launch"' in reader.get(room.path).text
    file = reader.get(f"{room.path}/launch")
    assert file.text == f'<open acc="LM100" study="{CURRENT}"/>'
    assert file.headers["content-disposition"] == 'attachment; filename="launch.xml"'
    for field, bad in (
        ("url", "javascript:alert(1)"), ("launch_name", "../x.xml"), ("launch_text", ""),
        ("cleared_on", "2099-01-01"), ("cleared_on", "soon"),
    ):  # fmt: skip
        assert engineer.post(path, data=form | {field: bad}).status_code == 422
    with transaction(room.made.system, frozenset()) as conn:
        site = network.site(conn, room.world.site)
    assert str(site.viewer_cleared_on) == "2026-11-01"
