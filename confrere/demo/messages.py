"""The demonstration's HL7 messages, as its sites' systems would send them. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from confrere.demo.catalogue import ProcedurePlan, local_code
from confrere.demo.places import SitePlan
from confrere.hl7.acknowledge import Stamp
from confrere.hl7.datatypes import Coded, Identifier, Name, Person
from confrere.hl7.emit import Field, Header, message, segment
from confrere.hl7.outbound import OutboundResult, Parties, write_result
from confrere.hl7.timestamp import write_timestamp

RECEIVER = (("CONFRERE",), ("COLLABORATIVE",))
SCHEDULED, COMPLETED = "SC", "CM"  # ORC-5, table 0038
MEDICARE_AGE = 65
_STREETS = ("Maple St", "County Road 9", "Prairie Ave", "Mill Rd", "Lincoln Way")


@dataclass(frozen=True, slots=True)
class PersonPlan:
    """An invented person, the same at every site."""

    family: str
    given: str
    birth_date: date
    sex: str
    postal_code: str

    @property
    def dicom_name(self) -> str:
        """The name as images carry it (PN)."""
        return f"{self.family}^{self.given}"


@dataclass(frozen=True, slots=True)
class OrderPlan:
    """One order of one site. `code` differs from the site's map for the unmapped one."""

    site: SitePlan
    person: PersonPlan
    mrn: str
    accession: str
    procedure: ProcedurePlan
    priority: str  # S, A or R (table 0485)
    patient_class: str  # E, I or O (table 0004)
    location: str
    question: str
    referrer: str
    ordered_at: datetime
    study_uid: str = ""
    code: str = ""
    text: str = ""
    allergy: str = ""
    note: str = ""

    @property
    def wording(self) -> tuple[str, str]:
        """The procedure's code and text, as the site sends them."""
        return (
            self.code or local_code(self.site, self.procedure.word),
            self.text or self.procedure.text,
        )


def admission(order: OrderPlan, stamp: Stamp, event: str = "A04") -> bytes:
    """ADT: a patient arrives (A04) or is corrected (A08)."""
    segments = [segment("EVN", {1: event, 2: write_timestamp(stamp.at)}), *_patient(order)]
    return message(_header(order, stamp, ("ADT", event, "ADT_A01"), "2.5.1"), segments)


def order_as_orm(order: OrderPlan, stamp: Stamp) -> bytes:
    """ORM^O01 in version 2.3.1, as most interface engines still send."""
    segments = [
        *_patient(order),
        segment("ORC", _common(order, "NW", SCHEDULED, order.ordered_at)),
        segment("OBR", _request(order)),
        *_around(order),
    ]
    if order.study_uid:
        uid = (order.study_uid, "", "Application", "DICOM")
        segments.append(segment("ZDS", {1: uid}))
    return message(_header(order, stamp, ("ORM", "O01"), "2.3.1"), segments)


def order_as_omi(order: OrderPlan, stamp: Stamp) -> bytes:
    """OMI^O23 in version 2.5.1, the imaging order of IHE Scheduled Workflow."""
    common = _common(order, "NW", SCHEDULED, order.ordered_at)
    common.pop(7)
    request = _request(order)
    request.pop(18)
    ipc: dict[int, Field] = {
        1: order.accession, 2: f"RP{order.accession}", 3: order.study_uid,
        4: f"SPS{order.accession}", 5: order.procedure.modality,
    }  # fmt: skip
    segments = [
        *_patient(order),
        segment("ORC", common),
        segment("TQ1", {1: "1", 7: write_timestamp(order.ordered_at), 9: order.priority}),
        segment("OBR", request),
        *_around(order),
        segment("IPC", ipc),
    ]
    return message(_header(order, stamp, ("OMI", "O23", "OMI_O23"), "2.5.1"), segments)


def completion(order: OrderPlan, completed_at: datetime, stamp: Stamp) -> bytes:
    """Write the status change that says that the exam is complete: it starts the clock."""
    request = _request(order) | {
        7: write_timestamp(completed_at),
        8: write_timestamp(completed_at),
        22: write_timestamp(completed_at),
    }
    segments = [
        *_patient(order),
        segment("ORC", _common(order, "SC", COMPLETED, completed_at)),
        segment("OBR", request),
    ]
    return message(_header(order, stamp, ("ORM", "O01"), "2.3.1"), segments)


