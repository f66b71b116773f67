"""What stands beside an exam's images. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from confrere.kernel.errors import Invalid
from confrere.kernel.ids import GroupId, OrderId, PatientId, SiteId

CREATININE, EGFR = "creatinine", "eGFR"
NOTE, QC_DONE, PROTOCOL = "note", "qc done", "protocol"
NOTE_KINDS = (NOTE, QC_DONE, PROTOCOL)
LONGEST_NOTE = 4000
LARGEST_PAPER = 16 * 1024 * 1024

# LOINC codes of the values that contrast depends on (loinc.org; ACR Manual on Contrast Media)
LAB_CODES = {
    "2160-0": CREATININE,  # serum or plasma, mass concentration
    "38483-4": CREATININE,  # blood
    "14682-9": CREATININE,  # serum or plasma, substance concentration
    "33914-3": EGFR,  # MDRD
    "48642-3": EGFR,
    "48643-1": EGFR,
    "62238-1": EGFR,  # CKD-EPI
    "69405-9": EGFR,
    "88293-6": EGFR,
    "88294-4": EGFR,
    "98979-8": EGFR,  # CKD-EPI 2021
}
# what laboratories call them where they send no LOINC code
_LAB_WORDS = {
    "creatinine": CREATININE, "creat": CREATININE, "crea": CREATININE, "egfr": EGFR,
    "gfr": EGFR, "gfr est": EGFR, "estimated gfr": EGFR,
}  # fmt: skip
_NOT_SERUM = ("urine", "clearance", "ratio", "24h", "fluid")
_NOTE_WORDS = {
    "technote": NOTE, "technologist note": NOTE, "tech note": NOTE, "technologist notes": NOTE,
    "qc": QC_DONE, "qc done": QC_DONE, "image qc": QC_DONE, "protocol": PROTOCOL,
    "protocol choice": PROTOCOL, "imaging protocol": PROTOCOL,
}  # fmt: skip
_MAGIC = (
    (b"%PDF-", "application/pdf"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
)


@dataclass(frozen=True, slots=True)
class Allergy:
    """An allergy as some system told it; `severity` is of HL7 table 0128."""

    substance: str
    code: str = ""
    severity: str = ""
    reaction: str = ""
    source: str = ""
    said_at: datetime | None = None

    @property
    def told(self) -> str:
        """Say it in one line."""
        return f"{self.substance} ({self.reaction})" if self.reaction else self.substance


@dataclass(frozen=True, slots=True)
class LabValue:
    """A value as the laboratory sent it; nothing is converted. `mark` is OBX-8."""

    kind: str  # CREATININE or EGFR
    value: str
    unit: str
    taken_at: datetime
    code: str = ""
    name: str = ""
    mark: str = ""
    source: str = ""

    def age_at(self, at: datetime) -> str:
        """Say how old the value is, in hours within two days, else in days."""
        hours = int((at - self.taken_at).total_seconds() // 3600)
        if hours < 0:
            return "dated after now"
        if hours < 48:  # noqa: PLR2004
            return f"{hours} hour{'' if hours == 1 else 's'} old"
        return f"{hours // 24} days old"


@dataclass(frozen=True, slots=True)
class ExamNote:
    """What a technologist, or the site's system, says of an exam."""

    id: UUID
    owner_group: GroupId
    site: SiteId
    order: OrderId
    kind: str  # NOTE, QC_DONE or PROTOCOL
    text: str
    by_name: str
    source: str
    at: datetime
    withdrawn_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Paper:
    """A scanned requisition or worksheet; its bytes are a blob."""

    id: UUID
    owner_group: GroupId
    patient: PatientId
    order: OrderId | None
    title: str
    media_type: str
    size: int
    digest: bytes
    source: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Beside:
    """All that is known beside one exam."""

    notes: tuple[ExamNote, ...] = ()
    allergies: tuple[Allergy, ...] = ()
    labs: tuple[LabValue, ...] = ()
    papers: tuple[Paper, ...] = ()

    def of_kind(self, kind: str) -> tuple[ExamNote, ...]:
        """Notes of one kind, oldest first."""
        return tuple(one for one in self.notes if one.kind == kind)


def lab_kind(code: str, name: str) -> str:
    """Say which value a laboratory's code or name stands for; empty: none that is kept.

    The LOINC code decides where there is one; of the names only whole, unmistakable ones.
    """
    if code in LAB_CODES:
        return LAB_CODES[code]
    for words in (name.casefold().strip(), code.casefold().strip()):
        if words and not any(one in words for one in _NOT_SERUM):
            first = words.split(",", maxsplit=1)[0].strip()
            if first in _LAB_WORDS:
                return _LAB_WORDS[first]
    return ""


def note_kind(code: str, name: str) -> str:
    """Say which note an OBX of an order carries; empty: none."""
    found = (_NOTE_WORDS.get(one.casefold().strip(), "") for one in (code, name))
    return next(filter(None, found), "")


def newest_labs(values: Iterable[LabValue]) -> tuple[LabValue, ...]:
    """Return the newest of each kind, creatinine first."""
    newest: dict[str, LabValue] = {}
    for one in values:
        if one.kind not in newest or one.taken_at > newest[one.kind].taken_at:
            newest[one.kind] = one
    return tuple(newest[kind] for kind in (CREATININE, EGFR) if kind in newest)


def media_type_of(content: bytes) -> str:
    """Tell a paper's type by its first bytes; Invalid for what cannot be shown safely.

    What the sender calls it counts for nothing: HTML or SVG never becomes a page of ours.
    """
    if len(content) > LARGEST_PAPER:
        raise Invalid("the document is over 16 MB: send it in parts", "OBX-5")
    for start, media in _MAGIC:
        if content.startswith(start):
            return media
    raise Invalid("the document is no PDF, PNG or JPEG: send one of these", "OBX-5")


def clean_note(kind: str, text: str) -> str:
    """Check a note as typed; QC done needs no words. Raises Invalid."""
    if kind not in NOTE_KINDS:
        raise Invalid(f"the kind is one of {', '.join(NOTE_KINDS)}", "kind")
    words = "\n".join(line.rstrip() for line in text.strip().splitlines())
    if not words and kind != QC_DONE:
        raise Invalid("write the note before you save it", "text")
    if len(words) > LONGEST_NOTE:
        raise Invalid(f"the note is over {LONGEST_NOTE} characters; shorten it", "text")
    return words
