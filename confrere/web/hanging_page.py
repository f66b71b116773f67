"""How a reader wants exams to open in the viewer, by modality and body part."""

from typing import Annotated
from uuid import UUID, uuid4

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, Response

from confrere.database.engine import transaction
from confrere.identity.permissions import Permission
from confrere.kernel.errors import Invalid
from confrere.kernel.principal import Principal
from confrere.reading import hangings
from confrere.reading.hanging import LAYOUTS, LONGEST_WORD, Hanging, windows_of
from confrere.web.access import allow
from confrere.web.acts import show
from confrere.web.context import context_of
from confrere.web.credential_scope import Typed

PAGE, PART = "hanging.html", "parts/hanging_body.html"
MODALITIES = ("CR", "CT", "DX", "MG", "MR", "NM", "PT", "RF", "US", "XA")
USUAL = {
    "CT": "Brain 80/40, Subdural 200/80, Lung 1500/-600, Bone 2000/500",
}
Viewer = Annotated[Principal, Depends(allow(Permission.READ_IMAGES))]

router = APIRouter(default_response_class=HTMLResponse)


@router.get("/hanging")
def page(request: Request, me: Viewer, modality: str = "", region: str = "") -> Response:
    """Show the person's own hanging protocols; the form begins with what the address names."""
    return _show(request, me, modality=modality[:2], region=region[:LONGEST_WORD])


@router.post("/hanging")
def keep(request: Request, me: Viewer, form: Typed) -> Response:
    """Keep one; the one for the same modality and body part is replaced."""
    if me.group is None:
        raise Invalid("hanging protocols belong to people of a group", "layout")
    context = context_of(request)
    wish = Hanging(
        uuid4(), form.get("modality", "").upper(), form.get("region", "").lower(),
        form.get("layout", ""), form.get("first", ""), windows_of(form.get("windows", "")),
    )  # fmt: skip
    with transaction(context.engine, me.groups) as conn:
        hangings.keep(conn, me.group, me.user, wish, context.now())
    return _show(request, me, f"Kept for {_place(wish)}: it counts from the next exam on.")


@router.post("/hanging/{wish_id}/remove")
def remove(request: Request, me: Viewer, wish_id: UUID) -> Response:
    """Remove one of the person's own."""
    with transaction(context_of(request).engine, me.groups) as conn:
        hangings.remove(conn, me.user, wish_id)
    return _show(request, me, "Removed. Such exams open as usual again.")


def _show(
    request: Request, me: Principal, said: str = "", modality: str = "", region: str = ""
) -> Response:
    with transaction(context_of(request).engine, me.groups) as conn:
        wishes = hangings.of_user(conn, me.user)
    start = next((w for w in wishes if (w.modality, w.region) == (modality, region)), None)
    return show(
        request, PAGE, PART, said=said, wishes=wishes, layouts=LAYOUTS, modalities=MODALITIES,
        modality=modality, region=region, start=start, usual=USUAL, place=_place,
    )  # fmt: skip


def _place(wish: Hanging) -> str:
    return f"{wish.modality} {wish.region}".strip() or "all exams"
