"""Audit events and the chain that shows tampering. Pure.

The events carry what IHE's Basic Audit Log Patterns (BALP) ask for: action, agent, purpose,
door (source), outcome, patient and object.
"""

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from types import MappingProxyType
from uuid import UUID

from confrere.kernel.ids import GroupId, PatientId, PeerId, StudyId, UserId
from confrere.kernel.principal import Principal

Detail = Mapping[str, str | int | bool | None]
Access = tuple[GroupId, str, str, str, UUID]  # owner group, session, kind, door, object

COLLABORATIVE = GroupId(UUID(int=0))  # the chain of what belongs to no single group
NO_DETAIL: Detail = MappingProxyType({})
ACTIONS = ("C", "R", "U", "D", "E")  # create, read, update, delete, execute (DICOM PS3.15 A.5)
GENESIS = bytes(32)  # stands for the link before the first


@dataclass(frozen=True, slots=True)
class Agent:
    """Who did it: a signed-in person, a registered system, or nobody known.

    `session` names what one note of an access is good for: a session, a token's day, an
    association.
    """

    user: UserId | None
    name: str
    group: GroupId | None
    session: str = ""
    purpose: str = ""

    @staticmethod
    def of(principal: Principal) -> "Agent":
        """Make the agent that a person or token is."""
        return Agent(
            principal.user,
            principal.name,
            principal.group,
            principal.session,
            principal.purpose,
        )

    @staticmethod
    def of_peer(peer: PeerId, name: str, group: GroupId, conversation: str) -> "Agent":
        """Make the agent that a registered system is.

        `conversation` tells one association or connection from the next.
        """
        return Agent(None, name, group, f"peer:{peer}:{conversation}", "operations")


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened. `detail` holds plain values and no patient data."""

    owner_group: GroupId
    at: datetime
    action: str
    kind: str
    door: str
    agent: Agent
    outcome: str = "success"
    patient_id: PatientId | None = None
    study_id: StudyId | None = None
    object_id: UUID | None = None
    detail: Detail = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.action not in ACTIONS:
            raise ValueError(f"action {self.action!r} is none of {', '.join(ACTIONS)}")
        if self.at.tzinfo is None:
            raise ValueError("an audit event's instant must be aware")


@dataclass(frozen=True, slots=True)
class Link:
    """An event in its group's chain."""

    seq: int
    event: Event
    mac: bytes


@dataclass(frozen=True, slots=True)
class ChainState:
    """What checking a chain found.

    `head` is the last link's mac. Kept elsewhere with `count`, it shows that the end of the
    chain was cut off, which the rows that are left cannot show.
    """

    ok: bool
    first_bad_seq: int | None
    count: int
    head: bytes = GENESIS


def mac_of(key: bytes, previous: bytes, seq: int, event: Event) -> bytes:
    """Return HMAC-SHA256 over the previous mac, the number (8 bytes, big-endian) and event."""
    message = previous + seq.to_bytes(8, "big") + canonical(event)
    return hmac.digest(key, message, hashlib.sha256)


def canonical(event: Event) -> bytes:
    """Write an event as the one JSON that its mac covers: sorted keys, UTC, no spaces."""
    agent = {one.name: _plain(getattr(event.agent, one.name)) for one in fields(Agent)}
    flat = {
        one.name: _plain(getattr(event, one.name))
        for one in fields(Event)
        if one.name not in ("agent", "detail")
    }
    whole = {**flat, "agent": agent, "detail": dict(event.detail)}
    text = json.dumps(whole, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return text.encode("ascii")


def check_chain(
    key: bytes, links: Iterable[Link], known: ChainState | None = None
) -> ChainState:
    """Walk a chain in its order; stop at the first link that does not follow.

    `known` is what an earlier check found, kept outside the database: the chain must still
    hold that head at that place, so a cut-off or rebuilt end shows too.
    """
    previous, expected = GENESIS, 1
    for link in links:
        right = mac_of(key, previous, link.seq, link.event)
        fits = link.seq == expected and hmac.compare_digest(right, link.mac)
        if known and fits and expected == known.count:
            fits = hmac.compare_digest(link.mac, known.head)
        if not fits:
            return ChainState(
                ok=False, first_bad_seq=expected, count=expected - 1, head=previous
            )
        previous, expected = link.mac, expected + 1
    whole = known is None or expected > known.count
    return ChainState(
        ok=whole,
        first_bad_seq=None if whole else expected,
        count=expected - 1,
        head=previous,
    )


def storable(text: str) -> str:
    """Leave out what PostgreSQL text cannot hold, so that a mac covers what is stored."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")


def _plain(value: object) -> str | None:
    if value is None:
        return None
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    return str(value)
