"""How urgent an exam is, and by when its report is due. Pure.

The minutes are the collaborative's defaults (DOMAIN A, "TAT targets"); a hospital's contract
overrides them. The clock runs from exam complete to the signed report.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

STROKE, STAT, ED, URGENT, INPATIENT, ROUTINE = (
    "stroke", "stat", "ed", "urgent", "inpatient", "routine",
)  # fmt: skip
MINUTES = {STROKE: 20, STAT: 30, ED: 60, URGENT: 60, INPATIENT: 240, ROUTINE: 1440}
AT_ONCE = frozenset({STROKE, STAT, ED})  # offered from the first image
NAMES = {
    STROKE: "Stroke", STAT: "STAT", ED: "ED", URGENT: "Urgent", INPATIENT: "Inpatient",
    ROUTINE: "Routine",
}  # fmt: skip


def priority_of(requested: str, patient_class: str, *words: str) -> str:
    """Tell the priority from ORC-7 / TQ1-9, the patient class, and the request's words.

    S (STAT), A (ASAP) and their spelled forms rank first; an emergency patient is ED at
    least; an inpatient's routine is due in hours and an outpatient's in a day. A stroke
    alert is named as such by the request.
    """
    asked = requested.strip().upper()
    text = " ".join(words).casefold()
    if "stroke alert" in text or "code stroke" in text:
        return STROKE
    if asked in ("S", "STAT", "ST", "TRAUMA") or "trauma alert" in text:
        return STAT
    if patient_class == "E":
        return ED
    if asked in ("A", "ASAP", "U", "URGENT", "T", "P", "C"):
        return URGENT
    return INPATIENT if patient_class == "I" else ROUTINE


def due(clock_at: datetime, priority: str, contract: Mapping[str, int] | None) -> datetime:
    """The instant by which the report is due."""
    minutes = (contract or {}).get(priority, MINUTES.get(priority, MINUTES[ED]))
    return clock_at + timedelta(minutes=minutes)
