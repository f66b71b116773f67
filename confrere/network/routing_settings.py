"""How a group wants its readers asked and its exams ordered. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from confrere.kernel.errors import Invalid

PULL, HYBRID, PUSH = "pull", "hybrid", "push"
MODES = {
    HYBRID: "the list with the next best exam offered on top; any eligible exam may be claimed",
    PULL: "the list alone; only what is STAT or at risk is offered",
    PUSH: "what is offered, one exam after the other; nothing else may be claimed",
}
MATCH_FIRST, EVENNESS_FIRST = "match", "evenness"
FIRSTS = {
    MATCH_FIRST: "advanced exams wait for a subspecialist while there is time",
    EVENNESS_FIRST: "nothing waits; who is free reads, the subspecialty only tips the order",
}
MOST_AHEAD = 5
SHORTEST_SILENCE, LONGEST_SILENCE = 30, 1800  # seconds


@dataclass(frozen=True, slots=True)
class RoutingSettings:
    """A group's own settings; `mode`, `ahead`, `put_aside`, `silence_seconds` are its readers'.

    `hold` and `own_first` are of its own exams: the share of the turnaround target, by level,
    until which an advanced exam waits for a subspecialist, and until which an exam stays with
    the group's own readers. 1 does not hold; levels that are not named keep the policy's.
    `ahead` exams stand offered to one reader at once. With `put_aside` a reader may be asked
    in the middle of a routine exam to read a STAT first. An offer that a signed-on, idle
    reader has not taken up for `silence_seconds` goes to another idle reader.
    """

    mode: str = HYBRID
    first: str = MATCH_FIRST
    hold: Mapping[str, float] = field(default_factory=dict)
    own_first: Mapping[str, float] = field(default_factory=dict)
    ahead: int = 1
    put_aside: bool = False
    silence_seconds: int = 90

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise Invalid(f"choose one of {', '.join(MODES)}", "mode")
        if self.first not in FIRSTS:
            raise Invalid(f"choose one of {', '.join(FIRSTS)}", "first")
        for name, shares in (("hold", self.hold), ("own_first", self.own_first)):
            for level, share in shares.items():
                if not 0 <= share <= 1:
                    raise Invalid(f"{level}: give a share between 0 and 100 %", name)
        if not 1 <= self.ahead <= MOST_AHEAD:
            raise Invalid(f"offer 1 to {MOST_AHEAD} exams at once", "ahead")
        if not SHORTEST_SILENCE <= self.silence_seconds <= LONGEST_SILENCE:
            raise Invalid(
                f"wait {SHORTEST_SILENCE} to {LONGEST_SILENCE} seconds for an answer",
                "silence_seconds",
            )

    @property
    def silence(self) -> timedelta:
        """How long an idle reader who is signed on has to take up an offer."""
        return timedelta(seconds=self.silence_seconds)


AS_DELIVERED = RoutingSettings()
