"""The form by which a person says what a site's procedure code means."""

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, StringConstraints

from confrere.kernel.errors import Invalid
from confrere.kernel.ids import GroupId, SiteId
from confrere.orders.model import Procedure

MODALITIES = ("CR", "CT", "DX", "MG", "MR", "NM", "PT", "RF", "US", "XA")
CONTRASTS = ("", "without", "with", "both")
Words = Annotated[str, StringConstraints(strip_whitespace=True, max_length=300)]
Code = Annotated[str, StringConstraints(strip_whitespace=True, max_length=64)]


class Meaning(BaseModel):
    """What a site's code means, as it was typed."""

    site: UUID
    code: Annotated[str, StringConstraints(max_length=64)]  # as sent, spaces included
    text: Words = ""
    modality: Code = ""
    body_region: Code = ""
    subspecialty: Code = ""
    minutes: Code = "8"
    wrvu: Code = ""
    contrast: Code = ""
    advanced: Code = ""
    certificates: Code = ""
    child_below: Code = ""
    child_subspecialty: Code = ""


def read_meaning(said: Meaning, owner: GroupId) -> Procedure:
    """Check what was typed; Invalid names the field and what to do."""
    if said.modality not in MODALITIES:
        raise Invalid(f"Choose the modality: {', '.join(MODALITIES)}.", "modality")
    if not said.subspecialty:
        raise Invalid("Choose the subspecialty that reads this exam.", "subspecialty")
    if said.contrast not in CONTRASTS:
        raise Invalid("The contrast is without, with, both, or empty.", "contrast")
    below = _whole(said.child_below or "0", "child_below", 0, 21)
    if bool(below) != bool(said.child_subspecialty):
        raise Invalid(
            "Give both: below which age, and which subspecialty reads a child's exam.",
            "child_subspecialty",
        )
    return Procedure(
        owner, SiteId(said.site), said.code, said.text, said.modality, said.body_region,
        said.subspecialty, said.advanced == "yes", _whole(said.minutes, "minutes", 1, 600),
        _wrvu(said.wrvu), said.contrast,
        tuple(one.strip() for one in said.certificates.split(",") if one.strip()),
        below, said.child_subspecialty,
    )  # fmt: skip


def _whole(text: str, field: str, least: int, most: int) -> int:
    try:
        number = int(text)
    except ValueError:
        number = least - 1
    if not least <= number <= most:
        raise Invalid(f"Give a whole number from {least} to {most}.", field)
    return number


def _wrvu(text: str) -> Decimal | None:
    try:
        wrvu = Decimal(text) if text else None
    except InvalidOperation:
        raise Invalid("Give the work RVU as a number, as 0.85.", "wrvu") from None
    if wrvu is not None and not (wrvu.is_finite() and 0 <= wrvu < 1000):  # noqa: PLR2004
        raise Invalid("The work RVU lies between 0 and 1000.", "wrvu")
    return wrvu


def choices(known: Sequence[Procedure]) -> dict[str, Any]:
    """What the form offers to choose from: the group's own words."""
    return {
        "modalities": MODALITIES,
        "contrasts": CONTRASTS,
        "regions": sorted({one.body_region for one in known if one.body_region}),
        "subspecialties": sorted({one.subspecialty for one in known if one.subspecialty}),
    }
