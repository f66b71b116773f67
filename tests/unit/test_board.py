"""What a lead sees: how much slack an exam has, its ring, and what is due against who is there."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from confrere.kernel.ids import GroupId, ReaderId
from confrere.network.presence import PAUSE, Attendance, Shift
from confrere.worklist.board import Slack, due_by_hour, ring_through, slack_of
from tests.unit.cases import ABLE, NOW, OWNER, READER, item

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
OTHER = ReaderId(UUID(int=99))
ON = replace(ABLE, group=OWNER, shifts=(Shift(NOW - HOUR, NOW + 2 * HOUR + 30 * MINUTE),))


@pytest.mark.parametrize(
    ("clock", "due", "slack"),
    [
        (-120, 0, Slack.OVERDUE),
        (-10, 10, Slack.AT_RISK),  # twelve minutes of reading are more than ten
        (-90, 29, Slack.AT_RISK),  # three quarters are gone
        (-61, 59, Slack.SOON),
        (-59, 61, Slack.FINE),
    ],
)
def test_slack_is_what_is_left_after_reading(clock: int, due: int, slack: Slack) -> None:
    exam = item(clock_at=NOW + clock * MINUTE, due_at=NOW + due * MINUTE, minutes=12)
    assert slack_of(exam, NOW) is slack


def test_an_exam_that_is_being_read_needs_no_time_to_begin() -> None:
    exam = item(clock_at=NOW - 10 * MINUTE, due_at=NOW + 10 * MINUTE, minutes=12)
    held = replace(exam, held_by=READER, lease_until=NOW + HOUR)
    assert (slack_of(exam, NOW), slack_of(held, NOW)) == (Slack.AT_RISK, Slack.SOON)


def test_without_a_clock_nothing_is_late() -> None:
    assert slack_of(item(clock_at=None, due_at=None), NOW) is Slack.FINE


def test_the_ring_is_the_last_decisions_when_it_was_about_who_has_the_exam() -> None:
    exam = item(advanced=True)
    neuro = replace(ABLE, certificates=frozenset({"neuro"}))
    assert ring_through(exam, neuro, {exam.id: (READER, 3)}) == 3
    assert ring_through(exam, neuro, {exam.id: (OTHER, 3)}) == 1
    assert ring_through(exam, replace(neuro, group=OWNER), {}) == 0
    assert ring_through(exam, ABLE, {}) == 3
    assert ring_through(exam, None, {exam.id: (READER, 3)}) is None


def test_work_stands_in_the_hour_in_which_it_is_due_against_who_is_rostered() -> None:
    exams = [
        item(due_at=NOW - HOUR, minutes=30),
        item(due_at=NOW + 30 * MINUTE, minutes=15, offered_to=READER),
        item(due_at=NOW + 90 * MINUTE, minutes=60, held_by=READER, lease_until=NOW + HOUR),
        item(due_at=NOW + 9 * HOUR),
        item(due_at=None),
    ]
    hours = due_by_hour(exams, [ON], NOW, 4)
    assert [(one.held, one.offered, one.nobody, one.exams) for one in hours] == [
        (0, 0.25, 0.5, 2), (1.0, 0, 0, 1), (0, 0, 0, 0), (0, 0, 0, 0),
    ]  # fmt: skip
    assert [one.readers for one in hours] == [1.0, 1.0, 0.5, 0.0]
    assert hours[0].work == 0.75


def test_who_is_paused_does_not_count_in_this_hour_but_in_the_next() -> None:
    away = replace(ON, last_act=Attendance(PAUSE, NOW - MINUTE))
    later = replace(ON, group=GroupId(UUID(int=7)), shifts=(Shift(NOW + HOUR / 2, NOW + HOUR),))
    assert [one.readers for one in due_by_hour([], [away, later], NOW, 2)] == [0.5, 1.0]
