"""How far our times lie from those that a site's own systems tell. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from confrere.imaging.model import Study
from confrere.kernel.ids import OrderId, StudyId
from confrere.orders.model import EXAM_COMPLETE, REPORT_FINAL, ToldTime

IMAGES_COMPLETE = "images complete"
STEPS = (EXAM_COMPLETE, IMAGES_COMPLETE, REPORT_FINAL)
EQUAL = timedelta(minutes=2)
MINUTE = timedelta(minutes=1)
EDGES = (-60, -15, -5, -2, 2, 5, 15, 60)  # minutes; the middle one is equal
LABELS = (
    "over 1 h before", "15 to 60 min before", "5 to 15 min before", "2 to 5 min before",
    "within 2 min", "2 to 5 min after", "5 to 15 min after", "15 to 60 min after",
    "over 1 h after",
)  # fmt: skip
MOST_OUTLIERS = 50


@dataclass(frozen=True, slots=True)
class Difference:
    """One step of one exam: the site's time, ours, and which exam."""

    order: OrderId
    theirs: datetime
    ours: datetime

    @property
    def length(self) -> timedelta:
        """Ours less theirs."""
        return self.ours - self.theirs

    @property
    def is_equal(self) -> bool:
        """Say whether both lie within EQUAL."""
        return abs(self.length) <= EQUAL


@dataclass(frozen=True, slots=True)
class Course:
    """All differences of one step."""

    step: str
    all: tuple[Difference, ...]

    @property
    def equal(self) -> int:
        """How many are equal."""
        return sum(one.is_equal for one in self.all)

    @property
    def median(self) -> timedelta | None:
        """The middle difference; None without any."""
        if not self.all:
            return None
        return timedelta(seconds=median(one.length.total_seconds() for one in self.all))

    @property
    def counts(self) -> tuple[int, ...]:
        """How many lie in each of LABELS."""
        found = [0] * len(LABELS)
        for one in self.all:
            found[bucket(one.length)] += 1
        return tuple(found)

    @property
    def outliers(self) -> tuple[Difference, ...]:
        """Those that are not equal, the farthest first."""
        far = (one for one in self.all if not one.is_equal)
        return tuple(sorted(far, key=lambda one: -abs(one.length))[:MOST_OUTLIERS])


def bucket(length: timedelta) -> int:
    """Which of LABELS a difference belongs to; the edges of two minutes are equal."""
    minutes = length / MINUTE
    if minutes < 0:
        return sum(minutes >= edge for edge in EDGES if edge < 0)
    return EDGES.index(2) + sum(minutes > edge for edge in EDGES if edge > 0)


def courses(
    told: Sequence[ToldTime], studies: Mapping[StudyId, Study],
    ties: Mapping[StudyId, Sequence[OrderId]],
) -> tuple[Course, ...]:  # fmt: skip
    """Compare, step by step: exam complete and report final with when we heard of them.

    Images are complete with the last one that came; the site's time is that of the exam.
    """
    complete = {one.order: one for one in told if one.what == EXAM_COMPLETE}
    last = [
        Difference(order, complete[order].said_at, study.last_at)
        for key, study in studies.items()
        for order in ties.get(key, ())
        if order in complete
    ]
    return (
        Course(EXAM_COMPLETE, tuple(_heard(complete.values()))),
        Course(IMAGES_COMPLETE, tuple(last)),
        Course(REPORT_FINAL, tuple(_heard(t for t in told if t.what == REPORT_FINAL))),
    )


def _heard(told: Iterable[ToldTime]) -> Iterable[Difference]:
    return (Difference(one.order, one.said_at, one.heard_at) for one in told)
