"""A replay that a group asks for: its changes as data, and what it came to. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from confrere.kernel.errors import Invalid
from confrere.kernel.ids import AgreementId, GroupId, ReaderId, SiteId
from confrere.worklist.changes import Absent, Admit, Change, Hold, Without
from confrere.worklist.gaps import Gap
from confrere.worklist.simulation import Outcome

QUEUED, RUNNING, READY, FAILED = "queued", "running", "ready", "failed"


@dataclass(frozen=True, slots=True)
class Experiment:
    """A replay that was asked for. `done` is a share, 0 to 1; instants are UTC."""

    id: UUID
    owner_group: GroupId
    asked_by: str
    asked: Mapping[str, Any]
    starts_at: datetime
    ends_at: datetime
    state: str
    done: float
    result: Mapping[str, Any]
    error: str
    created_at: datetime
    finished_at: datetime | None

    @property
    def over(self) -> bool:
        """Say whether there is nothing more to wait for."""
        return self.state in (READY, FAILED)


def as_data(changes: Sequence[Change]) -> dict[str, Any]:
    """Write changes as JSON keeps them."""
    said: dict[str, Any] = {"admit": [], "without": [], "absent": []}
    for one in changes:
        if isinstance(one, Admit):
            said["admit"].append([str(one.reader), str(one.site)])
        elif isinstance(one, Without):
            said["without"].append(str(one.agreement))
        elif isinstance(one, Absent):
            said["absent"].append(str(one.reader))
        else:
            said["hold"] = asdict(one)
    return said


def from_data(said: Mapping[str, Any]) -> list[Change]:
    """Read changes as JSON keeps them; Invalid where it is none of ours."""
    try:
        found: list[Change] = [
            Admit(ReaderId(UUID(reader)), SiteId(UUID(site)))
            for reader, site in said.get("admit", ())
        ]
        found += [Without(AgreementId(UUID(one))) for one in said.get("without", ())]
        found += [Absent(ReaderId(UUID(one))) for one in said.get("absent", ())]
        if "hold" in said:
            found.append(Hold(**said["hold"]))
    except (ValueError, TypeError) as error:
        raise Invalid("the changes cannot be read; make them anew", "changes") from error
    return found


def outcome_data(one: Outcome) -> dict[str, Any]:
    """Write an outcome as JSON keeps it."""
    return asdict(one)


def gap_data(one: Gap) -> dict[str, Any]:
    """Write a gap as JSON keeps it."""
    return asdict(one) | {"reader": str(one.reader), "site": str(one.site)}
