"""Search in the collaborative's directory, which is small and held in memory. Pure."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from confrere.fhir.parameters import Criteria
from confrere.fhir.resource import Found, Page, paged
from confrere.kernel.periods import Place

NEVER = datetime(1970, 1, 1, tzinfo=UTC)  # the directory does not keep when it changed


def page(found: Sequence[Found], limit: int, after: Place | None) -> Page:
    """Sort by id, and cut a page behind `after`."""
    ordered = sorted(found, key=lambda one: str(one.body["id"]))
    left = [one for one in ordered if after is None or one.body["id"] > str(after.id)]
    kept, then = paged(left[: limit + 1], limit, lambda one: Place(NEVER, UUID(one.body["id"])))
    return Page(kept, then)


def named(asked: Criteria, name: str, text: str) -> bool:
    """Say whether a name, or a word of it, fits what is asked of it."""
    return all(
        any(_fits(modifier, text, value) for value in values)
        for modifier, values in asked.strings(name)
    )


def identified(asked: Criteria, system: str, code: str) -> bool:
    """Say whether an identifier is among those asked for."""
    return all(
        any(token.names(system, code) for token in tokens)
        for tokens in asked.tokens("identifier")
    )


def _fits(modifier: str, text: str, value: str) -> bool:
    if modifier == "exact":
        return text == value
    low, sought = text.casefold(), value.casefold()
    if modifier == "contains":
        return sought in low
    return low.startswith(sought) or f" {sought}" in low
