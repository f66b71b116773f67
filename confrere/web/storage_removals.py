"""Legal holds, and removals by four eyes: who proposed, who approved, what the certificate says."""

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, Response
from pydantic import StringConstraints
from sqlalchemy import Connection

from confrere.database.engine import transaction
from confrere.identity.permissions import Permission
from confrere.imaging import service as imaging
from confrere.imaging.model import StudiesSought, Study, StudyNumber
from confrere.keeping import deletions
from confrere.keeping import service as keeping
from confrere.keeping.model import By, Deletion, Hold
from confrere.kernel.errors import Invalid, NotFound, Refused
from confrere.kernel.ids import PatientId, StudyId
from confrere.kernel.principal import Principal
from confrere.network import serving
from confrere.patients import service as patients
from confrere.web import storage_view as view
from confrere.web.access import allow
from confrere.web.acts import note_act, note_seen, show
from confrere.web.context import context_of
from confrere.web.storage_page import PAGE

Looker = Annotated[Principal, Depends(allow(Permission.READ_STORAGE))]
Holder = Annotated[Principal, Depends(allow(Permission.HOLD_IMAGES))]
Proposer = Annotated[Principal, Depends(allow(Permission.PROPOSE_REMOVAL))]
Approver = Annotated[Principal, Depends(allow(Permission.APPROVE_REMOVAL))]
Reason = Annotated[str, Form(max_length=1000)]
Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=64), Form()]

router = APIRouter(default_response_class=HTMLResponse)


@dataclass(frozen=True, slots=True)
class HoldShown:
    """A hold with what it is on, in words."""

    hold: Hold
    what: str
    study: StudyId | None


@router.get("/storage/holds")
def holds(request: Request, me: Looker) -> Response:
    """Show the group's legal holds."""
    return _holds(request, me)


@router.post("/storage/holds")
def place(
    request: Request, me: Holder, kind: Text = "", number: Text = "", site: Text = "",
    reason: Reason = "",
) -> Response:  # fmt: skip
    """Place a hold on a study, by its accession number, or on all of a patient's, by the MRN."""
    context = context_of(request)
    if me.group is None:
        raise Refused("holds belong to groups, and your account belongs to none")
    with transaction(context.engine, me.groups) as conn:
        study, patient = _sought(conn, me, kind, number, site)
        made = keeping.hold(
            conn, me.group, study.id if study else None, patient, reason, _by(me), context.now()
        )
        note_act(
            conn, request, me, "legal hold", object_id=made.id, action="C", act="placed",
            patient=patient or (study.patient_id if study else None),
            study=study.id if study else None,
        )  # fmt: skip
    return _holds(request, me, "On hold: nothing of it is removed until the hold is lifted.")


@router.post("/storage/holds/{hold_id}/lift")
def lift(request: Request, me: Holder, hold_id: UUID, reason: Reason = "") -> Response:
    """Lift a hold."""
    context = context_of(request)
    with transaction(context.engine, me.groups) as conn:
        done = keeping.lift(conn, hold_id, reason, _by(me), context.now())
        note_act(
            conn, request, me, "legal hold", object_id=hold_id, act="lifted",
            patient=done.patient, study=done.study,
        )  # fmt: skip
    return _holds(request, me, "Lifted. The other rules apply again.")


@router.get("/storage/removals")
def removals(request: Request, me: Looker) -> Response:
    """Show what is due, and the lists of removals."""
    return _removals(request, me)


@router.post("/storage/removals")
def propose(request: Request, me: Proposer, site: Text = "", reason: Reason = "") -> Response:
    """Propose to remove what is due at a site."""
    context = context_of(request)
    with transaction(context.engine, me.groups) as conn:
        chosen = next((s for s in view.own_sites(conn, me) if str(s.id) == site), None)
        if chosen is None:
            raise Invalid("Choose a site of your group.", "site")
        made = deletions.propose(conn, chosen, reason, _by(me), context.now())
        note_act(conn, request, me, "removal", object_id=made.id, action="C", act="proposed")
    return _one(
        request, me, made.id, "Proposed. Another person, a manager of the group, decides."
    )


@router.get("/storage/removals/{list_id}")
def one(request: Request, me: Looker, list_id: UUID) -> Response:
    """Show one list with its studies, and its certificates."""
    return _one(request, me, list_id)


@router.post("/storage/removals/{list_id}/approve")
def approve(request: Request, me: Approver, list_id: UUID, reason: Reason = "") -> Response:
    """Approve a list that another person proposed."""
    context = context_of(request)
    with transaction(context.engine, me.groups) as conn:
        deletions.approve(conn, list_id, reason, _by(me), context.now())
        note_act(conn, request, me, "removal", object_id=list_id, act="approved")
    return _one(
        request, me, list_id, "Approved. It can be undone until the waiting time is over."
    )


