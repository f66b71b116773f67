"""What the doctor finds."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One checked thing."""

    ok: bool
    what: str
    remedy: str = ""
