"""Two identities and whether they are one person: states, decisions, who may decide. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from confrere.kernel.errors import Conflict, Invalid, Refused
from confrere.kernel.ids import GroupId, PatientId
from confrere.patients.matching import Match, Verdict, Weighed

SCORED, REVIEWED = "scored", "reviewed"
MESSAGE = "message"  # with the trigger behind it: "message A40"
LONGEST_REASON = 300


class State(StrEnum):
    """Where a pair stands. Only `linked` joins: all else is as if nothing were known."""

    LINKED = "linked"
    REVIEW = "review"
    APART = "apart"


OF_MATCH: Mapping[Match, State] = {
    Match.LINK: State.LINKED, Match.REVIEW: State.REVIEW, Match.APART: State.APART,
}  # fmt: skip


class Choice(StrEnum):
    """What a person says of a pair."""

    LINK = "link"
    APART = "apart"
    LATER = "later"
    AGAIN = "again"  # take a decision back: it is asked anew


@dataclass(frozen=True, slots=True)
class Pair:
    """A pair, `one` having the lesser id. The owners are its two groups, maybe the same.

    `survivor` is set by a merge message: the other's number was given up for this one's.
    `said_at` is when a message's sender said so; `yes` are the groups that want the link.
    """

    id: UUID
    one: PatientId
    other: PatientId
    owner_group: GroupId
    other_group: GroupId
    state: State
    score: float = 0.0
    fields: tuple[Weighed, ...] = ()
    reasons: tuple[str, ...] = ()
    how: str = SCORED
    weights_version: int = 0
    survivor: PatientId | None = None
    said_at: datetime | None = None
    yes: frozenset[GroupId] = frozenset()
    later_at: datetime | None = None
    decided_by: str = "matching"
    decided_at: datetime | None = None
    reason: str = ""
    version: int = 0

    @property
    def groups(self) -> frozenset[GroupId]:
        """Whose identities these are."""
        return frozenset({self.owner_group, self.other_group})

    @property
    def is_settled(self) -> bool:
        """Say whether a person or a message decided: scores do not change that."""
        return self.how != SCORED

    def of(self, group: GroupId) -> PatientId:
        """The identity that a group has in it; of two the first."""
        return self.one if group == self.owner_group else self.other


@dataclass(frozen=True, slots=True)
class Said:
    """Who decides, for which group, and why."""

    group: GroupId
    by: str
    at: datetime
    reason: str = ""


def scored(pair: Pair, verdict: Verdict, version: int, at: datetime) -> Pair:
    """Bring what the demographics now say; what a person or a message decided stays."""
    weighed = replace(
        pair, score=verdict.score, fields=verdict.fields, reasons=verdict.reasons,
        weights_version=version,
    )  # fmt: skip
    if pair.is_settled:
        return weighed
    state = OF_MATCH[verdict.match]
    same = state is pair.state and pair.decided_at is not None
    return replace(
        weighed, state=state, yes=frozenset(), decided_by="matching",
        decided_at=pair.decided_at if same else at,
    )  # fmt: skip


def held_back(pair: Pair, because: str) -> Pair:
    """Return a pair that scored as a link, and waits for a person all the same."""
    return replace(pair, state=State.REVIEW, reasons=(*pair.reasons, because))


def decided(pair: Pair, choice: Choice, said: Said) -> Pair:
    """Return the pair as a person's choice leaves it.

    Within a group one person decides. Between two groups a link needs both; either alone may
    keep apart, part what was linked, or have it asked again. Raises Refused for a third group,
    Conflict where the state does not allow it, Invalid where a reason is missing.
    """
    if said.group not in pair.groups:
        raise Refused("This pair belongs to other groups.")
    if len(said.reason) > LONGEST_REASON:
        raise Invalid(f"Give a reason of at most {LONGEST_REASON} characters.", "reason")
    if choice is Choice.LATER:
        if pair.state is not State.REVIEW:
            raise Conflict("This pair is decided already; reload the page.")
        return replace(pair, later_at=said.at)
    if pair.state is State.LINKED and not said.reason:
        raise Invalid("Say why what was linked is not the same person.", "reason")
    now = replace(
        pair, how=REVIEWED, decided_by=said.by, decided_at=said.at, reason=said.reason,
        said_at=said.at, survivor=None, later_at=None,
    )  # fmt: skip
    if choice is Choice.AGAIN:
        return replace(now, state=State.REVIEW, yes=frozenset())
    if choice is Choice.APART:
        return replace(now, state=State.APART, yes=frozenset())
    if pair.state is State.LINKED:
        raise Conflict("This pair is linked already; reload the page.")
    yes = pair.yes | {said.group}
    return replace(now, yes=yes, state=State.LINKED if yes == pair.groups else State.REVIEW)


def instructed(
    pair: Pair, state: State, trigger: str, said: Said, survivor: PatientId | None
) -> Pair:
    """Return the pair as a merge, link or unlink message leaves it.

    Messages may come in any order: the newest said counts, and of two said in the same instant
    the one that keeps apart, then the one with the lesser survivor.
    """
    if pair.said_at is not None and _rank(pair) >= (
        said.at, state is State.APART, -survivor.int if survivor else 1,
    ):  # fmt: skip
        return pair
    return replace(
        pair, state=state, how=f"{MESSAGE} {trigger}", said_at=said.at, survivor=survivor,
        decided_by=said.by, decided_at=said.at, reason=said.reason, yes=frozenset(),
        later_at=None,
    )  # fmt: skip


def _rank(pair: Pair) -> tuple[datetime, bool, int]:
    assert pair.said_at is not None  # noqa: S101 - asked before
    survivor = -pair.survivor.int if pair.survivor else 1
    return pair.said_at, pair.state is State.APART, survivor
