"""A gateway at a hospital, over a line that breaks: every image arrives once, STAT first."""

import contextlib
import gc
import random
import re
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa

from confrere.imaging import asides
from tests.acceptance.gateway_site import CT, ER, FaultyLine, Hospital, line_to
from tests.acceptance.house import House
from tests.acceptance.processes import wait_for
from tests.acceptance.senders import (
    Image,
    content_of,
    control_id,
    patient_update,
    retrieved,
    send,
    slices,
    statuses,
)

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

SUCCESS, REFUSED_FULL = 0x0000, 0xA700


@pytest.fixture
def line(house: House) -> Iterator[FaultyLine]:
    with line_to(house.ports["http"]) as made:
        yield made


@pytest.fixture
def hospital(house: House, line: FaultyLine, tmp_path: Path) -> Iterator[Hospital]:
    """An enrolled gateway that runs, at the first site of Lakeshore."""
    made = Hospital(tmp_path / "gateway", f"http://127.0.0.1:{line.port}")
    assert house.world
    done = made.command("enrol", new_code(house, "Gateway Main Street"))
    assert done.returncode == 0, done.stderr
    made.start()
    yield made
    if made.process and made.process.poll() is None:
        assert made.stop() == 0, made.said()


def new_code(house: House, name: str, downtime: str = "") -> str:
    """Let the IT engineer add a gateway; read its code off the page."""
    assert house.world
    with house.http("lakeshore IT engineer") as web:
        shown = web.post(
            "/network/gateways",
            data={"name": name, "site": str(house.world.site), "downtime": downtime},
        )
    assert shown.status_code == 200, shown.text
    (code,) = re.findall(r">((?:[A-Z2-7]{4}-){3}[A-Z2-7]{4})<", shown.text)
    return code


def arrivals(house: House, images: Sequence[Image]) -> list[str]:
    """Which of these images the centre filed, in the order in which they came."""
    asked = sa.text(
        "select sop_uid from instances where sop_uid = any(:uids) order by received_at, id"
    )
    with house.reading() as conn:
        return [row[0] for row in conn.execute(asked, {"uids": [one.uid for one in images]})]


def order(accession: str, priority: str) -> bytes:
    now = f"{datetime.now(UTC):%Y%m%d%H%M%S}"
    return "\r".join(
        [
            f"MSH|^~\\&|RIS|LMH|CONFRERE|LMH|{now}||ORM^O01|{control_id()}|P|2.5.1",
            "PID|1||M78^^^LMH-MRN^MR||ROE^RICHARD||19520412|M",
            f"ORC|NW|P{accession}|{accession}|||||{now}",
            f"OBR|1|P{accession}|{accession}|CTHEAD^CT head|{priority}|{now}||||||||||||{accession}"
            f"|||||||||^^^^^{priority}",
            "",
        ]
    ).encode()


class Machines:
    """Senders that send to the gateway, again from where they were after it was killed."""

    def __init__(self, hospital: Hospital) -> None:
        self._hospital = hospital
        self.acknowledged: set[str] = set()

    def send(self, images: Sequence[Image], calling: str, deadline: float = 60) -> None:
        """Send until each has its success; what is not acknowledged is sent again."""
        until = time.monotonic() + deadline
        while rest := [one for one in images if one.uid not in self.acknowledged]:
            assert time.monotonic() < until, f"{len(rest)} not taken"
            if self._hospital.listens():
                with contextlib.suppress(AssertionError, OSError):
                    send(self._hospital, rest, self._hear, calling)  # type: ignore[arg-type]
            time.sleep(0.05)
        gc.collect()  # sockets of killed associations: here, and not in a test that follows

    def _hear(self, image: Image, status: int) -> None:
        if status == SUCCESS:
            self.acknowledged.add(image.uid)


