"""What every process of the house needs, opened once."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Engine

from confrere.audit.keys import load_or_create
from confrere.database.engine import connect
from confrere.files.folder import BlobStore
from confrere.files.opening import open_blobs
from confrere.settings import Settings


@dataclass(frozen=True, slots=True)
class House:
    """Open engines, the blob store, the audit key, the clock and the dice."""

    settings: Settings
    app: Engine  # web and doors: narrowed to groups by row-level security
    system: Engine  # worker, dispatcher, and the doors' look-up of who calls
    blobs: BlobStore
    audit_key: bytes
    now: Callable[[], datetime]
    dice: Callable[[], float]

    def close(self) -> None:
        """Close the engines and the spool."""
        self.blobs.close()
        self.app.dispose()
        self.system.dispose()


def clock() -> datetime:
    """The present instant, aware, UTC."""
    return datetime.now(UTC)


def open_house(settings: Settings, *, pool: int = 12, system_pool: int = 4) -> House:
    """Open everything; the database must be migrated and reachable.

    The pools bound how many connections this process takes, one a thread that works at once.
    """
    return House(
        settings,
        connect(settings.database_url, pool=pool),
        connect(settings.database_system_url, pool=system_pool),
        open_blobs(settings),
        load_or_create(audit_key_path(settings.home)),
        clock,
        random.SystemRandom().random,
    )


def audit_key_path(home: Path) -> Path:
    """Where the audit chain's key lies: beside the database, never inside it."""
    return home / "keys" / "audit.key"
