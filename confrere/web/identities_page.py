"""Whether two identities are one person: what waits for a person, and what was decided.

A group sees its own patient's data and how each field compares. The other group's values stay
covered until the link is confirmed by both and its records are open to this group; see
docs/identities.md.
"""

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import StringConstraints
from sqlalchemy import Connection

from confrere.database.engine import transaction
from confrere.identity.permissions import Permission
from confrere.kernel.errors import NotFound, Refused
from confrere.kernel.ids import GroupId, PatientId
from confrere.kernel.principal import Principal
from confrere.network import service as network
from confrere.patients import linking
from confrere.patients import service as patients
from confrere.patients.comparing import LEVELS
from confrere.patients.matching import NUMBER
from confrere.patients.model import Demographics, Patient
from confrere.patients.pairs import Choice, Pair, Said, State
from confrere.web.access import allow
from confrere.web.acts import note_act, note_seen, show
from confrere.web.context import context_of

MOST_SHOWN = 30
PAGE, BODY = "identities.html", "parts/identities_body.html"
TABS = {"waiting": State.REVIEW, "apart": State.APART, "linked": State.LINKED}
LABELS = {"waiting": "To decide", "apart": "Kept apart", "linked": "Linked"}
SAID = {
    Choice.LINK: "Noted: one person.", Choice.APART: "Noted: not the same person.",
    Choice.LATER: "Put off: it comes last now.", Choice.AGAIN: "It waits to be decided again.",
}  # fmt: skip
FIELDS = {
    "family": "Family name", "given": "Given name", "birth_date": "Born", "sex": "Sex",
    "postal_code": "ZIP", "street": "Street", "phone": "Phone",
    "national_last4": "National number, last 4",
}  # fmt: skip
Steward = Annotated[Principal, Depends(allow(Permission.RESOLVE_IDENTITIES))]
Reason = Annotated[str, StringConstraints(strip_whitespace=True, max_length=300), Form()]

router = APIRouter(default_response_class=HTMLResponse)


@dataclass(frozen=True, slots=True)
class Line:
    """One field of a pair, side by side; None is covered, empty is not known."""

    label: str
    mine: str
    theirs: str | None
    level: str
    bits: float | None


@dataclass(frozen=True, slots=True)
class Shown:
    """A pair as its group may see it."""

    pair: Pair
    mine: Patient
    theirs: Patient | None
    other_group: str
    lines: tuple[Line, ...]
    waits_for: str  # whose word a link still needs; empty where one's own does

    @property
    def bar(self) -> float:
        """The score in percent of what is surely one person, for the eye."""
        return max(0.0, min(100.0, self.pair.score / 30 * 100))


@router.get("/identities")
def start(me: Steward) -> Response:  # noqa: ARG001 - `me` guards
    """Go to what waits."""
    return RedirectResponse("/identities/waiting", 303)


@router.get("/identities/pair/{pair_id}")
def one_pair(request: Request, me: Steward, pair_id: UUID) -> Response:
    """Show one pair with all that became of it."""
    return _show_one(request, me, pair_id)


@router.get("/identities/{tab}")
def pairs_of(request: Request, me: Steward, tab: str) -> Response:
    """Show one list."""
    if tab not in TABS:
        raise NotFound("There is no such list of identities.")
    return _show(request, me, tab)


@router.post("/identities/{pair_id}")
def decide(
    request: Request, me: Steward, pair_id: UUID, choice: Annotated[Choice, Form()],
    version: Annotated[int, Form()], back: Annotated[str, Form(max_length=12)] = "waiting",
    reason: Reason = "",
) -> Response:  # fmt: skip
    """Take a decision on a pair; the persons follow in a moment."""
    group, context = _group(me), context_of(request)
    said = Said(group, me.name, context.now(), reason)
    with transaction(context.engine, me.groups) as conn:
        after = linking.decide(conn, pair_id, version, choice, said)
        note_act(
            conn, request, me, "patient link", object_id=pair_id, patient=after.of(group),
            act=str(choice), state=str(after.state),
        )  # fmt: skip
    words = SAID[choice]
    if choice is Choice.LINK and after.state is not State.LINKED:
        words += " The other group is asked too; nothing is shown until it agrees."
    if back == "pair":
        return _show_one(request, me, pair_id, words)
    return _show(request, me, back if back in TABS else "waiting", words)


