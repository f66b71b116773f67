"""How a group wants its readers asked and its exams ordered."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, Response
from pydantic import BaseModel, StringConstraints

from confrere.database.engine import transaction
from confrere.identity.permissions import Permission
from confrere.kernel.errors import Invalid
from confrere.kernel.principal import Principal
from confrere.network import service as network
from confrere.network.routing_settings import FIRSTS, MODES, MOST_AHEAD, RoutingSettings
from confrere.orders.priorities import NAMES
from confrere.web.access import allow
from confrere.web.acts import note_act, show
from confrere.web.context import context_of
from confrere.web.rosters_page import group_of
from confrere.worklist.policy import LEVELS

Lead = Annotated[Principal, Depends(allow(Permission.MANAGE_ROSTERS))]
Share = Annotated[str, StringConstraints(strip_whitespace=True, max_length=6)]
WAITING = tuple(level for level in LEVELS if not level.first)  # STAT and stroke never wait

router = APIRouter(default_response_class=HTMLResponse)


class Asked(BaseModel):
    """The settings as they were typed; shares in per cent by level, empty for the policy's."""

    mode: str
    first: str
    ahead: int
    silence_seconds: int
    put_aside: str = ""
    hold_ed: Share = ""
    hold_urgent: Share = ""
    hold_inpatient: Share = ""
    hold_routine: Share = ""
    own_first_ed: Share = ""
    own_first_urgent: Share = ""
    own_first_inpatient: Share = ""
    own_first_routine: Share = ""

    def shares(self, name: str) -> dict[str, float]:
        """What was typed for `hold` or `own_first`; Invalid where it is no percentage."""
        found = {}
        for level in WAITING:
            typed = getattr(self, f"{name}_{level.name}").removesuffix("%").strip()
            if not typed:
                continue
            try:
                found[level.name] = float(typed) / 100
            except ValueError:
                raise Invalid(
                    f"{NAMES[level.name]}: give a percentage such as 35", name
                ) from None
        return found


@router.get("/rosters/routing")
def page(request: Request, me: Lead) -> Response:
    """Show the group's settings."""
    return _show(request, me)


@router.post("/rosters/routing")
def set_routing(request: Request, me: Lead, asked: Annotated[Asked, Form()]) -> Response:
    """Set them; they act at once."""
    new = RoutingSettings(
        asked.mode, asked.first, asked.shares("hold"), asked.shares("own_first"), asked.ahead,
        asked.put_aside == "yes", asked.silence_seconds,
    )  # fmt: skip
    with transaction(context_of(request).engine, me.groups) as conn:
        network.set_routing(conn, group_of(me), new)
        note_act(
            conn, request, me, "routing settings", mode=new.mode, first=new.first,
            ahead=new.ahead, put_aside="yes" if new.put_aside else "no",
            silence_seconds=new.silence_seconds,
        )  # fmt: skip
    return _show(request, me, "Set. The dispatcher and the lists follow within seconds.")


def _show(request: Request, me: Principal, said: str = "") -> Response:
    with transaction(context_of(request).engine, me.groups) as conn:
        directory = network.directory(conn, context_of(request).now())
    return show(
        request, "routing.html", "parts/routing_body.html", said=said,
        now_set=directory.routing_of(group_of(me)), modes=MODES, firsts=FIRSTS,
        most_ahead=MOST_AHEAD, levels=WAITING, names=NAMES,
    )  # fmt: skip