@pytest.mark.timeout(120)
def test_an_hour_without_a_line_and_two_kills_lose_nothing_and_stat_goes_first(
    house: House, line: FaultyLine, hospital: Hospital
) -> None:
    accession = f"LM{control_id()}"
    routine, urgent, emergency = (
        slices(300, series=2),
        slices(10, accession=accession, patient="M78"),
        slices(10),
    )
    before = slices(20)
    machines = Machines(hospital)
    machines.send(before, CT)
    wait_for(lambda: len(arrivals(house, before)) == len(before), 20, hospital.said)
    line.cut()
    with ThreadPoolExecutor(2) as pool:
        runs = [
            pool.submit(machines.send, routine[:150], CT),
            pool.submit(machines.send, routine[150:], CT),
        ]
        for share in (50, 150):
            wait_for(lambda: len(machines.acknowledged) > len(before) + share, 40)  # noqa: B023
            hospital.kill()
            hospital.start()
        for run in runs:
            run.result(60)
    machines.send(urgent, CT)
    machines.send(emergency, ER)
    assert str(hospital.send_hl7(order(accession, "S")).code) == "AA"
    told = hospital.status()
    assert (told["line"], told["images"]["STAT"]) == ("down", 20)
    assert sum(told["images"].values()) == 320
    assert arrivals(house, [*routine, *urgent, *emergency]) == []
    line.mend()
    everything = [*routine, *urgent, *emergency]
    wait_for(lambda: len(arrivals(house, everything)) == 320, 60, hospital.said)
    came = arrivals(house, everything)
    assert len(set(came)) == len(came)
    assert set(came[:20]) == {one.uid for one in (*urgent, *emergency)}
    wait_for(lambda: hospital.waiting() == 0, 20, hospital.said)
    with house.http("lakeshore radiologist") as web:
        files = retrieved(web, f"/studies/{routine[0].study}")
    assert {uid: content_of(file) for uid, file in files.items()} == {
        one.uid: one.content for one in routine
    }
    with house.reading() as conn:
        aside = asides.listed(conn, frozenset({house.groups["lakeshore"]}))
    assert not {one.sop_uid for one in aside} & set(came)


def test_messages_come_once_in_order_and_say_which_gateway_brought_them(
    house: House, line: FaultyLine, hospital: Hospital
) -> None:
    line.cut()
    sent = [patient_update(mrn=f"G{number}") for number in range(3)]
    for raw in [*sent, sent[0]]:
        assert str(hospital.send_hl7(raw).code) == "AA"
    assert str(hospital.send_hl7(sent[0].replace(b"ADT^A08", b"XXX^A08")).code) == "AR"
    hospital.kill()
    hospital.start()
    line.mend()
    asked = sa.text(
        "select content, address, door, state from received where door = 'gateway' "
        "order by received_at, id"
    )

    def kept() -> list[tuple[bytes, str, str, str]]:
        with house.reading() as conn:
            return [tuple(row) for row in conn.execute(asked)]

    wait_for(
        lambda: len([one for one in kept() if one[0] in sent and one[3] == "done"]) == 3,
        30, lambda: f"{kept()}{hospital.said()}",
    )  # fmt: skip
    mine = [one for one in kept() if one[0] in sent]
    assert sorted(bytes(one[0]) for one in mine) == sorted(sent)
    assert all("via Gateway Main Street" in one[1] for one in mine)


def test_a_large_object_goes_on_from_where_the_line_broke(
    house: House, hospital: Hospital, line: FaultyLine
) -> None:
    (small,) = slices(1)
    pixels = random.Random(4).randbytes(24 << 20)
    large = enlarged(small, pixels)
    carried = line.carried
    machines = Machines(hospital)
    line.cut_at = carried + (9 << 20)
    machines.send([large], CT)
    wait_for(lambda: line.cut_at == 0, 30, hospital.said)
    assert arrivals(house, [large]) == []
    line.mend()
    wait_for(lambda: arrivals(house, [large]) == [large.uid], 40, hospital.said)
    assert line.carried - carried < len(large.content) + (6 << 20)
    with house.http("lakeshore radiologist") as web:
        (file,) = retrieved(web, f"/studies/{large.study}").values()
    assert content_of(file) == large.content


