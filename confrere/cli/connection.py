"""A connection for one-off commands: to the set database, or the private one, started if needed."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine

from confrere.database import local, local_roles
from confrere.database.engine import connect
from confrere.main.serve import migrate
from confrere.main.urls import Urls, of_private, of_settings
from confrere.settings import Settings


@contextmanager
def urls_of(settings: Settings) -> Iterator[Urls]:
    """The database's URLs; a private server that we had to start is stopped again."""
    if settings.database_url:
        yield of_settings(settings)
        return
    settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    with local.running(settings.home) as server:
        local_roles.ensure_roles(server)
        yield of_private(server)


@contextmanager
def system_engine(settings: Settings) -> Iterator[Engine]:
    """An engine of the system role on an up-to-date schema."""
    with urls_of(settings) as urls:
        migrate(urls)
        engine = connect(urls.system, pool=1)
        try:
            yield engine
        finally:
            engine.dispose()


@contextmanager
def system_connection(settings: Settings) -> Iterator[Connection]:
    """A transaction of the system role on an up-to-date schema."""
    with system_engine(settings) as engine, engine.begin() as conn:
        yield conn
