"""A patient as one assigner knows them, and the person behind several of those."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from confrere.kernel.ids import GroupId, PatientId
from confrere.kernel.periods import Spans

# HL7 table 0203: medical record, patient internal, patient external; and where none is told
RECORD_NUMBERS = frozenset({"", "MR", "MRN", "PI", "PT", "PE", "U", "LR"})
ACCOUNT = "AN"  # names a stay or a bill: a person may have many of one assigner


@dataclass(frozen=True, slots=True, order=True)
class Number:
    """A further identifier of a patient, with who assigned it (CX; PS3.3 table C.2-1)."""

    assigner: str
    value: str
    kind: str = ""  # HL7 table 0203

    @property
    def is_record(self) -> bool:
        """Say whether its assigner gives it to a person once, and to nobody else."""
        return self.kind in RECORD_NUMBERS


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
    street: str = ""
    phone: str = ""
    # of a social security or like number only the last four are kept: enough to tell apart
    national_last4: str = ""
    # other numbers of theirs, each with its own assigner; once told, one is never dropped
    further: frozenset[Number] = frozenset()

    @property
    def record_numbers(self) -> frozenset[tuple[str, str]]:
        """(assigner, number) of each record number, the identity's own included."""
        others = ((one.assigner, one.value) for one in self.further if one.is_record)
        return frozenset({(self.assigner, self.mrn), *others})

    @property
    def numbers(self) -> frozenset[tuple[str, str]]:
        """(assigner, number) of everything that names this person, stays included."""
        others = ((one.assigner, one.value) for one in self.further)
        return frozenset({(self.assigner, self.mrn), *others})


@dataclass(frozen=True, slots=True)
class Patient:
    """One identity: an identifier with its assigner, in one group's care."""

    id: PatientId
    owner_group: GroupId
    demographics: Demographics
    person: UUID | None = None  # shared by identities that are linked
    merged_into: PatientId | None = None
    updated_at: datetime | None = None  # None only where it did not come from the database

    @property
    def name(self) -> str:
        """The name as a list shows it: family, given."""
        d = self.demographics
        return ", ".join(part for part in (d.family, d.given) if part)


class Fit(StrEnum):
    """How a name must fit; only `exact` tells capitals from small letters."""

    START = "start"
    CONTAINS = "contains"
    EXACT = "exact"


@dataclass(frozen=True, slots=True)
class NameSought:
    """Fits when one of `fields` (family, given) fits one of `values`."""

    fields: tuple[str, ...]
    values: tuple[str, ...]
    fit: Fit = Fit.START


@dataclass(frozen=True, slots=True)
class PatientsSought:
    """What a search asks; all must hold. None asks nothing; an empty collection fits nobody.

    `identifiers` holds (assigner, number) pairs, of which None is any; one of each set must fit
    the identity's own number or a further one.
    """

    ids: frozenset[PatientId] | None = None
    identifiers: tuple[frozenset[tuple[str | None, str | None]], ...] = ()
    names: tuple[NameSought, ...] = ()
    sexes: frozenset[str] | None = None
    postal_codes: tuple[tuple[str, ...], ...] = ()  # one beginning of each set must fit
    phones: tuple[frozenset[str], ...] = ()  # one of each set, as `comparing.phone` folds it
    active: frozenset[bool] | None = None  # False: merged away
    born: Spans | None = None
    updated: Spans | None = None


@dataclass(frozen=True, slots=True)
class PatientSeen:
    """Event: a patient was added or their demographics changed."""

    owner_group: GroupId
    patient_id: PatientId
    at: datetime


@dataclass(frozen=True, slots=True)
class PairDecided:
    """Event: a person or a message decided on a pair; persons are to be put together anew."""

    owner_group: GroupId
    one: PatientId
    other: PatientId
    at: datetime


@dataclass(frozen=True, slots=True)
class PersonChanged:
    """Event: other identities than before are this one's person."""

    owner_group: GroupId
    patient_id: PatientId
    at: datetime
