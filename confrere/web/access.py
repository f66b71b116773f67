"""Who may use which route. Every route declares a permission or stands in PUBLIC.

`allow(permission)` is the dependency of a route; `Guarded` wraps a mounted ASGI app.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from anyio.to_thread import run_sync
from fastapi import Request
from fastapi.dependencies.models import Dependant
from starlette.types import ASGIApp, Receive, Scope, Send

from confrere.audit.model import COLLABORATIVE, Agent, Event
from confrere.audit.service import note
from confrere.database.engine import transaction
from confrere.identity import clients, service
from confrere.identity.assertions import looks_signed
from confrere.identity.permissions import Permission, may, require
from confrere.kernel.principal import Principal
from confrere.web.context import WebContext, context_of

PUBLIC = frozenset({"/login", "/healthz", "/static", "/assets", "/fhir/metadata"})
# set by our scripts on requests that no person made, so that an unattended page idles out
BACKGROUND = "confrere-background"


class SignInNeeded(Exception):
    """The request carries no credentials that hold."""


class Admits:
    """A dependency that decides who comes in; each route has one, or is public."""


class Allow(Admits):
    """A dependency that admits who holds a permission, and hands on who that is."""

    def __init__(self, permission: Permission) -> None:
        self.permission: Final = permission

    def __call__(self, request: Request) -> Principal:
        """Return the principal; raises SignInNeeded, or Refused without the permission."""
        context = context_of(request)
        return self.admit(request, context, identify(context, request))

    def admit(
        self, request: Request, context: WebContext, principal: Principal | None
    ) -> Principal:
        """Hand on who it is, if they may."""
        if principal is None:
            raise SignInNeeded
        request.state.principal = principal
        if not may(principal, self.permission):
            _note_refusal(context, principal, self.permission)
            require(principal, self.permission)
        return principal


class AllowSigned(Allow):
    """As Allow; a client may also sign a JWT for this very address, instead of a token."""

    def __call__(self, request: Request) -> Principal:
        """Return the principal; raises SignInNeeded, or Refused without the permission."""
        scheme, _, secret = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not looks_signed(secret.strip()):
            return super().__call__(request)
        context = context_of(request)
        audience = context.settings.page_address + request.url.path
        with transaction(context.engine, frozenset()) as conn:
            principal = clients.principal_of_assertion(
                conn, secret.strip(), audience, context.now()
            )
        return self.admit(request, context, principal)


@dataclass(frozen=True, slots=True)
class Guarded:
    """An ASGI app behind a permission, or one chosen by method and path.

    The app finds the principal in `scope["state"]["principal"]`.
    """

    app: ASGIApp
    permission: Permission | Callable[[Scope], Permission]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Admit, then pass on; websockets are refused."""
        if scope["type"] != "http":
            return
        fixed = self.permission
        wanted = fixed if isinstance(fixed, Permission) else fixed(scope)
        await run_sync(Allow(wanted), Request(scope, receive))
        await self.app(scope, receive, send)


def allow(permission: Permission) -> Allow:
    """Make the dependency that a route declares: `Depends(allow(Permission.CLAIM))`."""
    return Allow(permission)


def identify(context: WebContext, request: Request, *, touch: bool = True) -> Principal | None:
    """Say who asks, from a bearer token or the session cookie; a token is never a fallback."""
    given = request.headers.get("authorization")
    if given is not None:
        scheme, _, secret = given.partition(" ")
        if scheme.lower() != "bearer":
            return None
        with transaction(context.engine, frozenset()) as conn:
            return service.principal_of_token(conn, secret.strip(), context.now())
    cookie = request.cookies.get(cookie_name(context))
    if not cookie:
        return None
    with transaction(context.engine, frozenset()) as conn:
        return service.principal_of_session(
            conn,
            cookie,
            context.now(),
            limits=context.limits,
            touch=touch and BACKGROUND not in request.headers,
        )


def cookie_name(context: WebContext) -> str:
    """Name the session cookie; `__Host-` binds it to this host where there is TLS."""
    return "__Host-confrere" if context.tls else "confrere"


def undeclared(routes: Iterable[Any]) -> list[str]:
    """List the routes that neither declare a permission nor are public."""
    return sorted(
        str(getattr(route, "path", route))
        for route in leaves(routes)
        if not _is_public(route) and not _is_guarded(route)
    )


def leaves(routes: Iterable[Any]) -> Iterator[Any]:
    """Walk routes, those of included routers too."""
    for route in routes:
        inner = getattr(route, "original_router", None)
        if inner is not None:
            yield from leaves(inner.routes)
        else:
            yield route


def _is_public(route: Any) -> bool:
    return getattr(route, "path", None) in PUBLIC


def _is_guarded(route: Any) -> bool:
    if isinstance(getattr(route, "app", None), Guarded):
        return True
    dependant = getattr(route, "dependant", None)
    return isinstance(dependant, Dependant) and _allows(dependant)


def _allows(dependant: Dependant) -> bool:
    return any(
        isinstance(inner.call, Admits) or _allows(inner) for inner in dependant.dependencies
    )


def _note_refusal(context: WebContext, principal: Principal, wanted: Permission) -> None:
    event = Event(
        owner_group=principal.group or COLLABORATIVE,
        at=context.now(),
        action="E",
        kind="permission",
        door="web",
        agent=Agent.of(principal),
        outcome="refused",
        detail={"permission": wanted.value},
    )
    with transaction(context.engine, principal.groups) as conn:
        note(conn, context.audit_key, event)
