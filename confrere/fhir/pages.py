"""The token that says where a search's next page begins. Pure.

It holds when the last row shown was changed, and that row's random id: no patient data. It
also says whether the search came as a form: then its conditions are not in the address, and
the next page needs the form again.
"""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime
from uuid import UUID

from confrere.kernel.errors import Invalid
from confrere.kernel.periods import Place

NAME = "_page"


def token(place: Place, *, form: bool) -> str:
    """Write a place as a token."""
    plain = json.dumps([place.changed.isoformat(), str(place.id), form])
    return urlsafe_b64encode(plain.encode()).decode("ascii").rstrip("=")


def place_of(text: str, *, form: bool) -> Place:
    """Read a token; raises Invalid for one that we did not write, or not for such a request."""
    found = _read(text)
    if found is None:
        raise Invalid(f"{NAME}: follow the link of the page before", NAME)
    place, by_form = found
    if by_form and not form:
        raise Invalid(
            f"{NAME}: this search came as a form; POST the same form to this link", NAME
        )
    return place


def _read(text: str) -> tuple[Place, bool] | None:
    try:
        padded = text.encode("ascii") + b"=" * (-len(text) % 4)
        changed, key, by_form = json.loads(urlsafe_b64decode(padded))
        place = Place(datetime.fromisoformat(changed), UUID(key))
    except (ValueError, TypeError, AttributeError, RecursionError):
        return None
    return (place, bool(by_form)) if place.changed.tzinfo is not None else None
