"""Accounts, sessions, and the rules of passwords and lockout. Pure."""

import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta

from confrere.kernel.errors import Invalid
from confrere.kernel.ids import GroupId, ReaderId, SiteId, UserId
from confrere.kernel.principal import Role

FREE_FAILURES = 5  # the fifth failure in a row locks
FIRST_LOCK = timedelta(seconds=30)  # doubles with each failure after that
LONGEST_LOCK = timedelta(minutes=15)
SHORTEST_PASSWORD = 15  # NIST SP 800-63B-4, 3.1.1.2: single factor
LONGEST_PASSWORD = 256  # the hash's cost must not be the caller's to choose
LONGEST_USERNAME = 128
LONGEST_TOKEN_LIFE = timedelta(days=400)
_FEWEST_DIFFERENT = 5
_COMMON = frozenset(
    {
        "password",
        "passphrase",
        "letmein",
        "welcome",
        "qwertyuiop",
        "asdfghjkl",
        "zxcvbnm",
        "iloveyou",
        "administrator",
        "changeme",
        "confrere",
        "radiology",
        "radiologist",
        "hospital",
        "correcthorsebatterystaple",
        "abcdefghijklmnopqrstuvwxyz",
        "01234567890123456789",
        "98765432109876543210",
    }
)


@dataclass(frozen=True, slots=True)
class User:
    """A local account, without its password."""

    id: UserId
    username: str
    name: str
    role: Role
    group: GroupId | None
    reader: ReaderId | None
    site: SiteId | None
    disabled_at: datetime | None
    locked_until: datetime | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a session lives: from sign-in, and without a request."""

    life: timedelta = timedelta(hours=12)
    idle: timedelta = timedelta(minutes=60)


def username_of(text: str) -> str:
    """Bring a username to the one form that is stored and compared."""
    return unicodedata.normalize("NFKC", text).strip().casefold()


def locked_until(failures: int, now: datetime) -> datetime | None:
    """Say until when an account refuses after this many failures in a row."""
    if failures < FREE_FAILURES:
        return None
    doublings = min(failures - FREE_FAILURES, 10)
    return now + min(FIRST_LOCK * (1 << doublings), LONGEST_LOCK)


def check_password(password: str, username: str) -> None:
    """Raise Invalid where a new password is too short, too long or easily guessed.

    Source: NIST SP 800-63B-4 section 3.1.1.2 (length and a blocklist, no composition rules).
    """
    plain = unicodedata.normalize("NFKC", password)
    if len(plain) < SHORTEST_PASSWORD:
        raise Invalid(
            f"The password needs at least {SHORTEST_PASSWORD} characters; several words "
            "together are easy to remember.",
            "password",
        )
    if len(plain) > LONGEST_PASSWORD:
        raise Invalid(f"The password may have {LONGEST_PASSWORD} characters.", "password")
    if _easily_guessed(plain.casefold(), username):
        raise Invalid(
            "This password is easily guessed: leave out the username, common words alone "
            "and repeated characters.",
            "password",
        )


def _easily_guessed(plain: str, username: str) -> bool:
    if len(set(plain)) < _FEWEST_DIFFERENT or (username and username in plain):
        return True
    letters = "".join(one for one in plain if one.isalnum())
    rest = letters
    for word in _COMMON:
        if letters and letters in word:
            return True
        rest = rest.replace(word, "")
    return len(rest.strip("0123456789")) < _FEWEST_DIFFERENT and rest != letters


def check_belongings(
    role: Role, group: GroupId | None, reader: ReaderId | None, site: SiteId | None
) -> None:
    """Raise Invalid where a role lacks what its rights are scoped by."""
    reads = role in (Role.RADIOLOGIST, Role.RESIDENT)
    if reads and reader is None:
        raise Invalid(f"A {role} must be one of the directory's readers.", "reader")
    if not reads and reader is not None:
        raise Invalid(f"A {role} is not a reader; leave the reader out.", "reader")
    if (reads or role is Role.GROUP_MANAGER) and group is None:
        raise Invalid(f"A {role} must belong to a group.", "group")
    of_site = role in (Role.HOSPITAL_CLIENT, Role.TECHNOLOGIST)
    if of_site and (site is None or group is None):
        raise Invalid(f"A {role} must have a site and the group it belongs to.", "site")
    if role is Role.ANALYST and group is not None:
        raise Invalid("An analyst sees pooled measures only; leave the group out.", "group")