def _group(me: Principal) -> GroupId:
    if me.group is None:
        raise Refused("Identities belong to groups; sign in with a group's account.")
    return me.group


def _show(request: Request, me: Principal, tab: str, said: str = "") -> Response:
    group, context = _group(me), context_of(request)
    with transaction(context.engine, me.groups) as conn:
        found = (
            linking.waiting(conn, group, MOST_SHOWN)
            if tab == "waiting"
            else linking.settled(conn, group, TABS[tab], MOST_SHOWN)
        )
        shown = _shown(conn, group, found)
        tabs = _tabs(conn, group)
        note_seen(
            conn, request, me, "identity list", now=context.now(), list=tab, shown=len(shown)
        )
    return show(request, PAGE, BODY, said=said, tab=tab, tabs=tabs, pairs=shown, history=None)


def _show_one(request: Request, me: Principal, pair_id: UUID, said: str = "") -> Response:
    group, context = _group(me), context_of(request)
    with transaction(context.engine, me.groups) as conn:
        shown = _shown(conn, group, [linking.get(conn, pair_id)])
        history = linking.history(conn, pair_id)
        tabs = _tabs(conn, group)
        note_seen(
            conn, request, me, "patient link", now=context.now(), object_id=pair_id,
            patient=shown[0].mine.id if shown else None,
        )  # fmt: skip
    return show(
        request, PAGE, BODY, said=said, tab="pair", tabs=tabs, pairs=shown, history=history
    )


def _tabs(conn: Connection, group: GroupId) -> list[tuple[str, str, int]]:
    counts = linking.counts(conn, group)
    return [(tab, LABELS[tab], counts.get(state, 0)) for tab, state in TABS.items()]


def _shown(conn: Connection, group: GroupId, found: list[Pair]) -> list[Shown]:
    ids: set[PatientId] = {end for pair in found for end in (pair.one, pair.other)}
    seen = {one.id: one for one in patients.get_many(conn, sorted(ids))}
    named = {one.id: one.name for one in network.groups(conn)}
    return [_side_by_side(pair, group, seen, named) for pair in found if pair.of(group) in seen]


def _side_by_side(
    pair: Pair, group: GroupId, seen: dict[PatientId, Patient], named: dict[GroupId, str]
) -> Shown:
    mine = seen[pair.of(group)]
    theirs = seen.get(pair.other if mine.id == pair.one else pair.one)
    if theirs and theirs.owner_group != group and pair.state is not State.LINKED:
        theirs = None  # an exam on loan may show them; the comparison does not, before a link
    weighed = {one.field: one for one in pair.fields}
    lines = tuple(
        Line(
            FIELDS[field], _value(mine.demographics, field),
            _value(theirs.demographics, field) if theirs else None,
            weighed[field].level if field in weighed else "",
            weighed[field].bits if field in weighed else None,
        )
        for field in LEVELS
    )  # fmt: skip
    if NUMBER in weighed:
        own, their = (
            ", ".join(f"{n} ({a})" for a, n in sorted(one.demographics.record_numbers))
            if one else None
            for one in (mine, theirs)
        )  # fmt: skip
        lines += (Line("Record numbers", own or "", their, "one is the same", None),)
    others = pair.groups - {group}
    other = next(iter(others), group)
    waits = named.get(other, "") if group in pair.yes and other not in pair.yes else ""
    return Shown(pair, mine, theirs, named.get(other, "") if others else "", lines, waits)


def _value(said: Demographics, field: str) -> str:
    value = getattr(said, field)
    return str(value) if value else ""
