"""Look up a person, and see who they are at each site and what was done.

What is typed travels in the body of a POST: an address may be logged.
"""

from datetime import date, timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, Response
from pydantic import BaseModel, StringConstraints
from sqlalchemy import Connection

from confrere.database.engine import transaction
from confrere.identity.permissions import Permission
from confrere.imaging import service as imaging
from confrere.kernel.errors import Invalid, NotFound
from confrere.kernel.ids import PatientId
from confrere.kernel.periods import Span
from confrere.kernel.principal import Principal
from confrere.network import service as network
from confrere.orders import service as orders
from confrere.patients import linking
from confrere.patients import service as patients
from confrere.patients.model import Fit, NameSought, Patient, PatientsSought
from confrere.patients.pairs import State
from confrere.reading import service as reading
from confrere.web.access import allow
from confrere.web.acts import note_seen, show
from confrere.web.context import context_of
from confrere.web.patient_scope import may_look, opened_to
from confrere.web.patient_timeline import Records, timeline
from confrere.web.rendering import render
from confrere.web.study_links import own_viewer

MOST_FOUND = 50
MOST_ORDERS = 500
SHORTEST_NAME = 2
PAGE, FOUND = "patients.html", "parts/patients_found.html"
Reader = Annotated[Principal, Depends(allow(Permission.READ_PATIENTS))]
Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=128)]

router = APIRouter(default_response_class=HTMLResponse)


class Asked(BaseModel):
    """The search as it was typed."""

    name: Text = ""
    mrn: Text = ""
    born: Text = ""


@router.get("/patients")
def patients_page(request: Request, me: Reader) -> Response:
    """Show the search."""
    with transaction(context_of(request).engine, me.groups) as conn:
        undecided = _undecided(conn, me)
    return show(
        request, PAGE, FOUND, asked=Asked(), found=None, more=False, undecided=undecided
    )


@router.post("/patients")
def search(request: Request, me: Reader, asked: Annotated[Asked, Form()]) -> Response:
    """Show the own group's patients that fit."""
    sought = read_search(asked)
    context = context_of(request)
    with transaction(context.engine, me.groups) as conn:
        listed = patients.page(conn, sought, 2 * MOST_FOUND)
        own = [one for one in listed if one.owner_group == me.group]
        undecided = _undecided(conn, me)
        given = [name for name, value in asked.model_dump().items() if value]
        note_seen(
            conn, request, me, "patient search", now=context.now(), by=", ".join(given),
            found=len(own),
        )  # fmt: skip
    more = len(own) > MOST_FOUND or len(listed) == 2 * MOST_FOUND
    return show(
        request, PAGE, FOUND, asked=asked, found=own[:MOST_FOUND], more=more,
        undecided=undecided,
    )  # fmt: skip


@router.get("/patients/{patient_id}")
def patient_page(request: Request, me: Reader, patient_id: UUID) -> Response:
    """Show one person: identities with why they are linked, and the timeline."""
    context = context_of(request)
    now = context.now()
    with transaction(context.engine, me.groups) as conn:
        patient = patients.get(conn, PatientId(patient_id))
        opened = opened_to(conn, me, now)
        if not may_look(me, patient, opened):
            raise NotFound("no such patient among those that you may look up")
        same = patients.same_person(conn, patient)
        shown = [one for one in same if may_look(me, one, opened)]
        values = _values(conn, me, shown)
        note_seen(
            conn, request, me, "patient", now=now, object_id=patient.id,
            owner=patient.owner_group, patient=patient.id,
        )  # fmt: skip
    return render(
        request, "patient.html", patient=patient, identities=shown,
        hidden=len(same) - len(shown), viewer=own_viewer, **values,
    )  # fmt: skip


def _undecided(conn: Connection, me: Principal) -> int:
    return linking.counts(conn, me.group).get(State.REVIEW, 0) if me.group else 0


def read_search(asked: Asked) -> PatientsSought:
    """Turn what was typed into what is sought; Invalid names the field.

    With a comma the family name stands before it; without, each word must be in a name.
    """
    if not (asked.name or asked.mrn or asked.born):
        raise Invalid("Give a name, an MRN or a birth date.", "name")
    return PatientsSought(
        identifiers=(frozenset({(None, asked.mrn)}),) if asked.mrn else (),
        names=_names(asked.name),
        born=(_day(asked.born),) if asked.born else None,
    )


def _names(text: str) -> tuple[NameSought, ...]:
    if not text:
        return ()
    if len(text) < SHORTEST_NAME:
        raise Invalid("Give at least two letters of the name.", "name")
    family, comma, given = text.replace("^", ",").partition(",")
    if not comma:
        both, words = ("family", "given"), text.split()
        fit = Fit.START if len(words) == 1 else Fit.CONTAINS  # van Dyke, Mary Ann
        return tuple(NameSought(both, (word,), fit) for word in words)
    parts = (("family", family.strip()), ("given", given.strip()))
    return tuple(NameSought((field,), (value,)) for field, value in parts if value)


def _day(text: str) -> Span:
    try:
        born = date.fromisoformat(text)
        return Span(born, born + timedelta(days=1))
    except (ValueError, OverflowError):
        raise Invalid("Give the birth date as year-month-day.", "born") from None


def _values(conn: Connection, me: Principal, shown: list[Patient]) -> dict[str, Any]:
    ids = [one.id for one in shown]
    studies = imaging.studies_of_patients(conn, ids)
    signed = reading.of_patients(conn, ids)
    sites = {site.id: site for site in network.sites(conn)}
    records = Records(
        studies=studies,
        ties=imaging.orders_of_studies(conn, [one.id for one in studies]),
        orders=orders.search(conn, MOST_ORDERS, patients=ids),
        reports=signed,
        sites=sites,
    )
    return {
        "exams": timeline(records),
        "links": linking.links_of(conn, ids),
        "groups": {group.id: group for group in network.groups(conn)},
        "own": [one.id for one in shown if one.owner_group == me.group],
    }
