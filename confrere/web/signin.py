"""Sign in, sign out, the start page and the own account."""

from datetime import timedelta
from http import HTTPStatus
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from confrere.audit.model import COLLABORATIVE, Agent, Event
from confrere.audit.service import note
from confrere.database.engine import transaction
from confrere.identity import service
from confrere.identity.permissions import Permission
from confrere.identity.service import Rejected, SignedIn
from confrere.kernel.errors import Invalid
from confrere.kernel.principal import Principal
from confrere.web.access import allow, cookie_name, identify
from confrere.web.context import WebContext, context_of
from confrere.web.limiter import AddressLimiter
from confrere.web.navigation import start_of
from confrere.web.rendering import render

WRONG = (
    "Wrong username or password, or the account is locked for a while after failed attempts. "
    "Wait a minute and try again, or ask your administrator."
)
FIELD = Form(max_length=1024)
Me = Annotated[Principal, Depends(allow(Permission.OWN_ACCOUNT))]

router = APIRouter(default_response_class=HTMLResponse)


@router.get("/login")
def login_page(
    request: Request,
    next: Annotated[str, Query(max_length=2048)] = "/",  # noqa: A002 - the address's word
) -> Response:
    """Show the sign-in form; who is signed in already goes on."""
    if identify(context_of(request), request):
        return RedirectResponse(_local(next), HTTPStatus.SEE_OTHER)
    return render(request, "login.html", problem="", username="", next=_local(next))


@router.post("/login")
def log_in(
    request: Request,
    username: Annotated[str, FIELD],
    password: Annotated[str, FIELD],
    next: Annotated[str, FIELD] = "/",  # noqa: A002 - the form's word
) -> Response:
    """Sign in with a new session; a failure counts against account and address."""
    context, limiter = context_of(request), _limiter(request)
    address, now = _address(request), context.now()
    if wait := limiter.wait(address, now):
        return _too_many(request, username, next, wait)
    with transaction(context.engine, frozenset()) as conn:
        outcome = service.sign_in(
            conn, username, password, now, random=context.random, limits=context.limits
        )
        if isinstance(outcome, SignedIn) and (old := request.cookies.get(cookie_name(context))):
            service.sign_out(conn, old, now)
        note(conn, context.audit_key, _attempt(context, outcome, address))
    if isinstance(outcome, Rejected):
        limiter.failed(address, now)
        return _form(request, username, next, WRONG, HTTPStatus.UNAUTHORIZED)
    answer = RedirectResponse(_local(next), HTTPStatus.SEE_OTHER)
    answer.set_cookie(
        cookie_name(context),
        outcome.secret,
        max_age=int(context.limits.life.total_seconds()),
        path="/",
        secure=context.tls,
        httponly=True,
        samesite="lax",
    )
    return answer


@router.post("/logout")
def log_out(request: Request, me: Me) -> Response:
    """End the session, here and in the database."""
    context = context_of(request)
    with transaction(context.engine, frozenset()) as conn:
        service.sign_out(conn, request.cookies.get(cookie_name(context), ""), context.now())
        note(conn, context.audit_key, _account_event(context, me, "sign-out"))
    answer = RedirectResponse("/login", HTTPStatus.SEE_OTHER)
    answer.delete_cookie(
        cookie_name(context), path="/", secure=context.tls, httponly=True, samesite="lax"
    )
    # what this browser kept of the pages goes too; back shows nothing
    answer.headers["clear-site-data"] = '"cache"'
    return answer


@router.get("/")
def start(request: Request, me: Me) -> Response:
    """Go where this role works."""
    return RedirectResponse(start_of(me.role, request.app.state.paths), HTTPStatus.SEE_OTHER)


@router.get("/account")
def account_page(request: Request, me: Me) -> Response:
    """Show the own account."""
    return _account(request, me)


@router.post("/account/password")
def change_password(
    request: Request,
    me: Me,
    current: Annotated[str, FIELD],
    new: Annotated[str, FIELD],
    again: Annotated[str, FIELD],
) -> Response:
    """Change the own password; every other session of this person ends."""
    context = context_of(request)
    if new != again:
        return _account(request, me, problem="The two new passwords differ; type it again.")
    kept = request.cookies.get(cookie_name(context), "")
    try:
        with transaction(context.engine, frozenset()) as conn:
            right = service.change_password(
                conn, me.user, current, new, context.now(), session=kept
            )
            event = _account_event(context, me, "password", done=right)
            note(conn, context.audit_key, event)
    except Invalid as weak:
        return _account(request, me, problem=str(weak))
    if not right:
        return _account(request, me, problem="The current password is not right.")
    return _account(request, me, done="The password is changed; other sessions are over.")


def _account(request: Request, me: Principal, *, problem: str = "", done: str = "") -> Response:
    context = context_of(request)
    with transaction(context.engine, frozenset()) as conn:
        user = service.get_user(conn, me.user)
    status = HTTPStatus.UNPROCESSABLE_ENTITY if problem else HTTPStatus.OK
    return render(request, "account.html", status=status, user=user, problem=problem, done=done)


def _form(
    request: Request, username: str, target: str, problem: str, status: HTTPStatus
) -> Response:
    return render(
        request,
        "login.html",
        status=status,
        problem=problem,
        username=username,
        next=_local(target),
    )


def _too_many(request: Request, username: str, target: str, wait: timedelta) -> Response:
    problem = "Too many failed attempts from this address; try again in a few minutes."
    made = _form(request, username, target, problem, HTTPStatus.TOO_MANY_REQUESTS)
    made.headers["retry-after"] = str(int(wait.total_seconds()) + 1)
    return made


def _attempt(context: WebContext, outcome: SignedIn | Rejected, address: str) -> Event:
    if isinstance(outcome, SignedIn):
        agent, result = Agent.of(outcome.principal), "success"
    else:
        # an unknown username may be a password typed in the wrong field: it is not kept
        user = outcome.user
        agent = Agent(
            user.id if user else None,
            user.name if user else "unknown",
            user.group if user else None,
        )
        result = "locked" if outcome.locked else "failure"
    return Event(
        owner_group=agent.group or COLLABORATIVE,
        at=context.now(),
        action="E",
        kind="sign-in",
        door="web",
        agent=agent,
        outcome=result,
        detail={"address": address},
    )


def _account_event(
    context: WebContext, me: Principal, kind: str, *, done: bool = True
) -> Event:
    return Event(
        owner_group=me.group or COLLABORATIVE,
        at=context.now(),
        action="E",
        kind=kind,
        door="web",
        agent=Agent.of(me),
        outcome="success" if done else "failure",
    )


def _local(target: str) -> str:
    parts = urlsplit(target)
    fits = target.startswith("/") and not target.startswith(("//", "/\\", "/login"))
    is_plain = target.isprintable() and "\\" not in target
    return target if fits and is_plain and not parts.netloc and not parts.scheme else "/"


def _address(request: Request) -> str:
    return request.client.host if request.client else "unknown"


def _limiter(request: Request) -> AddressLimiter:
    limiter = request.app.state.limiter
    assert isinstance(limiter, AddressLimiter)  # noqa: S101 - `create` put it there
    return limiter
