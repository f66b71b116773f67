"""A running application for the web tests: people, a clock to move, clients like browsers.

The server is granian on a loopback socket, in a thread of the test's process.
"""

import asyncio
import itertools
import os
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import httpx
from fastapi import APIRouter, FastAPI
from granian.constants import Interfaces
from granian.server.embed import Server

from confrere.audit import service as audit
from confrere.audit.model import Event
from confrere.audit.service import EventQuery
from confrere.database.engine import transaction
from confrere.identity import service
from confrere.identity.model import User
from confrere.kernel.ids import GroupId, ReaderId, SiteId
from confrere.kernel.principal import Role
from confrere.settings import Settings
from confrere.web.app import create, end_streams
from confrere.web.context import WebContext
from tests.database import Databases, clone, drop

GROUP = GroupId(UUID(int=1))
KEY = b"k" * 32
PASSWORD = "green kettle under stairs"
START = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)


@dataclass
class Clock:
    """A clock that tests move."""

    at: datetime = START

    def __call__(self) -> datetime:
        """Read it."""
        return self.at

    def forward(self, **length: float) -> None:
        """Move it on."""
        self.at += timedelta(**length)


@dataclass
class Site:
    """The application and what it runs on."""

    made: Databases
    assets: Path
    routers: Sequence[APIRouter] = ()
    settings: Settings = field(default_factory=Settings)
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        self._clients: list[httpx.Client] = []
        self._numbers = itertools.count(1)
        self.context = WebContext(
            engine=self.made.app,
            settings=self.settings,
            audit_key=KEY,
            now=self.clock,
            random=os.urandom,
            assets=self.assets,
            synthetic=lambda: True,
            zone_of=lambda _principal: "America/Chicago",
        )
        self.app: FastAPI = create(self.context, self.routers)

    def person(self, role: Role) -> User:
        """Create an account; its username is new."""
        reads = role in {Role.RADIOLOGIST, Role.RESIDENT}
        grouped = reads or role in {Role.GROUP_MANAGER, Role.HOSPITAL_CLIENT, Role.TECHNOLOGIST}
        with transaction(self.made.app, frozenset()) as conn:
            return service.create_user(
                conn,
                f"person{next(self._numbers)}",
                "Dr Ana Kessler",
                role,
                group=GROUP if grouped else None,
                reader=ReaderId(UUID(int=7)) if reads else None,
                site=SiteId(UUID(int=8))
                if role in (Role.HOSPITAL_CLIENT, Role.TECHNOLOGIST)
                else None,
                password=PASSWORD,
                now=self.clock(),
            )

    def token(self, user: User) -> dict[str, str]:
        """Make the header of a bearer token."""
        with transaction(self.made.app, frozenset()) as conn:
            secret = service.create_token(
                conn,
                user.id,
                "test",
                expires_at=self.clock() + timedelta(days=1),
                now=self.clock(),
                random=os.urandom,
            )
        return {"authorization": f"Bearer {secret}"}

    def start(self) -> None:
        """Serve, and return when the server answers."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))
        self._thread.start()
        until = time.monotonic() + 10
        while time.monotonic() < until:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.01)
        raise TimeoutError("the server did not start")

    async def _serve(self) -> None:
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        server = Server(
            self.app,
            port=self.port,
            interface=Interfaces.ASGI,
            websockets=False,
            log_enabled=False,
        )
        serving = asyncio.create_task(server.serve())
        await self._over.wait()
        await end_streams(self.app)
        server.stop()
        await serving

    def stop(self) -> None:
        """Stop serving; raises TimeoutError where the server hangs."""
        for client in self._clients:
            client.close()
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(10)
        if self._thread.is_alive():
            raise TimeoutError("the server did not stop")

    def client(self, **headers: str) -> httpx.Client:
        """Make a client that sends these headers and no other of note."""
        base = f"http://127.0.0.1:{self.port}"
        made = httpx.Client(base_url=base, headers=headers, trust_env=False, timeout=10)
        self._clients.append(made)
        return made

    def browser(self) -> httpx.Client:
        """Make a client that sends what browsers send from our own pages."""
        return self.client(**{"sec-fetch-site": "same-origin", "accept": "text/html"})

    def signed_in(self, who: Role | User) -> httpx.Client:
        """Make a browser in which a person, or a new one of this role, is signed in."""
        user = self.person(who) if isinstance(who, Role) else who
        client = self.browser()
        answer = client.post("/login", data={"username": user.username, "password": PASSWORD})
        assert answer.status_code == 303, answer.text
        return client

    def events(self, **query: str) -> tuple[Event, ...]:
        """Read the audit trail, newest first."""
        with transaction(self.made.system, frozenset()) as conn:
            links = audit.events(conn, EventQuery(**query))  # type: ignore[arg-type]
        return tuple(link.event for link in links)


@contextmanager
def serving(site: Site) -> Iterator[Site]:
    """Serve a site for as long as the context lasts."""
    site.start()
    try:
        yield site
    finally:
        site.stop()


@contextmanager
def own_site(
    socket_folder: str,
    template: str,
    assets: Path,
    routers: Sequence[APIRouter] = (),
    settings: Settings | None = None,
) -> Iterator[Site]:
    """Serve a site on a database of its own."""
    made = clone(socket_folder, template)
    home = assets.parent / made.name
    home.mkdir()
    try:
        here = replace(settings or Settings(), home=home)
        with serving(Site(made, assets, routers, here)) as site:
            yield site
    finally:
        drop(made)
