"""A recent exam like the one being ordered, and how recent counts: windows as data. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from confrere.kernel.periods import in_effect
from confrere.orders import parts
from confrere.orders.duplicates import Exam, Excuse, excuse

LOCAL = "local policy"
VEST = "window as in Vest et al., Am J Manag Care 2014;20(11):eSP16 (90 days); local policy"
ALWAYS = date(2020, 1, 1)
OWNER = "imaging lead"
LONGEST = 366 * 2


@dataclass(frozen=True, slots=True)
class Window:
    """How many days an exam counts as recent. Empty modality or region: any.

    Days of 0 raise no alert. With `same_contrast` a known other contrast is another exam.
    """

    code: str
    modality: str
    region: str
    days: int
    same_contrast: bool
    cites: str
    owner: str
    effective_from: date
    effective_to: date | None = None

    def in_force(self, day: date) -> bool:
        """Say whether it is looked at on a day."""
        return in_effect(day, self.effective_from, self.effective_to)

    def is_about(self, exam: Exam) -> bool:
        """Say whether it is a window for such an exam."""
        same = self.modality in ("", parts.family(exam.modality))
        return same and self.region in ("", exam.region)


BUILT_IN = (
    Window("ANY", "", "", 30, True, LOCAL, OWNER, ALWAYS),
    Window("CT", "CT", "", 30, True, LOCAL, OWNER, ALWAYS),
    Window("CT_HEAD", "CT", "head", 7, True, LOCAL, OWNER, ALWAYS),
    Window("MR", "MR", "", 90, True, VEST, OWNER, ALWAYS),
    Window("NM", "NM", "", 90, True, VEST, OWNER, ALWAYS),
    Window("PT", "PT", "", 60, True, LOCAL, OWNER, ALWAYS),
    Window("US", "US", "", 30, True, LOCAL, OWNER, ALWAYS),
    Window("XR", "XR", "", 7, True, LOCAL, OWNER, ALWAYS),
    Window("XR_CHEST", "XR", "chest", 2, True, LOCAL, OWNER, ALWAYS),
    Window("MG", "MG", "", 300, True, LOCAL, OWNER, ALWAYS),
)
CODES = tuple(one.code for one in BUILT_IN)


@dataclass(frozen=True, slots=True)
class Similar:
    """A recent exam like the one being ordered, and by which window."""

    exam: Exam
    window: Window
    days: int


def as_changed(changed: Iterable[Window]) -> tuple[Window, ...]:
    """The windows as the program brings them, with what their owner changed."""
    own = {one.code: one for one in changed}
    return tuple(own.get(one.code, one) for one in BUILT_IN)


def window_of(exam: Exam, windows: Iterable[Window], day: date) -> Window | None:
    """The window of an exam: of modality and region, else of one of them, else of any."""
    fits = [one for one in windows if one.in_force(day) and one.is_about(exam)]
    return max(
        fits, key=lambda one: (bool(one.modality) + bool(one.region), one.code), default=None
    )


def find_similar(
    ordered: Exam, earlier: Sequence[Exam], windows: Iterable[Window]
) -> tuple[Similar, ...]:
    """The recent exams that the one being ordered would repeat, newest first.

    What a report recommended, a line check, a technical repeat, a new event raise nothing.
    A part, side or contrast that one of the two does not name is taken for the same.
    """
    window = window_of(ordered, windows, ordered.on)
    if window is None or not window.days or parts.is_procedure(ordered.text):
        return ()
    since = ordered.on - timedelta(days=window.days)
    found = [
        Similar(one, window, (ordered.on - one.on).days)
        for one in earlier
        if since <= one.on <= ordered.on
        and is_alike(ordered, one, same_contrast=window.same_contrast)
        and excuse(one, ordered, earlier) is Excuse.NONE
    ]
    return tuple(sorted(found, key=lambda one: (one.days, one.exam.id)))


def is_alike(one: Exam, other: Exam, *, same_contrast: bool) -> bool:
    """Say whether two exams show the same by the same means, as far as their words tell."""
    if not one.modality or not one.region or one.region != other.region:
        return False
    means = [(parts.family(e.modality), parts.techniques(e.text)) for e in (one, other)]
    if means[0] != means[1] or any(parts.is_procedure(e.text) for e in (one, other)):
        return False
    if same_contrast and _differ(one.contrast, other.contrast):
        return False
    mine, theirs = parts.parts(one.text), parts.parts(other.text)
    if mine and theirs and not mine & theirs:
        return False
    sides = {parts.side(one.text), parts.side(other.text)} - {""}
    return sides != {"left", "right"}


def _differ(one: str, other: str) -> bool:
    return bool(one) and bool(other) and one != other
