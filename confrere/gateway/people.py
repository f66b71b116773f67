"""Who may sign in at the gateway: the group's readers whom the centre named last. In downtime only.

Sessions live in memory: after a restart everyone signs in again, drafts are kept.
"""

import hashlib
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from confrere.gateway.record import Record
from confrere.identity.away import Verifier, fits
from confrere.identity.model import LONGEST_USERNAME, locked_until, username_of
from confrere.kernel.errors import DomainError
from confrere.kernel.principal import Role

IDLE = timedelta(minutes=30)
LIFE = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class Person:
    """A reader who has signed in; `session` names the session in the trail, it is no secret."""

    user: str
    reader: str
    username: str
    name: str
    role: Role
    session: str

    @property
    def signs_final(self) -> bool:
        """Say whether the person's role signs final reports (42 CFR 415.180)."""
        return self.role is Role.RADIOLOGIST


@dataclass(slots=True)
class _Session:
    username: str
    name: str
    began: float
    seen: float


class People:
    """Signs readers in and out; safe to use from many threads. `now` is seconds since 1970."""

    def __init__(
        self, record: Record, pepper: bytes, longest_days: int, now: Callable[[], float]
    ) -> None:
        self._record, self._pepper, self._now = record, pepper, now
        self._longest = longest_days * 86400.0
        self._lock = threading.Lock()
        self._one_at_a_time = threading.Lock()  # a hash takes 19 MiB: guesses wait in line
        self._sessions: dict[bytes, _Session] = {}

    def sign_in(self, username: str, password: str) -> tuple[str, Person] | None:
        """Check a password; return the session's secret. None where it does not sign in.

        An unknown name costs the same work as a known one; from the fifth failure in a row
        the name refuses for a growing time, also the right password.
        """
        typed = username_of(username)[:LONGEST_USERNAME]
        with self._one_at_a_time:
            now = self._now()
            told = self._known().get(typed)
            matches = fits(_verifier(told), self._pepper, password[:256])
            count, last = self._record.failures(typed)
            until = locked_until(count, datetime.fromtimestamp(last, UTC))
            if until and now < until.timestamp():
                return None
            if not matches or told is None:
                if told is not None:  # names that nobody has are not kept
                    self._record.note_failure(typed, now)
                return None
            if count:
                self._record.clear_failures(typed)
        secret = secrets.token_urlsafe(32)
        made = _Session(typed, secrets.token_hex(6), now, now)
        with self._lock:
            self._sessions = {k: s for k, s in self._sessions.items() if self._lives(s, now)}
            self._sessions[_digest(secret)] = made
        return secret, _person(told, made.name)

    def of(self, secret: str) -> Person | None:
        """Who holds a session; None where it is over, or the centre names its person no more."""
        now = self._now()
        with self._lock:
            session = self._sessions.get(_digest(secret))
            if session is None or not self._lives(session, now):
                return None
            session.seen = now
        told = self._known().get(session.username)
        return _person(told, session.name) if told else None

    def sign_out(self, secret: str) -> None:
        """End a session."""
        with self._lock:
            self._sessions.pop(_digest(secret), None)

    def count(self) -> int:
        """How many may sign in now."""
        return len(self._known())

    def _known(self) -> dict[str, dict[str, Any]]:
        """Those the centre named last, unless that is too long ago."""
        at = self._record.said("heard_at")
        if at is None or self._now() - float(at) > self._longest:
            return {}
        standing = self._record.said("standing") or {}
        return {str(one["username"]): one for one in standing.get("readers", [])}

    def _lives(self, session: _Session, now: float) -> bool:
        idle, life = IDLE.total_seconds(), LIFE.total_seconds()
        return now - session.seen < idle and now - session.began < life


def _verifier(told: dict[str, Any] | None) -> Verifier | None:
    try:
        return Verifier.of(told["verifier"]) if told else None
    except DomainError:
        return None


def _person(told: dict[str, Any], session: str) -> Person:
    return Person(
        str(told["user"]), str(told["reader"]), str(told["username"]), str(told["name"]),
        Role(told["role"]), session,
    )  # fmt: skip


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "replace")).digest()
