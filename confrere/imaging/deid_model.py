"""De-identified exports that were asked for, and what is held for a person's eyes. Pure."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from confrere.imaging.confidentiality import Options
from confrere.kernel.errors import Invalid
from confrere.kernel.ids import GroupId, StudyId

ASKED, RUNNING, REVIEW, READY = "asked", "running", "review", "ready"
REFUSED, FAILED, EXPIRED = "refused", "failed", "expired"
WAITING, RELEASED, REJECTED = "waiting", "released", "rejected"
KEPT_FOR = timedelta(days=14)
MOST_STUDIES = 200
MOST_BOXES = 200
LONGEST_NAME, SHORTEST_PURPOSE = 64, 10
CORNERS = 4

Box = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Export:
    """One export: who asked and allowed it, how far it is, what it came to."""

    id: UUID
    owner_group: GroupId
    project: str
    purpose: str
    options: Options
    studies: tuple[StudyId, ...]
    state: str
    asked_by: str
    asked_at: datetime
    decided_by: str
    decided_at: datetime | None
    reason: str
    done: int
    total: int
    counts: Mapping[str, int]
    digest: bytes | None
    size: int
    finished_at: datetime | None
    expires_at: datetime | None
    sent: tuple[
        Mapping[str, Any], ...
    ] = ()  # to which machine, by whom, when, how many, why not


@dataclass(frozen=True, slots=True)
class Held:
    """One instance that waits for a person, or was decided on. `boxes` are that person's."""

    id: UUID
    owner_group: GroupId
    export_id: UUID
    study_id: StudyId
    instance_id: UUID
    codes: tuple[str, ...]
    reasons: tuple[str, ...]
    fatal: bool
    digest: bytes
    transfer_syntax: str
    sop_class: str
    rows: int
    columns: int
    frames: int
    state: str
    boxes: tuple[Box, ...]
    decided_by: str
    decided_at: datetime | None


def options_data(options: Options) -> dict[str, bool]:
    """Write options as they are kept."""
    return asdict(options)


def options_of(data: Mapping[str, Any]) -> Options:
    """Read options that were kept; unknown names are left out."""
    return Options(**{one.name: bool(data.get(one.name)) for one in fields(Options)})


def checked_words(project: str, purpose: str) -> tuple[str, str]:
    """Check the project's name and the purpose; raises Invalid."""
    name, why = project.strip(), purpose.strip()
    if not name or len(name) > LONGEST_NAME:
        raise Invalid(f"name the project in 1 to {LONGEST_NAME} characters", "project")
    if len(why) < SHORTEST_PURPOSE:
        raise Invalid("say what the export is for, in a sentence", "purpose")
    return name, why


def read_boxes(text: str, rows: int, columns: int) -> tuple[Box, ...]:
    """Read boxes as a page sends them, `[[x, y, width, height], ...]`; raises Invalid."""
    try:
        given = json.loads(text or "[]")
        boxes = tuple((int(a), int(b), int(c), int(d)) for a, b, c, d in given)
    except (ValueError, TypeError, RecursionError):
        raise Invalid("boxes are lists of x, y, width and height", "boxes") from None
    if len(boxes) > MOST_BOXES:
        raise Invalid(f"at most {MOST_BOXES} boxes; draw larger ones", "boxes")
    for x, y, width, height in boxes:
        if width <= 0 or height <= 0 or not (0 <= x < columns and 0 <= y < rows):
            raise Invalid("a box lies outside the picture; draw it again", "boxes")
    return boxes


def summed(counts: Sequence[Mapping[str, int]]) -> dict[str, int]:
    """Add up counts."""
    total: dict[str, int] = {}
    for one in counts:
        for name, number in one.items():
            total[name] = total.get(name, 0) + number
    return total
