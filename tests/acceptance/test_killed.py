"""SIGKILL of everything in the middle of a send: what was acknowledged is there, whole.

Also one UID with two contents, in one group and in two.
"""

import random
import secrets
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import httpx
import pytest

from confrere.files.folder import BlobStore
from confrere.imaging import asides
from tests.acceptance.house import House
from tests.acceptance.processes import wait_for
from tests.acceptance.senders import (
    Image,
    content_of,
    listed,
    retrieved,
    send,
    slices,
    statuses,
)

SLICES, KILLS = 150, 3
SUCCESS, CONFLICTING, UNAVAILABLE = 0x0000, 0xC002, 0xA700


class Senders:
    """Associations that send until they are through or cut off; knows what was acknowledged."""

    def __init__(self, house: House, images: Sequence[Image], associations: int) -> None:
        self.acknowledged: list[str] = []
        self._pool = ThreadPoolExecutor(associations)
        self._runs = [
            self._pool.submit(send, house, images[n::associations], self._hear)
            for n in range(associations)
        ]

    def _hear(self, image: Image, status: int) -> None:
        assert status in (SUCCESS, UNAVAILABLE)  # the database may die a moment before the door
        if status == SUCCESS:
            self.acknowledged.append(image.uid)

    def end(self) -> list[str]:
        """Wait until all are cut off or through; return what was acknowledged."""
        for run in self._runs:
            run.result(60)
        self._pool.shutdown()
        return self.acknowledged


@pytest.mark.timeout(240)
def test_what_was_acknowledged_before_the_kill_is_there_whole_after_it(house: House) -> None:
    seed = secrets.randbits(32)
    print(f"seed {seed}")
    dice = random.Random(seed)
    for kill in range(KILLS):
        associations = 1 if kill % 2 else 3
        images = slices(SLICES, series=2)
        senders = Senders(house, images, associations)
        some = dice.randrange(1, SLICES // 2)
        wait_for(lambda: len(senders.acknowledged) >= some, 60, house.said)  # noqa: B023
        time.sleep(dice.uniform(0, 0.05))
        house.kill_tree()
        kept = senders.end()
        print(f"killed after {len(kept)} of {SLICES} over {associations} association(s)")
        assert some <= len(kept) < SLICES
        house.start()
        with house.http("lakeshore radiologist") as web:
            whole_study(web, images, at_least=kept)
            assert len(Senders(house, images, 6).end()) == SLICES
            assert sorted(listed(web, images[0].study)) == sorted(image.uid for image in images)
        assert not list((house.home / "blobs" / "incoming").iterdir())


def whole_study(web: httpx.Client, images: Sequence[Image], at_least: Sequence[str]) -> None:
    """Hold what is listed against what was sent: nothing lost, doubled or torn."""
    found = listed(web, images[0].study)
    assert len(found) == len(set(found))
    assert set(at_least) <= set(found)
    sent = {image.uid: image.content for image in images}
    files = retrieved(web, f"/studies/{images[0].study}")
    assert files.keys() == set(found)
    for uid, file in files.items():
        assert content_of(file) == sent[uid]


def altered(image: Image) -> Image:
    """Other bytes under the same UIDs: one bit of the last pixel differs."""
    assert image.content[-4:-2] != b"\xe0\x7f"
    return replace(image, content=image.content[:-1] + bytes([image.content[-1] ^ 1]))


def test_other_bytes_under_a_filed_uid_fail_and_are_kept_aside(house: House) -> None:
    (first,) = slices(1)
    second = altered(first)
    assert statuses(house, [first, first, second, first]) == [
        SUCCESS, SUCCESS, CONFLICTING, SUCCESS,
    ]  # fmt: skip
    with house.http("lakeshore radiologist") as web:
        assert listed(web, first.study) == [first.uid]
        (file,) = retrieved(web, f"/studies/{first.study}").values()
    assert content_of(file) == first.content
    with house.reading() as conn:
        kept = asides.listed(conn, frozenset({house.groups["lakeshore"]}))
    (aside,) = [one for one in kept if one.sop_uid == first.uid]
    assert (aside.kind, aside.field) == ("conflict", "SOPInstanceUID")
    assert aside.remedy
    assert aside.calling_aet == "LAKE_CT"
    assert aside.digest.hex() == second.digest
    assert BlobStore(house.home / "blobs").read(aside.digest) == second.content


def test_two_groups_hold_one_uid_and_neither_can_tell_that_the_other_does(house: House) -> None:
    both, lake_only = slices(1), slices(1)
    theirs = [altered(image) for image in both]
    assert statuses(house, [*both, *lake_only], "LAKE_CT") == [SUCCESS, SUCCESS]
    assert statuses(house, theirs, "PRAIRIE_CT") == [SUCCESS]
    for who, images in (("lakeshore", both), ("prairie", theirs)):
        with house.http(f"{who} radiologist") as web:
            (study, uid) = images[0].study, images[0].uid
            assert listed(web, study) == [uid]
            (file,) = retrieved(web, f"/studies/{study}").values()
            assert content_of(file) == images[0].content
    absent = slices(1)[0].study
    with house.http("prairie radiologist") as web:
        hidden = lake_only[0].study
        assert listed(web, hidden) == listed(web, absent) == []
        for tail in ("", "/metadata", "/series", "/instances"):
            seen, nothing = (
                web.get(f"/dicom-web/studies/{one}{tail}") for one in (hidden, absent)
            )
            assert seen.status_code == nothing.status_code == 404
            assert seen.text.replace(hidden, absent) == nothing.text
    with house.reading() as conn:
        for who in ("lakeshore", "prairie"):
            kept = asides.listed(conn, frozenset({house.groups[who]}))
            assert both[0].uid not in {aside.sop_uid for aside in kept}
