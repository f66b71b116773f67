"""Names, UIDs and dates that stand for the real ones, from a project's key. Pure.

The same key gives the same answers in every export; without the key they can't be undone.
"""

import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import date, timedelta

MOST_DAYS = 3650
KNOWN = "1.2.840.10008."  # registered by DICOM itself: they name no object
NO_DATE, NO_TIME, NO_MOMENT = "19000101", "000000", "19000101000000"
_DATE = re.compile(r"(\d{4})(\d{2})(\d{2})(.*)", re.DOTALL)
_UID_BITS = 16


def project_key(master: bytes, group: bytes, project: str) -> bytes:
    """Derive the key of one project of one group; another group's or project's differs."""
    own = hmac.digest(master, b"group\0" + group, hashlib.sha256)
    return hmac.digest(own, b"project\0" + project.encode(), hashlib.sha256)


@dataclass(frozen=True, slots=True)
class Pseudonyms:
    """One patient's stand-ins in one project."""

    key: bytes
    patient: str  # issuer and identifier, as they stand in the data set

    def uid(self, uid: str) -> str:
        """Stand in for a UID: 2.25 and a UUID made of its HMAC (PS3.5 B.2)."""
        if not uid or uid.startswith(KNOWN):
            return uid
        raw = bytearray(self._digest("uid", uid)[:_UID_BITS])
        raw[6] = raw[6] & 0x0F | 0x80  # version 8 and variant, RFC 9562
        raw[8] = raw[8] & 0x3F | 0x80
        return f"2.25.{int.from_bytes(raw, 'big')}"

    @property
    def subject(self) -> str:
        """The name and identifier of the patient in the project."""
        return f"S-{self._digest('subject', self.patient).hex()[:12].upper()}"

    @property
    def days(self) -> int:
        """How many days this patient's dates move into the past: 1 to 3650."""
        number = int.from_bytes(self._digest("days", self.patient)[:8], "big")
        return number % MOST_DAYS + 1

    def moved(self, text: str) -> str:
        """Move a DA or DT value; empty where it holds no whole day."""
        found = _DATE.fullmatch(text.strip())
        if found is None:
            return ""
        try:
            day = date(int(found[1]), int(found[2]), int(found[3]))
            return f"{day - timedelta(self.days):%Y%m%d}".rjust(8, "0") + found[4]
        except (ValueError, OverflowError):
            return ""

    def _digest(self, kind: str, text: str) -> bytes:
        return hmac.digest(self.key, f"{kind}\0{text}".encode(), hashlib.sha256)
