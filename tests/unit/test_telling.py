"""What a site is told of an exam: the state that lasts, once."""

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from confrere.kernel.ids import OrderId
from confrere.worklist.model import State
from confrere.worklist.telling import SETTLE, Status, Told, Word, status_of, step
from tests.unit.cases import NOW, READER, item

BLANK = Told(OrderId(READER))
READING = Status(Word.READING, READER)


def test_the_state_follows_the_item() -> None:
    held = item(state=State.HELD, held_by=READER, held_at=NOW, held_name="Novak, Nina")
    spare = item(state=State.CANCELLED, finished_at=NOW)
    assert status_of([item()], cancelled=False) == Status(Word.READY)
    assert status_of([spare, held], cancelled=False) == Status(
        Word.READING, READER, "Novak, Nina", NOW
    )
    signed = replace(held, preliminary_at=NOW)
    assert status_of([signed], cancelled=False).word is Word.READING_PRELIMINARY
    let_go = replace(signed, held_by=None)
    assert status_of([let_go], cancelled=False).word is Word.READY_PRELIMINARY
    assert status_of([spare], cancelled=True).word is Word.CANCELLED
    assert status_of([spare], cancelled=False) is None
    assert status_of([item(kind="addendum")], cancelled=False) is None


def test_a_state_is_told_once_it_has_lasted() -> None:
    first = step(BLANK, READING, NOW)
    assert not first.send
    waiting = replace(BLANK, wanted=first.wanted, wanted_at=first.wanted_at)
    assert not step(waiting, READING, NOW + SETTLE / 2).send
    assert step(waiting, READING, NOW + SETTLE).send
    assert step(waiting, Status(Word.READY), NOW + SETTLE).wanted == ""
    assert step(BLANK, Status(Word.FINAL, READER), NOW).send


def test_of_a_read_that_the_site_made_itself_it_hears_only_the_end_of_our_lock() -> None:
    there = Status(Word.REPORTED_THERE)
    assert not step(BLANK, there, NOW).send
    assert step(replace(BLANK, told=READING.key), there, NOW).send
    assert not step(replace(BLANK, told=Status(Word.READY).key), there, NOW).send


@settings(deadline=None)
@given(st.lists(st.sampled_from((Word.READY, Word.READING, Word.FINAL)), max_size=30))
def test_what_was_told_last_is_what_is_once_it_lasts(course: list[Word]) -> None:
    told, at, sent = BLANK, NOW, []
    for word in [*course, *([course[-1]] * 5 if course else [])]:
        at += timedelta(seconds=1)
        status = Status(word, None if word is Word.READY else READER)
        taken = step(told, status, at)
        told = replace(told, wanted=taken.wanted, wanted_at=taken.wanted_at)
        if taken.send:
            sent.append(status.key)
            told = replace(told, told=status.key, wanted="", wanted_at=None)
    if course:
        last = Status(course[-1], None if course[-1] is Word.READY else READER).key
        assert (told.told or Status(Word.READY).key) == last
    assert all(one != other for one, other in pairwise(sent))
