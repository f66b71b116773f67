"""What goes first, and how long to wait after a failure. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

STAT, SOON, ROUTINE = 0, 1, 2
WORDS: Mapping[int, str] = {STAT: "STAT", SOON: "urgent", ROUTINE: "routine"}
LONGEST_WAIT = timedelta(seconds=32)
_RANKS = {"S": STAT, "A": SOON}  # HL7 table 0485


@dataclass(frozen=True, slots=True)
class Waiting:
    """A data set that waits for the centre; `key` is its row."""

    key: int
    digest: bytes
    size: int
    sop_class: str
    sop_instance: str
    transfer_syntax: str
    calling_aet: str


@dataclass(frozen=True, slots=True)
class Seen:
    """What an image's head says of its exam, and of its place in it."""

    study_uid: str
    series_uid: str
    series_number: int
    number: int
    frames: int
    accession: str
    mrn: str
    patient_name: str
    birth_date: str  # DA
    sex: str
    modality: str
    description: str
    series: str


@dataclass(frozen=True, slots=True)
class Ordered:
    """What an order says, in the words that readers see; times are the site's own."""

    accession: str
    rank: int
    mrn: str = ""
    patient_name: str = ""
    birth_date: str = ""  # DA
    sex: str = ""
    procedure: str = ""
    question: str = ""
    is_cancelled: bool = False


@dataclass(frozen=True, slots=True)
class Study:
    """A study of which images are here. Times are seconds since 1970."""

    uid: str
    accession: str
    mrn: str
    patient_name: str
    birth_date: str
    sex: str
    modality: str
    description: str
    rank: int
    count: int
    first: float
    last: float


@dataclass(frozen=True, slots=True)
class Image:
    """An image of a study and where its bytes are."""

    digest: bytes
    syntax: str
    series_uid: str
    series: str
    number: int
    frames: int


@dataclass(frozen=True, slots=True)
class Letter:
    """An HL7 message that waits for the centre."""

    key: int
    content: bytes
    address: str


def rank_of_order(priority: str) -> int:
    """Rank an order by its priority in the codes of HL7 table 0485."""
    return _RANKS.get(priority, ROUTINE)


def back_off(failures: int, dice: float) -> timedelta:
    """Say how long to wait after so many failures in a row: 1, 2, 4 ... 32 s, half of it by chance.

    `dice` is in [0, 1): many gateways that lost the centre at once must not all come back at
    the same instant.
    """
    whole = min(timedelta(seconds=2 ** min(max(failures, 1) - 1, 10)), LONGEST_WAIT)
    return whole / 2 + whole / 2 * dice
