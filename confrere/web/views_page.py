"""Saved views of the worklist, of the person alone."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, StringConstraints

from confrere.database.engine import transaction
from confrere.identity.permissions import Permission
from confrere.kernel.errors import Invalid
from confrere.kernel.principal import Principal
from confrere.web.access import allow
from confrere.web.context import context_of
from confrere.worklist import views
from confrere.worklist.views import View

Reader = Annotated[Principal, Depends(allow(Permission.READ_WORKLIST))]
Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=views.LONGEST)]

router = APIRouter()


class Asked(BaseModel):
    """A view as the page shows it now, with a name."""

    name: Text
    list: Text = "all"
    search: Text = ""
    modality: Text = ""
    site: Text = ""
    order: Text = "order"


@router.post("/worklist/views")
def save(request: Request, me: Reader, asked: Asked) -> JSONResponse:
    """Save the view under its name; 409 when there are too many."""
    if me.group is None:
        raise Invalid("views belong to people of a group", "name")
    context = context_of(request)
    view = View(asked.name, asked.list, asked.search, asked.modality, asked.site, asked.order)
    with transaction(context.engine, me.groups) as conn:
        views.save(conn, me.group, me.user, view, context.now())
    return JSONResponse({"name": view.name})


@router.delete("/worklist/views/{name}")
def remove(request: Request, me: Reader, name: str) -> JSONResponse:
    """Remove a view of one's own."""
    with transaction(context_of(request).engine, me.groups) as conn:
        views.remove(conn, me.user, name)
    return JSONResponse({"name": name})
