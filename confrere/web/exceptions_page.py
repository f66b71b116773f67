"""Everything that needs a person: what could not be filed, tied, typed, placed or offered."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import StringConstraints
from sqlalchemy import Connection

from confrere.database.engine import transaction
from confrere.identity.permissions import Permission
from confrere.imaging import asides
from confrere.imaging import service as imaging
from confrere.imaging.model import Study
from confrere.kernel.errors import Invalid, NotFound
from confrere.kernel.ids import GroupId, OrderId, SiteId, StudyId
from confrere.kernel.principal import Principal
from confrere.network import service as network
from confrere.network.systems import SiteRule
from confrere.orders import service as orders
from confrere.orders.model import Order, Unmapped
from confrere.orders.suggesting import ImagesSay, suggest
from confrere.patients import service as patients
from confrere.patients.model import Patient
from confrere.web import exceptions_pieces, exceptions_twice
from confrere.web.access import allow
from confrere.web.acts import note_act, note_seen, show
from confrere.web.context import context_of
from confrere.web.exceptions_found import candidates, stuck
from confrere.web.procedure_form import MODALITIES, Meaning, choices, read_meaning
from confrere.web.rendering import render
from confrere.worklist import service as worklist
from confrere.worklist.model import NOBODY, UNMATCHED, Item

ASIDE, UNMATCHED_EXAMS, CODES, PLACES, NOBODY_MAY, TWICE, PIECES = KINDS = (
    "aside", "unmatched", "codes", "places", "nobody", exceptions_twice.KIND,
    exceptions_pieces.KIND,
)  # fmt: skip
LABELS = {
    ASIDE: "Kept aside", UNMATCHED_EXAMS: "Without an order", CODES: "Unknown codes",
    PLACES: "Unknown site", NOBODY_MAY: "Nobody may read", TWICE: exceptions_twice.LABEL,
    PIECES: exceptions_pieces.LABEL,
}  # fmt: skip
MOST_JUDGED = 50  # exams whose readers are judged on one page
MOST_ORDERS = 200
LAST_RANK = 900  # a rule made here comes after those that were planned
PAGE, BODY = "exceptions.html", "parts/exceptions_body.html"
Reader = Annotated[Principal, Depends(allow(Permission.READ_EXCEPTIONS))]
Mender = Annotated[Principal, Depends(allow(Permission.RESOLVE_EXCEPTIONS))]
Words = Annotated[str, StringConstraints(strip_whitespace=True, max_length=300)]

router = APIRouter(default_response_class=HTMLResponse)


@router.get("/exceptions")
def exceptions(request: Request, me: Reader) -> Response:
    """Go to the first list on which something waits."""
    with transaction(context_of(request).engine, me.groups) as conn:
        counts = _counts(conn, me, context_of(request).now())
    kind = next((one for one in KINDS if counts[one]), ASIDE)
    return RedirectResponse(f"/exceptions/{kind}", HTTPStatus.SEE_OTHER)


@router.get("/exceptions/{kind}")
def exceptions_of(request: Request, me: Reader, kind: str) -> Response:
    """Show one list."""
    if kind not in KINDS:
        raise NotFound("There is no such list of exceptions.")
    return _show(request, me, kind)


@router.post("/exceptions/aside/{aside_id}/settle")
def settle(
    request: Request, me: Mender, aside_id: UUID, words: Annotated[Words, Form()] = ""
) -> Response:
    """Settle what was kept aside, in words; the bytes stay kept."""
    if not words:
        raise Invalid("Say what was found and done.", "words")
    context = context_of(request)
    with transaction(context.engine, me.groups) as conn:
        asides.settle(conn, aside_id, words, me.name, context.now())
        note_act(conn, request, me, "kept aside", object_id=aside_id, act="settled")
    return _show(request, me, ASIDE, "Settled. The bytes stay kept.")


@router.post("/exceptions/aside/{aside_id}/replay")
def replay(request: Request, me: Mender, aside_id: UUID) -> Response:
    """File what was kept aside again, as after its cause was mended."""
    with transaction(context_of(request).engine, me.groups) as conn:
        asides.try_again(conn, aside_id, me.name)
        note_act(conn, request, me, "kept aside", object_id=aside_id, act="tried again")
    return _show(
        request, me, ASIDE, "Being tried again. What still cannot be filed stays here."
    )


@router.get("/exceptions/unmatched/{study_id}/orders")
def likely_orders(request: Request, me: Mender, study_id: UUID) -> Response:
    """Show the orders that these images may answer."""
    context = context_of(request)
    with transaction(context.engine, me.groups) as conn:
        study = _own_study(conn, me, study_id)
        own = patients.get(conn, study.patient_id) if study.patient_id else None
        found = _near(conn, study, own)
        whose = {one.id: one for one in patients.get_many(conn, [o.patient for o in found])}
        ranked = candidates(study, own, found, whose)
        note_seen(
            conn, request, me, "order list", now=context.now(), study=study.id,
            patient=study.patient_id,
        )  # fmt: skip
    return render(request, "parts/exceptions_orders.html", study=study, candidates=ranked)


@router.post("/exceptions/unmatched/{study_id}/order")
def tie(
    request: Request, me: Mender, study_id: UUID, order: Annotated[UUID, Form()],
    checked: Annotated[str, Form(max_length=8)] = "",
) -> Response:  # fmt: skip
    """Tie images to the order that a person chose."""
    context = context_of(request)
    with transaction(context.engine, me.groups) as conn:
        study = _own_study(conn, me, study_id)
        chosen = orders.get(conn, OrderId(order))
        same = _is_same_patient(conn, study, chosen)
        if not same and checked != "yes":
            raise Invalid(
                "This order names another patient identity than the images: compare name, "
                "birth date and MRN, then confirm that you checked.",
                "checked",
            )
        imaging.tie_order(conn, study.id, chosen, me.name, context.now())
        note_act(
            conn, request, me, "study", object_id=study.id, study=study.id,
            patient=chosen.patient, act="tied to an order by hand",
            patient_changed="no" if same else "yes",
        )  # fmt: skip
    said = f"Tied to {chosen.content.accession}. The worklist follows in a moment."
    return _show(request, me, UNMATCHED_EXAMS, said)


@router.post("/exceptions/codes")
def give_meaning(request: Request, me: Mender, said: Annotated[Meaning, Form()]) -> Response:
    """Add a code to its site's procedure map and type the orders that wait."""
    context = context_of(request)
    with transaction(context.engine, me.groups) as conn:
        site = network.site(conn, SiteId(said.site))
        if site.owner_group != me.group:
            raise NotFound("There is no such site in your group.")
        line = read_meaning(said, site.owner_group)
        typed = orders.give_meaning(conn, line, context.now())
        note_act(
            conn, request, me, "procedure map", object_id=site.id, action="C",
            code=line.code, subspecialty=line.subspecialty, orders=typed,
        )  # fmt: skip
    words = f"{line.code or 'The empty code'} is mapped to {line.modality} {line.subspecialty}"
    return _show(request, me, CODES, f"{words}; orders typed: {typed}.")


