"""What the viewer starts with: its configuration, put together from parts, and the line's probe."""

import json
import os
from functools import cache
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from confrere.database.engine import transaction
from confrere.identity.permissions import Permission
from confrere.kernel.principal import Principal
from confrere.reading import hangings
from confrere.reading.hanging import Hanging
from confrere.web.access import allow
from confrere.web.context import context_of
from confrere.web.rendering import STATIC

# the configuration uses what the others put beside it
PARTS = ("line", "hanging", "scroll", "tell", "labels", "config")
PROBE = os.urandom(128 << 10)
Viewer = Annotated[Principal, Depends(allow(Permission.READ_IMAGES))]

router = APIRouter()


@router.get("/ohif/app-config.js")
def viewer_config(request: Request, me: Viewer) -> Response:
    """Serve the viewer's configuration, with what the deployment and this person decided."""
    context = context_of(request)
    with transaction(context.engine, me.groups) as conn:
        wishes = hangings.of_user(conn, me.user)
    start = {
        "cleared": context.viewer_cleared(),
        "hangings": [_hanging(one) for one in wishes],
    }
    return Response(
        f"window.confrere = {json.dumps(start)};\n{_script()}",
        media_type="text/javascript",
        headers={"cache-control": "private, no-cache"},
    )


@router.get("/ohif/line-probe", dependencies=[Depends(allow(Permission.READ_IMAGES))])
def line_probe() -> Response:
    """Bytes that do not pack, for the viewer to tell a line from a network by."""
    return Response(PROBE, media_type="application/octet-stream")


@cache
def _script() -> str:
    files = (STATIC / f"ohif-{part}.js" for part in PARTS)
    return "\n".join(one.read_text(encoding="utf-8") for one in files)


def _hanging(one: Hanging) -> dict[str, object]:
    windows = [{"name": w.name, "window": w.width, "level": w.level} for w in one.windows]
    return {
        "id": str(one.id),
        "modality": one.modality,
        "layout": one.layout,
        "first": one.first,
        "windows": windows,
    }
