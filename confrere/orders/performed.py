"""Performed procedure steps: what a modality tells of an exam's begin and end (PS3.4 annex F). Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from confrere.kernel.errors import Conflict, Invalid
from confrere.kernel.ids import GroupId, PeerId, SiteId

IN_PROGRESS, COMPLETED, DISCONTINUED = "IN PROGRESS", "COMPLETED", "DISCONTINUED"
FINAL_STATES = frozenset({COMPLETED, DISCONTINUED})


class StepExists(Conflict):
    """A step is created under a UID that another one bears."""


class StepIsOver(Conflict):
    """A step that is completed or discontinued is changed (PS3.4 F.7.2.2.2)."""


@dataclass(frozen=True, slots=True)
class Step:
    """One performed procedure step; `said` is the whole of what was told, by tag."""

    step_uid: str
    state: str
    begun_at: datetime
    modality: str = ""
    station: str = ""
    description: str = ""
    study_uid: str = ""
    accessions: tuple[str, ...] = ()
    ended_at: datetime | None = None
    reason: str = ""  # why it was discontinued
    images: int = 0
    said: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Change:
    """What an N-SET tells; None leaves as it was."""

    state: str | None = None
    ended_at: datetime | None = None
    description: str | None = None
    reason: str | None = None
    images: int | None = None
    has_series: bool = False
    said: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Kept:
    """A step with its place in the database."""

    id: UUID
    owner_group: GroupId
    site: SiteId
    peer: PeerId
    step: Step
    changed_at: datetime


def begin(step: Step) -> Step:
    """Check a new step; raises Invalid."""
    if step.state != IN_PROGRESS:
        raise Invalid(
            "a step begins IN PROGRESS (PS3.4 F.7.2.1.2)", "PerformedProcedureStepStatus"
        )
    return step


def changed(step: Step, told: Change) -> Step:
    """Apply an N-SET; raises StepIsOver, or Invalid where a final state lacks what it needs."""
    if step.state in FINAL_STATES:
        raise StepIsOver("the step is over: it may no longer be updated")
    state = told.state or step.state
    if state not in FINAL_STATES | {IN_PROGRESS}:
        raise Invalid(
            "the status is IN PROGRESS, COMPLETED or DISCONTINUED",
            "PerformedProcedureStepStatus",
        )
    after = replace(
        step, state=state, ended_at=told.ended_at or step.ended_at,
        description=step.description if told.description is None else told.description,
        reason=step.reason if told.reason is None else told.reason,
        images=step.images if told.images is None else told.images,
        said={**step.said, **told.said},
    )  # fmt: skip
    if state in FINAL_STATES and after.ended_at is None:
        raise Invalid(
            "a step that is over tells when it ended", "PerformedProcedureStepEndDate"
        )
    has_series = told.has_series or bool(step.said.get("00400340"))
    if state == COMPLETED and not has_series:
        raise Invalid("a completed step names its series", "PerformedSeriesSequence")
    return after