@router.post("/exceptions/places/{study_id}/site")
def choose_site(
    request: Request, me: Mender, study_id: UUID, site: Annotated[UUID, Form()],
    remember: Annotated[str, Form(max_length=8)] = "",
) -> Response:  # fmt: skip
    """Say whose images these are; `remember` makes a rule of their institution name."""
    context = context_of(request)
    with transaction(context.engine, me.groups) as conn:
        study = _own_study(conn, me, study_id)
        place = network.site(conn, SiteId(site))
        imaging.choose_site(conn, study.id, place, context.now())
        if remember == "yes" and study.institution.strip():
            rule = SiteRule(
                study.owner_group, place.id, LAST_RANK, institution=study.institution
            )
            network.add_site_rule(conn, rule)
        note_act(
            conn, request, me, "study", object_id=study.id, study=study.id,
            act="site chosen by hand", rule_made="yes" if remember == "yes" else "no",
        )  # fmt: skip
    return _show(request, me, PLACES, f"The images belong to {place.name} now.")


def _show(request: Request, me: Principal, kind: str, said: str = "") -> Response:
    context = context_of(request)
    with transaction(context.engine, me.groups) as conn:
        counts = _counts(conn, me, context.now())
        values = _values(conn, request, me, kind)
    tabs = [(one, LABELS[one], counts[one]) for one in KINDS]
    return show(request, PAGE, BODY, said=said, kind=kind, tabs=tabs, **values)


