"""The gateway's own record: what goes first, what may go, and what never does."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from confrere.files.folder import BlobStore
from confrere.files.paths import path_of
from confrere.gateway.model import ROUTINE, STAT, Ordered, Waiting
from confrere.gateway.queue import Queue


@pytest.fixture
def blobs(tmp_path: Path) -> BlobStore:
    return BlobStore(tmp_path / "blobs")


@pytest.fixture
def queue(tmp_path: Path, blobs: BlobStore) -> Iterator[Queue]:
    made = Queue(tmp_path / "queue.sqlite", blobs)
    yield made
    made.close()


def keep(
    queue: Queue, blobs: BlobStore, number: int, rank: int = ROUTINE, order: str = ""
) -> Waiting:
    content = f"content {number}".encode()
    one = Waiting(0, blobs.put(content), len(content), "1.2", f"1.2.{number}", "1.2.840", "CT1")
    assert queue.add(one, order, rank)
    return one


def uids(chosen: list[Waiting]) -> list[str]:
    return [one.sop_instance for one in chosen]


def test_stat_goes_first_then_the_oldest_and_a_late_order_moves_images_up(
    queue: Queue, blobs: BlobStore
) -> None:
    for number, rank, accession in (
        (1, ROUTINE, ""),
        (2, ROUTINE, "A1"),
        (3, STAT, ""),
        (4, ROUTINE, ""),
    ):
        keep(queue, blobs, number, rank, accession)
    queue.add_letter(b"MSH|order", "127.0.0.1", [Ordered("A1", STAT)])
    keep(queue, blobs, 5, ROUTINE, "A1")
    assert uids(queue.next(1000, 10, ())) == ["1.2.2", "1.2.3", "1.2.5", "1.2.1", "1.2.4"]


def test_what_is_in_hand_is_not_taken_twice_and_what_is_put_off_lets_others_go(
    queue: Queue, blobs: BlobStore
) -> None:
    for number in (1, 2, 3):
        keep(queue, blobs, number)
    (first,) = queue.next(1, 10, ())
    assert uids(queue.next(1, 10, {first.key})) == ["1.2.2"]
    queue.put_off(first.key, "not now", 60)
    assert uids(queue.next(1000, 10, ())) == ["1.2.2", "1.2.3"]
    assert queue.counts()["put_off_because"] == "not now"


def test_only_what_was_delivered_is_ever_tidied_away(queue: Queue, blobs: BlobStore) -> None:
    kept = [keep(queue, blobs, number) for number in range(4)]
    first, second, *_ = queue.next(1000, 10, ())
    queue.sent([first.key, second.key])
    assert queue.tidy(time.time() - 60, 1 << 30) == 0
    assert queue.tidy(time.time() + 60, 1 << 30) == 2
    there = [path_of(blobs.root, one.digest).exists() for one in kept]
    assert there == [False, False, True, True]
    with pytest.raises(OSError, match="gone"):
        queue.add(kept[0], "", ROUTINE)


def test_the_same_again_waits_once_and_a_blob_without_a_row_is_swept(
    queue: Queue, blobs: BlobStore
) -> None:
    one = keep(queue, blobs, 1)
    assert not queue.add(one, "", ROUTINE)
    orphan = blobs.put(b"never acknowledged")
    assert queue.sweep() == 1
    assert not path_of(blobs.root, orphan).exists()
    assert path_of(blobs.root, one.digest).exists()


def test_messages_keep_their_order_and_come_once(queue: Queue) -> None:
    for raw in (b"one", b"two", b"one", b"three"):
        queue.add_letter(raw, "127.0.0.1")
    first, second, third = queue.letters(10)
    assert [one.content for one in (first, second, third)] == [b"one", b"two", b"three"]
    queue.letter_done(first.key)
    queue.letter_done(second.key, refused="of no kind")
    assert [one.content for one in queue.letters(10)] == [b"three"]
    assert queue.counts()["messages_refused"] == 1
