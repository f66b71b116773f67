"""The list pages served over a small collaborative, with people who sign in.

One house serves a module's tests: each makes what it needs and looks for that alone.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import httpx
from fastapi import APIRouter

from confrere.assets import default_folder
from confrere.audit.model import COLLABORATIVE, Event
from confrere.audit.service import EventQuery, events
from confrere.database.engine import transaction
from confrere.identity import service as identity
from confrere.kernel.ids import GroupId, ReaderId, SiteId
from confrere.kernel.principal import Role
from confrere.settings import Settings
from tests.database import Databases, clone, drop
from tests.integration.web_shell import PASSWORD, Clock, Site, serving
from tests.integration.world import NOW, World, build

OWN = COLLABORATIVE  # stands for the owner group
HTMX = {"hx-request": "true"}


@dataclass
class House:
    """The served application and what is in it."""

    site: Site
    world: World
    made: Databases
    browsers: dict[object, httpx.Client] = field(default_factory=dict)

    def account(
        self, role: Role, group: GroupId | None, reader: ReaderId | None, place: SiteId | None
    ) -> str:
        """Make an account; return its user name."""
        username = f"u{uuid4().hex[:10]}"
        with transaction(self.made.app, frozenset()) as conn:
            identity.create_user(
                conn, username, "Pat Quill", role, group=group, reader=reader, site=place,
                password=PASSWORD, now=self.site.clock(),
            )  # fmt: skip
        return username

    def signed_in(
        self, role: Role, group: GroupId | None = OWN, reader: ReaderId | None = None,
        place: SiteId | None = None,
    ) -> httpx.Client:  # fmt: skip
        """A signed-in browser of the owner group, or of `group`; the same for the same."""
        key = (role, group, reader, place)
        if key not in self.browsers:
            mine = self.world.owner if group == OWN else group
            client = self.site.browser()
            form = {"username": self.account(role, mine, reader, place), "password": PASSWORD}
            assert client.post("/login", data=form).status_code == 303
            self.browsers[key] = client
        return self.browsers[key]

    def trail(self, kind: str, group: GroupId | None = None) -> list[Event]:
        """The audit events of a kind, newest first."""
        with transaction(self.made.system, frozenset()) as conn:
            query = EventQuery(owner_group=group or self.world.owner, kind=kind)
            return [link.event for link in events(conn, query)]


@contextmanager
def lists_house(
    socket: str, template: str, routers: Sequence[APIRouter], home: Path | None = None
) -> Iterator[House]:
    """Fill a database, serve, and give the house; files go into `home`."""
    made = clone(socket, template)
    try:
        with transaction(made.system, frozenset()) as conn:
            world = build(conn, NOW)
        settings = Settings(home=home) if home else Settings()
        site = Site(made, default_folder(), routers, settings, Clock(NOW))
        with serving(site):
            yield House(site, world, made)
    finally:
        drop(made)
