"""The web application, put together from routers that each declare who may use them."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from anyio.to_thread import run_sync
from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import PlainTextResponse, Response
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware

from confrere.identity.permissions import Permission
from confrere.kernel.errors import DomainError
from confrere.web import audit_page, errors, live, signin, viewer_config
from confrere.web.access import Guarded, SignInNeeded, leaves, undeclared
from confrere.web.body import BodyBounds
from confrere.web.context import WebContext
from confrere.web.files import Files, Viewer
from confrere.web.headers import SecurityHeaders
from confrere.web.limiter import AddressLimiter
from confrere.web.live import Bell
from confrere.web.origin import SameOrigin
from confrere.web.rendering import STATIC

THIRD_PARTY = frozenset({"htmx", "echarts", "inter", "axe"})

shell = APIRouter()


def create(context: WebContext, routers: Sequence[APIRouter]) -> FastAPI:
    """Make the application; raises RuntimeError where a route declares no permission."""
    app = FastAPI(
        title="Confrere",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        lifespan=_lifespan,
        middleware=[
            Middleware(SecurityHeaders, random=context.random, tls=context.tls),
            Middleware(errors.LastResort, random=context.random),
            Middleware(SameOrigin),
            Middleware(BodyBounds),
        ],
    )
    app.state.context = context
    app.state.limiter = AddressLimiter()
    app.state.bell = Bell(_listening_url(context))
    for router in (
        shell,
        viewer_config.router,
        signin.router,
        audit_page.router,
        live.router,
        *routers,
    ):
        app.include_router(router)
    app.mount("/static", Files(STATIC, shared=True))
    app.mount("/assets", Files(context.assets, shared=True, only=THIRD_PARTY))
    viewer = Viewer(context.assets / "ohif", shared=False)
    app.mount("/ohif", Guarded(viewer, Permission.READ_IMAGES))
    if missing := undeclared(app.routes):
        raise RuntimeError(f"routes without a permission: {', '.join(missing)}")
    app.state.paths = frozenset(str(getattr(one, "path", "")) for one in leaves(app.routes))
    _answer_errors(app)
    return app


async def end_streams(app: FastAPI) -> None:
    """End the open event streams: call before the server is asked to stop.

    A server that stops gracefully waits for them, and tells the application only afterwards.
    """
    bell: Bell = app.state.bell
    await bell.stop()


@shell.get("/healthz")
def health() -> Response:
    """Say that this process answers; nothing more."""
    return PlainTextResponse("ok\n")


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    bell: Bell = app.state.bell
    bell.start()
    try:
        yield
    finally:
        await end_streams(app)


def _answer_errors(app: FastAPI) -> None:
    def handle(kind: type[Exception], make: Callable[[Request, Any], Response]) -> None:
        async def handler(request: Request, error: Exception) -> Response:
            return await run_sync(make, request, error)

        app.add_exception_handler(kind, handler)

    handle(DomainError, errors.answer)
    handle(SignInNeeded, lambda request, _error: errors.needs_sign_in(request))
    handle(HTTPException, errors.from_http)
    handle(RequestValidationError, errors.from_validation)


def _listening_url(context: WebContext) -> str:
    url = context.engine.url.set(drivername="postgresql")
    return url.render_as_string(hide_password=False)
