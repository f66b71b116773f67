"""Whoever had an exam that a lead moved is told who has it now, on the page and in the answers."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from confrere.assets import default_folder
from confrere.database.engine import transaction
from confrere.kernel.ids import ReaderId
from confrere.kernel.principal import Role
from confrere.network import service as network
from confrere.worklist import moving
from confrere.worklist.moving import Order
from tests.database import Databases
from tests.integration.reading_room import Room, colleague, reading_room
from tests.integration.world import NOW

TOLD = "Lea Lead gave this exam to Rowe, Rita: Nina is wanted in the angiography suite"


@pytest.fixture
def room(fresh: Databases, tmp_path: Path) -> Iterator[Room]:
    with reading_room(fresh, tmp_path, default_folder()) as made:
        yield made


def move_away(room: Room, *, home: bool = False) -> None:
    with transaction(room.made.system, frozenset()) as conn:
        to = colleague(conn, room.world)
        if home:
            twin = network.reader(conn, to, NOW)
            made = replace(twin, id=ReaderId(uuid4()), group=room.world.owner, npi="")
            to = network.add_reader(conn, made)
        directory = network.directory(conn, NOW)
        order = Order("Lea Lead", room.world.owner, TOLD.split(": ")[1], room.world.neuro)
        moving.move(conn, room.item, directory.readers[to], order, directory, NOW)


def test_the_holder_is_told_and_the_draft_is_kept(room: Room) -> None:
    reader = room.reader("neuro")
    token = reader.post(f"{room.api}/claim").json()["token"]
    draft = {"token": token, "version": 0, "sections": {"findings": "Bleed."}}
    assert reader.put(f"{room.api}/draft", json=draft).status_code == 200
    move_away(room)
    assert reader.get(room.api).json()["moved"] == TOLD
    assert "gave this exam to" in reader.get(room.path).text
    late = reader.put(f"{room.api}/draft", json=draft | {"version": 1})
    assert (late.status_code, TOLD in late.json()["error"]) == (409, True)
    rita = room.browser(account_of_who_has_it(room))
    taken = rita.post(f"{room.api}/claim").json()
    assert taken["draft"]["sections"]["findings"] == "Bleed."
    assert rita.get(room.api).json()["moved"] is None


def account_of_who_has_it(room: Room) -> str:
    """An account of the reader who was given the exam."""
    with transaction(room.made.system, frozenset()) as conn:
        readers = network.directory(conn, NOW).readers
    one = readers[room.item_now().offered_to or room.world.neuro]
    return room.person(Role.RADIOLOGIST, one.group, one.id, one.name)


def test_a_partners_holder_is_told_although_the_exam_is_out_of_sight(room: Room) -> None:
    reader = room.reader("neuro")
    assert reader.post(f"{room.api}/claim").status_code == 200
    move_away(room, home=True)
    gone = reader.get(room.api)
    assert (gone.status_code, TOLD in gone.json()["error"]) == (409, True)
    assert TOLD in reader.get(room.path, headers={"accept": "text/html"}).text
    other = room.reader("unlicensed")
    assert other.get(room.api).status_code == 404
