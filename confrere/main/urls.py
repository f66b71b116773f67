"""Which database the processes use: the one that is set, or the private one in the home."""

from dataclasses import dataclass

from confrere.database.local_process import LocalServer
from confrere.kernel.errors import Invalid
from confrere.settings import Settings


@dataclass(frozen=True, slots=True)
class Urls:
    """One libpq URL for each role."""

    app: str
    system: str
    owner: str


def of_private(server: LocalServer) -> Urls:
    """The private server's URLs."""
    return Urls(
        server.url("confrere_app"), server.url("confrere_system"), server.url("confrere_owner")
    )


def of_settings(settings: Settings) -> Urls:
    """The URLs that are set; raises Invalid when one is missing."""
    if not (settings.database_system_url and settings.database_owner_url):
        raise Invalid(
            "with DATABASE_URL set, set DATABASE_SYSTEM_URL and DATABASE_OWNER_URL too: three "
            "plain roles (confrere_app, confrere_system, confrere_owner), see docs/howto",
            "database_system_url",
        )
    return Urls(
        settings.database_url, settings.database_system_url, settings.database_owner_url
    )
