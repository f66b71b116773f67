"""What is known of a patient, from messages that may come in any order and more than once. Pure.

Each field is as the message told it that was said last; a message that leaves it out tells
nothing of it. Of two said in the same instant the greater text counts, so that the order in
which they come never matters.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from confrere.patients.model import Demographics

FIELDS = (
    "family", "given", "birth_date", "sex", "postal_code", "street", "phone", "national_last4",
)  # fmt: skip
UNTOLD = datetime(1, 1, 1, tzinfo=UTC)  # said by no registration: anything said is newer
AHEAD = timedelta(minutes=5)
Told = Mapping[str, str]  # field -> when it was said, ISO 8601


def told(
    before: Demographics, said: Told, came: Demographics, at: datetime
) -> tuple[Demographics, dict[str, str]]:
    """Join what is known with what came, said `at`."""
    times = dict(said)
    values = {}
    for name in FIELDS:
        old, new = getattr(before, name), getattr(came, name)
        if new and _rank(said.get(name), old) < (at, str(new)):
            values[name], times[name] = new, at.isoformat()
    return replace(before, **values), times


def plausible(said_at: datetime | None, heard_at: datetime) -> datetime:
    """When it was said; a clock that is plainly ahead of ours does not win for ever."""
    return heard_at if said_at is None else min(said_at, heard_at + AHEAD)


def _rank(at: str | None, value: object) -> tuple[datetime, str]:
    return datetime.fromisoformat(at) if at else UNTOLD, str(value or "")
