"""Passwords as argon2id hashes; sessions and tokens as digests of random secrets."""

import base64
import hashlib
import unicodedata
from collections.abc import Callable

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

Random = Callable[[int], bytes]

SECRET_BYTES = 32
# OWASP's argon2id floor: 19 MiB, two passes, one lane
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1, type=Type.ID)
# verified for unknown users, so that they cost as much as known ones; nothing matches it
_NOBODY = _HASHER.hash(b"\x00 no password has this byte first")


def hash_password(password: str) -> str:
    """Hash a password with argon2id and a random salt."""
    return _HASHER.hash(_plain(password))


def verify_password(stored: str | None, password: str) -> bool:
    """Compare a password with its hash; None (no such user) costs the same and is False."""
    try:
        matches = _HASHER.verify(stored or _NOBODY, _plain(password))
    except (VerificationError, InvalidHashError):
        return False
    return matches and bool(stored)


def is_outdated(stored: str) -> bool:
    """Say whether a hash was made with weaker parameters than today's."""
    return _HASHER.check_needs_rehash(stored)


def new_secret(random: Random) -> str:
    """Make a URL-safe secret of 32 random bytes."""
    return base64.urlsafe_b64encode(random(SECRET_BYTES)).rstrip(b"=").decode("ascii")


def digest(secret: str) -> bytes:
    """Return what is stored of a secret. It is random, so one SHA-256 suffices."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).digest()


def _plain(password: str) -> bytes:
    # one password typed on two keyboards may differ in composed characters only
    return unicodedata.normalize("NFKC", password).encode("utf-8", "replace")