@router.post("/storage/removals/{list_id}/refuse")
def refuse(request: Request, me: Approver, list_id: UUID, reason: Reason = "") -> Response:
    """Refuse a list that another person proposed."""
    context = context_of(request)
    with transaction(context.engine, me.groups) as conn:
        deletions.refuse(conn, list_id, reason, _by(me), context.now())
        note_act(conn, request, me, "removal", object_id=list_id, act="refused")
    return _one(request, me, list_id, "Refused: nothing of it is removed.")


@router.post("/storage/removals/{list_id}/undo")
def undo(request: Request, me: Proposer, list_id: UUID, reason: Reason = "") -> Response:
    """Withdraw a list before it is executed."""
    context = context_of(request)
    with transaction(context.engine, me.groups) as conn:
        deletions.undo(conn, list_id, reason, _by(me), context.now())
        note_act(conn, request, me, "removal", object_id=list_id, act="undone")
    return _one(request, me, list_id, "Undone: nothing of it is removed.")


def _sought(
    conn: Connection, me: Principal, kind: str, number: str, site_id: str
) -> tuple[Study | None, PatientId | None]:
    site = next((s for s in view.own_sites(conn, me) if str(s.id) == site_id), None)
    if site is None:
        raise Invalid("Choose the site that the number is of.", "site")
    if kind == "patient":
        found = patients.find(conn, site.owner_group, site.assigner, number)
        if found is None:
            raise NotFound("no patient of that site has this number")
        return None, found.id
    sought = StudiesSought(numbers=(frozenset({StudyNumber("accession", number, site.id)}),))
    studies = [s for s in imaging.page(conn, sought, 2) if s.owner_group == me.group]
    if not number or not studies:
        raise NotFound("no study of that site has this accession number")
    if len(studies) > 1:
        raise Invalid("Several studies have this number: hold the patient instead.", "number")
    return studies[0], None


def _holds(request: Request, me: Principal, said: str = "") -> Response:
    context = context_of(request)
    with transaction(context.engine, me.groups) as conn:
        found = keeping.holds(conn, [me.group] if me.group else [], lifted=True)
        shown = [_shown(conn, one) for one in found]
        sites = view.own_sites(conn, me)
        if shown:
            note_seen(conn, request, me, "legal hold list", now=context.now())
    return show(
        request, PAGE, "parts/storage_holds.html", said=said, tab="holds", holds=shown,
        sites=sites,
    )  # fmt: skip


def _shown(conn: Connection, one: Hold) -> HoldShown:
    if one.study is not None:
        study = next(iter(imaging.get_many(conn, [one.study])), None)
        said = study.accession or study.study_date if study else "gone"
        return HoldShown(one, f"study {said}", one.study)
    whose = patients.get(conn, one.patient) if one.patient else None
    return HoldShown(one, f"all of patient {whose.demographics.mrn if whose else ''}", None)


def _removals(request: Request, me: Principal, said: str = "") -> Response:
    context = context_of(request)
    with transaction(context.engine, me.groups) as conn:
        sites = view.own_sites(conn, me)
        archives = [s for s in sites if serving.is_archive(conn, s.id)]
        due = {s.id: len(deletions.due_now(conn, s, context.now())) for s in archives}
        found = deletions.listed(conn, [me.group] if me.group else [])
    return show(
        request, PAGE, "parts/storage_removals.html", said=said, tab="removals",
        archives=archives, due=due, lists=found, names={s.id: s.short_name for s in sites},
        most=deletions.LONGEST,
    )  # fmt: skip


def _one(request: Request, me: Principal, key: UUID, said: str = "") -> Response:
    context = context_of(request)
    with transaction(context.engine, me.groups) as conn:
        found = _own(conn, me, key)
        lines = deletions.lines(conn, key)
        studies = {s.id: s for s in imaging.get_many(conn, [one.study for one in lines])}
        certificates = {one.study: one for one in deletions.certificates(conn, key)}
        sites = view.own_sites(conn, me)
        note_seen(conn, request, me, "removal", now=context.now(), object_id=key)
    return show(
        request, PAGE, "parts/storage_removal.html", said=said, tab="removals", one=found,
        lines=lines, studies=studies, certificates=certificates, size=view.size,
        names={s.id: s.short_name for s in sites}, mine=found.proposed_by_user == me.user,
    )  # fmt: skip


def _own(conn: Connection, me: Principal, key: UUID) -> Deletion:
    found = deletions.get(conn, key)
    if found.owner_group != me.group:
        raise NotFound("no such list of your group; reload the page")
    return found


def _by(me: Principal) -> By:
    return By(me.name, me.user)