def _values(conn: Connection, request: Request, me: Principal, kind: str) -> dict[str, Any]:
    now = context_of(request).now()
    directory = network.directory(conn, now)
    values: dict[str, Any] = {
        "sites": directory.sites,
        "own_sites": [s for s in directory.sites.values() if s.owner_group == me.group],
    }
    if kind == ASIDE:
        return values | {"asides": asides.listed(conn, me.groups)}
    if me.group is None:
        return values | {"studies": [], "codes": [], "stuck": []}
    owner = me.group
    plain = {
        TWICE: lambda: exceptions_twice.values(conn, owner, directory),
        PIECES: lambda: exceptions_pieces.values(conn, owner, now),
        CODES: lambda: _codes(conn, owner),
    }
    if kind in plain:
        return values | plain[kind]()
    if kind == NOBODY_MAY:
        waiting = _items(conn, me, NOBODY)[:MOST_JUDGED]
        return values | {"stuck": [stuck(item, directory, now) for item in waiting]}
    if kind == PLACES:
        studies = imaging.without_site(conn, me.group)
        values |= {"studies": [(None, study) for study in studies]}
    else:
        items = {one.study: one for one in _items(conn, me, UNMATCHED) if one.study}
        found = {one.id: one for one in imaging.get_many(conn, list(items))}
        values |= {"studies": [(items[key], found[key]) for key in items if key in found]}
    note_seen(conn, request, me, "exception list", now=now, shown=len(values["studies"]))
    return values


def _counts(conn: Connection, me: Principal, now: datetime) -> dict[str, int]:
    codes = orders.unmapped(conn, me.group) if me.group else []
    return {
        ASIDE: len(asides.listed(conn, me.groups)),
        UNMATCHED_EXAMS: sum(one.study is not None for one in _items(conn, me, UNMATCHED)),
        CODES: len(codes),
        PLACES: len(imaging.without_site(conn, me.group)) if me.group else 0,
        NOBODY_MAY: len(_items(conn, me, NOBODY)),
        TWICE: exceptions_twice.count(conn, me.group) if me.group else 0,
        PIECES: exceptions_pieces.count(conn, me.group, now) if me.group else 0,
    }


def _items(conn: Connection, me: Principal, flag: str) -> list[Item]:
    waiting = worklist.open_items(conn)
    return [one for one in waiting if flag in one.flags and one.owner_group == me.group]


def _codes(conn: Connection, owner: GroupId) -> dict[str, Any]:
    known = orders.procedures(conn, owner)
    codes = orders.unmapped(conn, owner)
    return choices(known) | {
        "codes": [(one, suggest(one, known, owner, _said(conn, one))) for one in codes]
    }


def _said(conn: Connection, code: Unmapped) -> ImagesSay:
    """What the images of one of the code's orders say they show."""
    studies = imaging.studies_of_order(conn, code.sample) if code.sample else []
    series = imaging.series_of_studies(conn, [one.id for one in studies])
    all_series = [one for each in series.values() for one in each]
    by_size = sorted(all_series, key=lambda one: -one.instance_count)
    modalities = dict.fromkeys(one.modality for one in by_size if one.modality in MODALITIES)
    return ImagesSay(
        tuple(modalities), tuple(one.body_part for one in by_size if one.body_part)
    )


def _own_study(conn: Connection, me: Principal, study_id: UUID) -> Study:
    study = imaging.study(conn, StudyId(study_id))
    if study.owner_group != me.group:
        raise NotFound("no such study; reload the list")
    return study


def _near(conn: Connection, study: Study, own: Patient | None) -> list[Order]:
    """Orders worth comparing: of the number, of the patient, and the site's newest."""
    owner = [study.owner_group]
    same = patients.same_person(conn, own) if own else []
    if study.mrn:
        same += patients.search(conn, owner, {"number": study.mrn}, MOST_ORDERS)
    place = [study.site_id] if study.site_id else []
    found = orders.search(conn, MOST_ORDERS, owners=owner, sites=place)
    if same:
        ids = [one.id for one in same]
        found += orders.search(conn, MOST_ORDERS, owners=owner, sites=place, patients=ids)
    if study.accession:
        number = study.accession
        found += orders.search(conn, MOST_ORDERS, owners=owner, sites=place, accession=number)
    return list({one.id: one for one in found}.values())


def _is_same_patient(conn: Connection, study: Study, order: Order) -> bool:
    if study.patient_id is None or study.patient_id == order.patient:
        return study.patient_id == order.patient
    one, other = (patients.get(conn, each) for each in (study.patient_id, order.patient))
    return one.person is not None and one.person == other.person
