"""On an exam's page: when its modality began and ended, and its images sent to a machine."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from confrere.assets import default_folder
from confrere.database.engine import transaction
from confrere.delivery import sendings
from confrere.network import service as network
from confrere.orders import performing
from confrere.orders.performed import Change, Step
from tests.database import Databases
from tests.integration.reading_room import CURRENT, Room, reading_room
from tests.integration.world import NOW


@pytest.fixture
def room(fresh: Databases, tmp_path: Path) -> Iterator[Room]:
    with reading_room(fresh, tmp_path, default_folder()) as made:
        yield made


def perform(room: Room) -> None:
    """A step of twenty minutes, told by the scanner."""
    world, begun = room.world, NOW - timedelta(minutes=40)
    step = Step("1.2.3.4", "IN PROGRESS", begun, "CT", "CT_ONE", study_uid=CURRENT)
    with transaction(room.made.system, frozenset()) as conn:
        performing.create(conn, world.owner, world.site, world.dicom, step, begun)
        ended = Change("COMPLETED", begun + timedelta(minutes=20), has_series=True)
        performing.change(conn, world.owner, world.dicom, "1.2.3.4", ended, NOW)


def test_begin_and_end_are_shown_in_the_sites_time(room: Room) -> None:
    perform(room)
    page = room.reader("general").get(room.path).text
    assert "begun" in page
    assert "08:20" in page  # Chicago
    assert "08:40" in page


def test_images_are_sent_once_and_only_by_their_own_group(room: Room) -> None:
    with transaction(room.made.system, frozenset()) as conn:
        known = network.peer(conn, room.world.dicom)
        there = network.register_peer(
            conn, replace(known, name="Archive", aet="ARCH", port=104)
        )
    path, form = f"{room.path}/sendings", {"peer": str(there)}
    own, partner = room.reader("general"), room.reader("neuro")
    assert "Archive (ARCH)" in own.get(path).text
    assert partner.get(path).status_code == 404
    assert partner.post(path, data=form).status_code == 404
    assert "0 of ? objects" in own.post(path, data=form).text
    assert own.post(path, data=form).status_code == 409
    study = room.item_now().study
    assert study is not None
    with transaction(room.made.app, frozenset({room.world.owner})) as conn:
        (kept,) = sendings.of_study(conn, study)
    assert (kept.peer, kept.state) == (there, "waiting")