def enlarged(image: Image, pixels: bytes) -> Image:
    """The image with other, many more pixels."""
    at = image.content.index(b"\xe0\x7f\x10\x00OW")
    length = len(pixels).to_bytes(4, "little")
    content = image.content[: at + 8] + length + pixels
    return replace(image, content=content)


def test_a_broken_object_is_refused_there_and_kept_aside_at_the_centre(
    house: House, hospital: Hospital
) -> None:
    (good,) = slices(1)
    broken = replace(good, content=good.content[:-100])
    assert statuses(hospital, [broken])[0] >= 0xC000  # type: ignore[arg-type]

    def kept() -> list[str]:
        with house.reading() as conn:
            listed_ = asides.listed(conn, frozenset({house.groups["lakeshore"]}))
        return [one.reason for one in listed_ if one.sop_uid == broken.uid]

    wait_for(lambda: len(kept()) == 1, 20, hospital.said)
    assert "cut short" in kept()[0]


def test_a_revoked_gateway_is_refused_and_keeps_what_it_has(
    house: House, hospital: Hospital
) -> None:
    with house.http("lakeshore IT engineer") as web:
        page = web.get("/network/gateways").text
        (key, *_) = re.findall(
            r"<b>Gateway Main Street</b>.*?/network/gateways/([0-9a-f-]{36})/revoke", page,
            re.DOTALL,
        )  # fmt: skip
        keys = set(re.findall(r"/network/gateways/([0-9a-f-]{36})/revoke", page))
        for one in keys:
            web.post(f"/network/gateways/{one}/downtime", data={"on": "yes"})
        wait_for(lambda: hospital.status()["readers"] > 0, 20, hospital.said)
        for one in keys:
            assert web.post(f"/network/gateways/{one}/revoke").status_code == 200
        assert web.post(f"/network/gateways/{key}/code").status_code == 409
    images = slices(2)
    assert statuses(hospital, images) == [SUCCESS, SUCCESS]  # type: ignore[arg-type]
    wait_for(lambda: "enrol it again" in hospital.status()["trouble"], 20, hospital.said)
    assert arrivals(house, images) == []
    wait_for(lambda: hospital.status()["readers"] == 0, 20, hospital.said)
    assert sum(hospital.status()["images"].values()) == 2


def test_a_nearly_full_disk_refuses_images_and_the_centre_is_told(
    house: House, line: FaultyLine, tmp_path: Path
) -> None:
    full = Hospital(tmp_path / "full", f"http://127.0.0.1:{line.port}", free_gigabytes=10**6)
    assert full.command("enrol", new_code(house, "Gateway Full")).returncode == 0
    full.start()
    try:
        assert statuses(full, slices(1)) == [REFUSED_FULL]  # type: ignore[arg-type]

        def told() -> bool:
            with house.http("lakeshore IT engineer") as web:
                return "disk is nearly full" in web.get("/network/gateways").text

        wait_for(told, 20, full.said)
    finally:
        assert full.stop() == 0


def test_a_code_enrols_once_and_strangers_send_nothing(house: House, tmp_path: Path) -> None:
    code = new_code(house, "Gateway Once")
    first, second = (Hospital(tmp_path / name, house.url) for name in ("first", "second"))
    assert first.command("enrol", code.lower()).returncode == 0
    again = second.command("enrol", code)
    assert again.returncode == 1
    assert "was used" in again.stderr
    with httpx.Client(base_url=house.url) as web:
        for path in ("/gateway/objects", "/gateway/messages", "/gateway/signs"):
            for headers in ({}, {"authorization": "Bearer nothing"}):
                assert web.post(path, headers=headers, content=b"{}").status_code == 403
    with house.http("prairie IT engineer") as web:
        assert "Gateway Once" not in web.get("/network/gateways").text
