"""What every page needs and none may make for itself: database, clock, keys, randomness."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import Request

from confrere.files.folder import BlobStore
from confrere.files.opening import open_blobs
from confrere.identity.model import Limits
from confrere.kernel.errors import Unavailable
from confrere.kernel.principal import Principal
from confrere.network.systems import Peer
from confrere.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy import Engine


def _utc(_principal: Principal) -> str:
    return "UTC"


def _unverified(_peer: Peer) -> timedelta:
    raise Unavailable("this process speaks no DICOM")


def _no() -> bool:
    return False


@lru_cache(maxsize=4)
def _blobs(settings: Settings) -> BlobStore:
    return open_blobs(settings)


@dataclass(frozen=True, slots=True)
class WebContext:
    """The web edge's dependencies. `engine` connects as the app role.

    `zone_of` names the IANA zone in which a person reads times; `synthetic` says whether the
    deployment shows made-up people; `viewer_cleared` whether every site has recorded the
    image viewer's clearance for its intended use (until then the viewer says that it is
    investigational). `verify` sends a DICOM echo to a registered machine, as images would go
    to it, and returns how long its answer took; it raises DomainError.
    """

    engine: "Engine"
    settings: Settings
    audit_key: bytes
    now: Callable[[], datetime]
    random: Callable[[int], bytes]
    assets: Path
    synthetic: Callable[[], bool] = _no
    zone_of: Callable[[Principal], str] = _utc
    viewer_cleared: Callable[[], bool] = _no
    verify: Callable[[Peer], timedelta] = _unverified

    @property
    def tls(self) -> bool:
        """Say whether browsers reach this server by TLS."""
        return bool(self.settings.tls_certificate)

    @property
    def blobs(self) -> BlobStore:
        """The store of files: images, and the papers that prove credentials."""
        return _blobs(self.settings)

    @property
    def audit_heads(self) -> Path:
        """Name the file outside the database that keeps the audit chains' heads."""
        return self.settings.home / "audit.heads"

    @property
    def limits(self) -> Limits:
        """How long sessions live."""
        return Limits(
            life=timedelta(hours=self.settings.session_hours),
            idle=timedelta(minutes=self.settings.idle_minutes),
        )


def context_of(request: Request) -> WebContext:
    """Return the application's context."""
    context = request.app.state.context
    assert isinstance(context, WebContext)  # noqa: S101 - `create` put it there
    return context
