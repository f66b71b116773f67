"""What every HL7 message has in common: who sent it, for which site, about whom."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from confrere.hl7.datatypes import Identifier, Name, Person
from confrere.hl7.parse import Message
from confrere.hl7.patients import PatientMessage
from confrere.kernel.errors import Invalid, NotFound
from confrere.network.model import Site
from confrere.network.systems import Peer
from confrere.orders.model import Order
from confrere.patients import service as patients
from confrere.patients.model import ACCOUNT, RECORD_NUMBERS, Demographics, Number, Patient

FEWEST_DIGITS = 7
NATIONAL_ASSIGNERS = frozenset({"SSA", "USSSA", "SSN"})  # HL7 table 0363, and as sent


@dataclass(frozen=True, slots=True)
class Heard:
    """A message at hand: who sent it, for which site, when it came."""

    peer: Peer
    site: Site
    message: Message
    at: datetime

    @property
    def source(self) -> str:
        """The system that speaks, by its own name (MSH-3)."""
        return self.message.header.text(3).strip() or self.peer.name


def record(conn: Connection, site: Site, said: PatientMessage, now: datetime) -> Patient:
    """Record the patient of a message, at its site's group."""
    known = demographics(site, said)
    return patients.record(conn, site.owner_group, known, now, said.occurred_at)


def demographics(site: Site, said: PatientMessage) -> Demographics:
    """Say who a message is about, by the identifier that `chosen` picks."""
    mine = chosen(site, said.identifiers)
    return Demographics(
        assigner_of(mine, site), mine.value,
        said.name.family, " ".join(p for p in (said.name.given, said.name.middle) if p),
        said.birth_date, said.sex[:1].upper(), said.address.postal_code,
        said.address.street, said.phones[0] if said.phones else "", last4(said.national),
        frozenset(_further(site, said)),
    )  # fmt: skip


def _further(site: Site, said: PatientMessage) -> Iterator[Number]:
    """All other record and account numbers (PID-3, PID-18).

    Numbers of insurance, licence and social security are not kept: they name a person beyond
    the hospitals, and of the last only four digits are needed.
    """
    for one in said.identifiers:
        kind = one.type_code.upper()
        is_kept = kind in RECORD_NUMBERS or kind == ACCOUNT
        if is_kept and one.assigner.upper() not in NATIONAL_ASSIGNERS:
            yield Number(assigner_of(one, site), one.value, kind)
    for one in said.accounts:
        yield Number(assigner_of(one, site), one.value, ACCOUNT)


def chosen(site: Site, identifiers: Sequence[Identifier]) -> Identifier:
    """Choose the identifier of the site's own assigner, else the first record number.

    One that names no assigner is the site's own: the sender is registered for it. Numbers of
    insurance, licence or social security are no record numbers. Raises Invalid without any.
    """
    numbers = [one for one in identifiers if one.type_code.upper() in RECORD_NUMBERS]
    if not numbers:
        raise Invalid("the message names no patient: send PID-3", "PID-3")
    own = [one for one in numbers if assigner_of(one, site) == site.assigner]
    return (own or numbers)[0]


def assigner_of(one: Identifier, site: Site) -> str:
    """Say who assigned an identifier; the site, where it names nobody."""
    return one.assigner or one.universal_id or site.assigner


def last4(number: str) -> str:
    """Keep the last four digits of a national number, where it is one and not a filler."""
    kept = [c for c in number if c.isascii() and c.isdigit()]
    is_filler = len(kept) < FEWEST_DIGITS or len(set(kept)) == 1
    return "" if is_filler else "".join(kept[-4:])


def person_name(person: Person | None) -> str:
    """Write a person as reports name them; empty for nobody."""
    if person is None:
        return ""
    name = ", ".join(p for p in (person.name.family, person.name.given) if p)
    return f"{name} {person.degree}".strip()


def refuse_anothers(conn: Connection, found: Sequence[Order], patient: Patient) -> None:
    """Raise Invalid where a message names one patient, and the order of another."""
    for order in found:
        if order.patient != patient.id and not _same(conn, order, patient):
            raise Invalid(
                "the accession number belongs to another patient's order: nothing was changed",
                "OBR-18",
            )


def _same(conn: Connection, order: Order, patient: Patient) -> bool:
    try:
        other = patients.get(conn, order.patient)
    except NotFound:
        return False
    return other.person is not None and other.person == patient.person


def identifier(patient: Patient) -> Identifier:
    """Write an identifier for PID-3: its value with its assigner."""
    return Identifier(patient.demographics.mrn, patient.demographics.assigner, type_code="MR")


def name(patient: Patient) -> Name:
    """Write a name for PID-5."""
    return Name(patient.demographics.family, patient.demographics.given)
