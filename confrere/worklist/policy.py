"""The routing policy as data, and its formulas. Pure.

All times are minutes; a share is that part of a study's limit (its turnaround target) which is
still left. A study's *level* is its urgency class. Per level: `first` puts it before every level without;
`cost` weighs a breach; `floor` is urgency while there is plenty of time. `hold` and
`own_first` say until which share left a study is kept for a subspecialist, and for its own
group; 1 is "not at all". Sources: generalised c-mu (Van Mieghem 1995, Mandelbaum & Stolyar
2004), apparent tardiness cost (Vepsalainen & Morton 1987).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from confrere.kernel.errors import Invalid

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Ints = NDArray[np.int32]

OWN_MATCH, PARTNER_MATCH, OWN_ABLE, PARTNER_ABLE = range(4)  # the rings
SHARES_TOP = 1.0


@dataclass(frozen=True, slots=True)
class Level:
    """One urgency class of studies."""

    name: str
    limit: float  # minutes from complete images to the report, where no contract says else
    urgent: bool  # acute work, which every radiologist may read unless a certificate is needed
    cost: float
    floor: float
    first: float = 0.0
    hold: float = 1.0
    own_first: float = 1.0


STROKE, STAT, ED, URGENT, INPATIENT, ROUTINE = (
    "stroke", "stat", "ed", "urgent", "inpatient", "routine",
)  # fmt: skip
LEVELS = (
    Level(STROKE, 20, urgent=True, cost=10, floor=1.0, first=120),
    Level(STAT, 30, urgent=True, cost=10, floor=1.0, first=100),
    Level(ED, 60, urgent=True, cost=5, floor=0.19, hold=0.80, own_first=0.92),
    Level(URGENT, 60, urgent=True, cost=5, floor=0.19, hold=0.80, own_first=0.92),
    Level(INPATIENT, 240, urgent=False, cost=2, floor=0.18, hold=0.25, own_first=0.69),
    Level(ROUTINE, 1440, urgent=False, cost=1, floor=0.03, hold=0.15, own_first=0.62),
)


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a group asks for its own studies; `hold` and `own_first` by level name.

    `match` is added to, `mismatch` taken from the urgency of an advanced study for a reader
    within or outside its subspecialty; `cross` is taken from it for a partner's reader.
    """

    hold: Mapping[str, float] = field(default_factory=dict)
    own_first: Mapping[str, float] = field(default_factory=dict)
    cross: float = 0.02
    match: float = 0.0
    mismatch: float = 0.0

    def __post_init__(self) -> None:
        for name, shares in (("hold", self.hold), ("own_first", self.own_first)):
            for level, share in shares.items():
                if not 0 <= share <= SHARES_TOP:
                    raise Invalid(f"{name} of {level} is a share between 0 and 1", name)


MATCH_FIRST = Wishes()
EVENNESS_FIRST = Wishes(
    hold={level.name: 1.0 for level in LEVELS}, match=0.5, mismatch=0.4
)  # no holds: fast outpatients and even work; the match only tips the order


@dataclass(frozen=True, slots=True)
class Policy:
    """Everything that a decision depends on beside facts. `version` is stored with decisions.

    `decay` is the scale, in shares, on which urgency grows; `late_slope` its growth once a
    study can no longer be met. The overload guard: while `guard_late` visible queues begin
    with a study that can no longer be met, urgency is divided by expected minutes to the
    power `guard_power`, which clears the most lateness per minute.

    The acute reserve: a reader's part of the acute work they can see is its expected minutes,
    each study's divided by the readers on duty who may read it. While that part is
    `reserve_minutes` or more, `cost` times `reserve` is added to every acute study, so that
    nothing else is read before it that is not itself about to be late. In a large pool the
    part stays small; with three readers on duty in an evening it does not. From
    `guard_minutes` on some of it will be late, whatever is done, and the overload guard acts
    before it is.

    `scarce`: to an acute study `cost` times this is added, divided by the readers on duty who
    may read it. Of studies about as urgent, who may read much takes what few others may
    (least flexible job first, Pinedo, Scheduling).

    A match has a due time of its own: the end of its hold, when others may take the study.
    To a subspecialist a held study is worth `match_worth` breaches more, shrinking with the
    share left until then on the scale of `decay`.

    A STAT goes to the idle reader of its ring who is expected to need least for it. One of an
    advanced service that finds no subspecialist idle is proposed to one who is in the middle
    of something that is not urgent and has `put_aside_match` minutes to go: it begins at
    once, as with anybody else. `put_aside_after` infinite: nobody is ever interrupted.
    """

    version: str = "r+2"
    levels: tuple[Level, ...] = LEVELS
    decay: float = 0.16
    late_slope: float = 0.1
    late_cap: float = 5.0
    guard_late: int = 3
    guard_minutes: float = 20.0
    guard_power: float = 0.7
    match_worth: float = 0.5
    scarce: float = 0.15
    mismatch_slower: float = 1.3  # expected minutes outside the own subspecialty, as a factor
    overhead: float = 0.6  # minutes per study beside reading
    last_call: float = 2.0  # nobody is offered work in the last minutes of a shift
    grace: float = 15.0  # minutes after which a rostered reader who is absent counts as such
    put_aside_after: float = 4.0  # minutes an open STAT may wait for the first to finish
    put_aside_match: float = 4.0
    reserve_minutes: float = 20.0
    reserve: float = 1.0
    wishes: Wishes = MATCH_FIRST

    def level(self, name: str) -> int:
        """Number the level."""
        for number, level in enumerate(self.levels):
            if level.name == name:
                return number
        raise Invalid(f"there is no urgency level {name!r}", "level")

    def with_wishes(self, wishes: Wishes) -> "Policy":
        """Let every group that has no wishes of its own have these."""
        return replace(self, wishes=wishes)

    def held_until(self, wishes: Wishes, level: int) -> tuple[float, float]:
        """Give the shares left at which hold and own-first end; infinite where there is none."""
        one = self.levels[level]
        hold = wishes.hold.get(one.name, one.hold)
        own = wishes.own_first.get(one.name, one.own_first)
        return _or_never(hold, one), _or_never(own, one)


def _or_never(share: float, level: Level) -> float:
    return np.inf if share >= SHARES_TOP or level.first else share


def ring_of(*, own: bool, matched: bool, advanced: bool) -> int:
    """Place an eligible reader: a match counts for advanced services only."""
    if own:
        return OWN_MATCH if matched or not advanced else OWN_ABLE
    return PARTNER_MATCH if matched and advanced else PARTNER_ABLE


def urgency(policy: Policy, cost: Floats, floor: Floats, spare: Floats) -> Floats:
    """Weigh what waiting costs; `spare` is the share left after reading, negative when late.

    Falls monotonically in `spare`, so that of studies alike but for their due time the
    earliest due is the most urgent.
    """
    late = np.minimum(np.maximum(-spare, 0.0), policy.late_cap)
    soon = np.exp(np.maximum(spare, 0.0) / -policy.decay)
    return cost * (floor + soon + policy.late_slope * late)
