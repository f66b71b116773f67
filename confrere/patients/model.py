"""A patient as one assigner knows them, and the person behind several of those."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from confrere.kernel.ids import GroupId, PatientId


@dataclass(frozen=True, slots=True)
class Demographics:
    """What a message or image says of a patient; absent is empty or None, never invented."""

    assigner: str  # issuer of the identifier (PID-3.4, (0010,0021))
    mrn: str
    family: str = ""
    given: str = ""
    birth_date: date | None = None
    sex: str = ""  # M, F, O or empty
    postal_code: str = ""


@dataclass(frozen=True, slots=True)
class Patient:
    """One identity: an identifier with its assigner, in one group's care."""

    id: PatientId
    owner_group: GroupId
    demographics: Demographics
    person: UUID | None = None  # shared by identities that are linked
    merged_into: PatientId | None = None

    @property
    def name(self) -> str:
        """The name as a list shows it: family, given."""
        d = self.demographics
        return ", ".join(part for part in (d.family, d.given) if part)


@dataclass(frozen=True, slots=True)
class PatientSeen:
    """Event: a patient was added or their demographics changed."""

    owner_group: GroupId
    patient_id: PatientId
    at: datetime
