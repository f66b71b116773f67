"""Demonstration traffic goes through the real doors, and the sites' listeners answer."""

import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random

import pytest
import sqlalchemy as sa

from confrere.demo import build as demo
from confrere.demo import listeners, machines, messages, phantom, pictures, places, scenes
from confrere.demo.traffic import Traffic
from confrere.hl7.acknowledge import Stamp
from confrere.hl7.sender import Sender
from confrere.settings import Settings
from confrere.wiring.dicom_door import open_dicom_door
from confrere.wiring.hl7_door import open_hl7_door
from confrere.wiring.house import House, open_house
from confrere.wiring.peers import PeerBook
from tests.database import clone, drop
from tests.unit.test_demo_messages import ORDER

SECOND = timedelta(seconds=1)
HEAD_REQUEST = phantom.PhantomRequest(
    "A^B", "1", "X", date(1950, 1, 1), "F", "", "k", datetime(2026, 1, 1, tzinfo=UTC), "", "",
    "", "P",
)  # fmt: skip


@dataclass
class Doors:
    """The real doors of one house, and a sender."""

    house: House
    traffic: Traffic
    stop: threading.Event

    def rows(self, query: str) -> list[tuple[object, ...]]:
        """What the database holds."""
        with self.house.system.connect() as conn:
            return [tuple(row) for row in conn.execute(sa.text(query))]


@pytest.fixture(scope="module")
def doors(
    postgres_socket: str, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Doors]:
    database = clone(postgres_socket, template)
    ports = machines.free_ports({"HCM": 0, "LIC": 0})
    demo.build(database.system, datetime.now(UTC), 3, {}, exams=200)
    settings = Settings(
        home=tmp_path_factory.mktemp("home"), dicom_port=ports["HCM"], mllp_port=ports["LIC"],
        database_url=database.url("confrere_app"),
        database_system_url=database.url("confrere_system"),
    )  # fmt: skip
    house = open_house(settings)
    book = PeerBook(house.system, house.now)
    dicom = open_dicom_door(house, book, "127.0.0.1", settings.dicom_port)
    hl7 = open_hl7_door(house, book, "127.0.0.1", settings.mllp_port)
    stop = threading.Event()
    try:
        yield Doors(house, Traffic(settings, 3, Random(3), stop, house.now), stop)
    finally:
        dicom.stop(SECOND)
        hl7.stop(SECOND)
        house.close()
        drop(database)


def test_every_light_scene_is_taken_whole_by_the_doors(doors: Doors) -> None:
    assert all(doors.traffic.perform(scene) for scene in scenes.LIGHT)
    stored = doors.rows("select study_uid, instance_count from studies")
    files = [pictures.samples()[one.pictures].files for one in scenes.LIGHT if one.pictures]
    assert len(stored) == len(files)
    assert sum(int(str(count)) for _, count in stored) == sum(map(len, files))
    assert doors.rows("select * from kept_aside") == []
    kinds = dict(doors.rows("select kind, count(*) from received group by kind"))
    ordered = sum(one.ordered for one in scenes.LIGHT)
    omi = sum(one.as_omi for one in scenes.LIGHT)
    imaged = sum(one.ordered and bool(one.pictures) for one in scenes.LIGHT)
    assert kinds == {"ADT^A04": ordered, "OMI^O23": omi, "ORM^O01": ordered - omi + imaged}
    syntaxes = doors.rows("select distinct transfer_syntax from instances")
    assert len(syntaxes) >= 4
    shared = (
        "select s.code from studies t join sites s on s.id = t.site_id "
        "where t.calling_aet = 'GRANITE_PACS' order by 1"
    )
    assert doors.rows(shared) == [("GBR",), ("TCC",)]


def test_the_opening_set_is_sent_once_and_the_story_again_after_hours(doors: Doors) -> None:
    folder = doors.house.settings.home / "demo"
    few = phantom.Stack(first=0.0, spacing=4.0, count=2, thickness=4.0)
    place = folder / "phantoms" / pictures.HEAD
    phantom.write_study(place, phantom.head_ct(HEAD_REQUEST, 3, stack=few))
    (place / "whole").touch()
    marker = folder / "opened"
    marker.touch()
    assert doors.traffic.open() == 0
    earlier = time.time() - 7 * 3600
    os.utime(marker, (earlier, earlier))
    assert doors.traffic.open() == 1
    hero = (
        "select t.patient_name, t.instance_count, g.code from studies t "
        "join groups g on g.id = t.owner_group where t.patient_name like 'Lindgren%'"
    )
    assert doors.rows(hero) == [("Lindgren^Harriet", 2, places.FOX)]
    assert doors.traffic.open() == 0


def test_traffic_goes_on_until_it_is_stopped(doors: Doors) -> None:
    before = len(doors.rows("select 1 from received"))
    going = threading.Thread(target=doors.traffic.go_on, args=(36_000,))
    going.start()
    wait = threading.Event()
    for _ in range(200):
        if len(doors.rows("select 1 from received")) >= before + 3:
            break
        wait.wait(0.05)
    doors.stop.set()
    going.join(15)
    assert not going.is_alive()
    assert len(doors.rows("select 1 from received")) >= before + 3


def test_a_sites_listener_keeps_what_it_gets_and_accepts_it(tmp_path: Path) -> None:
    listener = listeners.listen(tmp_path, "HCM", 0, lambda: datetime.now(UTC))
    try:
        now = datetime.now(UTC)
        raw = messages.report(ORDER, "Normal.", ("A B", "1"), now, now, Stamp(now, "R1"))
        answer = Sender().send("127.0.0.1", listener.address[1], raw, 5 * SECOND)
    finally:
        listener.stop(SECOND)
    assert answer.accepted
    (kept,) = (tmp_path / "received" / "HCM").iterdir()
    assert kept.read_bytes() == raw
