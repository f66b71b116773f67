"""What every HL7 message has in common: who sent it, for which site, about whom."""

from collections.abc import Sequence
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
from confrere.patients.model import Demographics, Patient


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
    return patients.record(conn, site.owner_group, demographics(site, said), now)


def demographics(site: Site, said: PatientMessage) -> Demographics:
    """Choose the identifier of the site's own assigner, else the first that has one.

    An identifier that names no assigner is the site's own: the sender is registered for it.
    """
    if not said.identifiers:
        raise Invalid("the message names no patient: send PID-3", "PID-3")
    own = [i for i in said.identifiers if i.assigner in ("", site.assigner)]
    chosen = (own or list(said.identifiers))[0]
    return Demographics(
        chosen.assigner or chosen.universal_id or site.assigner, chosen.value,
        said.name.family, " ".join(p for p in (said.name.given, said.name.middle) if p),
        said.birth_date, said.sex[:1].upper(), said.address.postal_code,
    )  # fmt: skip


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
