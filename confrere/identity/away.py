"""Sign-in at a gateway while the centre cannot be reached.

A gateway never gets a password's hash. It gets, for each reader of its group, the salt and a
MAC of the hash under a pepper that is made of the gateway's own token: a copy of the list is of
no use without the token, nothing on it signs in anywhere else, and a new token ends it.
"""

import base64
import hashlib
import hmac
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from argon2 import extract_parameters
from argon2.exceptions import Argon2Error, InvalidHashError
from argon2.low_level import Type, hash_secret_raw
from sqlalchemy import Connection

from confrere.identity import store
from confrere.identity.model import User
from confrere.kernel.errors import Invalid
from confrere.kernel.ids import GroupId
from confrere.kernel.principal import Role

READS = (Role.RADIOLOGIST, Role.RESIDENT)
MOST_MEMORY = 1 << 20  # KiB; a list that asks for more is damaged
_FOR = b"confrere: sign-in at a gateway in downtime"


@dataclass(frozen=True, slots=True)
class Verifier:
    """What tells a right password from a wrong one, by Argon2id (RFC 9106) and a MAC."""

    salt: bytes
    time_cost: int
    memory_cost: int  # KiB
    lanes: int
    length: int
    mac: bytes

    def told(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "salt": base64.b64encode(self.salt).decode(), "time": self.time_cost,
            "memory": self.memory_cost, "lanes": self.lanes, "length": self.length,
            "mac": self.mac.hex(),
        }  # fmt: skip

    @staticmethod
    def of(told: Mapping[str, Any]) -> "Verifier":
        """Read it from JSON; raises Invalid."""
        try:
            made = Verifier(
                base64.b64decode(told["salt"]), int(told["time"]), int(told["memory"]),
                int(told["lanes"]), int(told["length"]), bytes.fromhex(told["mac"]),
            )  # fmt: skip
        except (KeyError, TypeError, ValueError):
            raise Invalid("a reader's verifier is damaged: it is asked for again") from None
        if made.memory_cost > MOST_MEMORY:
            raise Invalid("a reader's verifier asks for too much memory")
        return made


@dataclass(frozen=True, slots=True)
class AwayReader:
    """A reader who may sign in at a gateway."""

    user: User
    verifier: Verifier


def pepper_of(token: str) -> bytes:
    """The pepper of the gateway that holds this token."""
    return hmac.digest(token.encode("utf-8"), _FOR, hashlib.sha256)


def readers_of(conn: Connection, group: GroupId, token: str) -> list[AwayReader]:
    """A group's readers who may sign in now, each with a verifier for this gateway alone."""
    pepper = pepper_of(token)
    found = []
    for account in store.accounts_of(conn, group, READS):
        made = verifier_of(account.password_hash, pepper)
        if made is not None and account.user.reader is not None:
            found.append(AwayReader(account.user, made))
    return found


def verifier_of(stored: str, pepper: bytes) -> Verifier | None:
    """Make the verifier of a stored Argon2id hash; None for a hash of another kind."""
    try:
        told = extract_parameters(stored)
    except InvalidHashError:
        return None
    if told.type is not Type.ID or told.version != 19:  # noqa: PLR2004 - Argon2 1.3
        return None
    salt, raw = (_plain(part) for part in stored.split("$")[-2:])
    mac = hmac.digest(pepper, raw, hashlib.sha256)
    return Verifier(
        salt, told.time_cost, told.memory_cost, told.parallelism, len(raw), mac
    )  # fmt: skip


def fits(verifier: Verifier | None, pepper: bytes, password: str) -> bool:
    """Compare a password; None (no such reader) costs the same and is False."""
    one = verifier or _NOBODY
    typed = unicodedata.normalize("NFKC", password).encode("utf-8", "replace")
    try:
        raw = hash_secret_raw(
            typed, one.salt, one.time_cost, one.memory_cost, one.lanes, one.length, Type.ID
        )
    except Argon2Error:
        return False
    made = hmac.digest(pepper, raw, hashlib.sha256)
    return hmac.compare_digest(made, one.mac) and verifier is not None


def _plain(part: str) -> bytes:
    return base64.b64decode(part + "=" * (-len(part) % 4))


_NOBODY = Verifier(bytes(16), 2, 19 * 1024, 1, 32, bytes(32))