def report(
    order: OrderPlan, text: str, reader: tuple[str, str], observed_at: datetime,
    reported_at: datetime, stamp: Stamp, sender: str = "",
) -> bytes:  # fmt: skip
    """Write a final report (ORU^R01) by a site's own system; `reader` is a name and an NPI."""
    given, _, family = reader[0].rpartition(" ")
    code, words = order.wording
    numbers = Identifier(f"P{order.accession}"), Identifier(order.accession)
    result = OutboundResult(
        (Identifier(order.mrn, order.site.assigner, type_code="MR"),),
        Name(order.person.family, order.person.given), order.person.birth_date,
        order.person.sex, *numbers, order.accession, Coded(code, words, "L"), "F",
        Person(reader[1], Name(family, given), "MD", "NPI"), observed_at, reported_at, text,
        order.patient_class, order.study_uid,
    )  # fmt: skip
    application = (sender or order.site.application,)
    parties = Parties((application, (order.site.facility,)), RECEIVER)
    return write_result(result, parties, stamp.control_id, stamp.at)


def _header(order: OrderPlan, stamp: Stamp, kind: tuple[str, ...], version: str) -> Header:
    sender = ((order.site.application,), (order.site.facility,))
    return Header(sender, RECEIVER, kind, stamp.control_id, stamp.at, version)


def _patient(order: OrderPlan) -> Iterator[str]:
    person, site = order.person, order.site
    house = sum(map(ord, person.family + person.postal_code)) * 3
    street = f"{house} {_STREETS[len(person.family) % 5]}"
    yield segment("PID", {
        1: "1", 3: (order.mrn, "", "", (site.assigner,), "MR"),
        5: (person.family, person.given), 7: person.birth_date.strftime("%Y%m%d"),
        8: person.sex, 11: (street, "", site.city, site.state, person.postal_code),
    })  # fmt: skip
    place = (order.location, "", "", site.facility)
    yield segment("PV1", {
        1: "1", 2: order.patient_class, 3: place, 19: f"V{order.accession}",
        20: payer_of(person, order.ordered_at),
    })  # fmt: skip
    if order.allergy:
        yield segment("AL1", {1: "1", 2: "DA", 3: ("", order.allergy), 4: "MO"})


def payer_of(person: PersonPlan, at: datetime) -> str:
    """An invented person's insurance, plausible for the age and always the same."""
    age = at.year - person.birth_date.year
    draw = sum(map(ord, person.dicom_name)) % 10
    if age >= MEDICARE_AGE:
        return "Medicare" if draw < 6 else "Medicare Advantage"  # noqa: PLR2004 - six of ten
    return ("Medicaid", "Medicaid", "Self-pay")[draw] if draw < 3 else "Commercial"  # noqa: PLR2004


def _common(order: OrderPlan, control: str, status: str, at: datetime) -> dict[int, Field]:
    return {
        1: control, 2: f"P{order.accession}", 3: order.accession, 5: status,
        7: ("1", "", "", "", "", order.priority), 9: write_timestamp(at), 12: _referrer(order),
    }  # fmt: skip


def _request(order: OrderPlan) -> dict[int, Field]:
    code, text = order.wording
    return {
        1: "1", 2: f"P{order.accession}", 3: order.accession, 4: (code, text, "L"),
        16: _referrer(order), 18: order.accession, 24: order.procedure.modality,
        31: ("", order.question),
    }  # fmt: skip


def _around(order: OrderPlan) -> Iterator[str]:
    if order.note:
        yield segment("NTE", {1: "1", 2: "P", 3: order.note})
    yield segment("DG1", {1: "1", 3: ("", order.question), 6: "A"})


def _referrer(order: OrderPlan) -> tuple[str, ...]:
    given, _, family = order.referrer.rpartition(" ")
    return (f"D{sum(map(ord, order.referrer)) % 9000 + 1000}", family, given)
