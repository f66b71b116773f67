"""Patient: one identity as one assigner knows it.

Source: hl7.org/fhir/R4/patient.html.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from confrere.fhir.elements import (
    Json,
    assigner_of,
    assigner_system,
    compact,
    head,
    identifier,
    present,
    reference,
)
from confrere.fhir.parameters import ID, LAST_UPDATED, Criteria, Kind, Parameter, Token
from confrere.fhir.resource import Access, Caller, Found, Page
from confrere.imaging import service as imaging
from confrere.kernel.ids import PatientId, SiteId
from confrere.kernel.periods import Place
from confrere.orders import service as orders
from confrere.patients import service as patients
from confrere.patients.comparing import phone
from confrere.patients.model import (
    Demographics,
    Fit,
    NameSought,
    Number,
    Patient,
    PatientsSought,
)
from confrere.reading import service as reading

if TYPE_CHECKING:
    from sqlalchemy import Connection

GENDERS = {"M": "male", "F": "female", "O": "other"}
GENDER_SYSTEM = "http://hl7.org/fhir/administrative-gender"
NAMES = {"family": ("family",), "given": ("given",), "name": ("family", "given")}
MOST_ROUNDS = 10  # batches looked through for one page of a hospital client
PARAMETERS = (
    ID,
    LAST_UPDATED,
    Parameter(
        "identifier",
        Kind.TOKEN,
        "The medical record number, or a further number, with its assigner",
    ),
    Parameter("family", Kind.STRING, "How the family name begins"),
    Parameter("given", Kind.STRING, "How the given name begins"),
    Parameter("name", Kind.STRING, "How the family or the given name begins"),
    Parameter("birthdate", Kind.DATE, "The date of birth"),
    Parameter("gender", Kind.TOKEN, "male, female or other"),
    Parameter("active", Kind.TOKEN, "false: the number was merged away"),
    Parameter("telecom", Kind.TOKEN, "The telephone number, written anyhow"),
    Parameter("address-postalcode", Kind.STRING, "How the postal code begins"),
)


def to_resource(patient: Patient) -> Json:
    """Write a patient; one that was merged away is inactive and names its successor."""
    said = patient.demographics
    name = compact({"family": said.family, "given": [said.given] if said.given.strip() else []})
    successor = reference("Patient", patient.merged_into) if patient.merged_into else {}
    return head("Patient", patient.id, patient.updated_at) | compact(
        {
            "identifier": [line for line, _ in numbers(said)],
            "active": patient.merged_into is None,
            "name": present(name),
            "gender": GENDERS.get(said.sex, ""),
            "birthDate": said.birth_date.isoformat() if said.birth_date else "",
            "telecom": present(_phone(said.phone)),
            "address": present(
                compact(
                    {
                        "line": [said.street] if said.street.strip() else [],
                        "postalCode": said.postal_code,
                    }
                )
            ),
            "managingOrganization": reference("Organization", patient.owner_group),
            "link": [{"other": successor, "type": "replaced-by"}] if successor else [],
        }
    )


def numbers(said: Demographics) -> list[tuple[Json, Number]]:
    """Write a patient's own number and the further ones."""
    own = Number(said.assigner, said.mrn, "MR")
    each = (own, *sorted(said.further))
    written = ((identifier(n.value, assigner_system(n.assigner), n.kind), n) for n in each)
    return [(line, one) for line, one in written if line]


def _phone(number: str) -> Json:
    return {"system": "phone", "value": number} if number.strip() else {}


def load(conn: "Connection", caller: Caller, ids: Sequence[UUID]) -> list[Found]:
    """Patients by id."""
    wanted = [PatientId(one) for one in ids]
    return [found(one) for one in visible(conn, caller, patients.get_many(conn, wanted))]


def find(
    conn: "Connection", caller: Caller, asked: Criteria, limit: int, after: Place | None
) -> Page:
    """Patients that fit; a page of a hospital client may be short and have a next one."""
    wanted = sought(asked)
    listed: list[Found] = []
    for _ in range(MOST_ROUNDS):
        batch = patients.page(conn, wanted, limit + 1, after)
        seen = {one.id for one in visible(conn, caller, batch[:limit])}
        for one in batch[:limit]:
            after = place(one)
            listed += [found(one)] if one.id in seen else []
            if len(listed) == limit:
                break
        if not batch or after == place(batch[-1]):
            return Page(listed)
        if len(listed) == limit:
            break
    return Page(listed, after)


def sought(asked: Criteria) -> PatientsSought:
    """Put what is asked in the words of the patients part."""
    ids = asked.ids()
    active = asked.codes("active", "", ["true", "false"])
    genders = asked.codes("gender", GENDER_SYSTEM, list(GENDERS.values()))
    return PatientsSought(
        ids=frozenset(map(PatientId, ids)) if ids is not None else None,
        identifiers=tuple(
            frozenset(pair for token in tokens for pair in _pairs(token))
            for tokens in asked.tokens("identifier")
        ),
        names=tuple(
            NameSought(fields, values, Fit(modifier or "start"))
            for name, fields in NAMES.items()
            for modifier, values in asked.strings(name)
        ),
        sexes=frozenset(sex for sex, gender in GENDERS.items() if gender in genders)
        if genders is not None
        else None,
        postal_codes=tuple(codes for _, codes in asked.strings("address-postalcode")),
        phones=tuple(
            frozenset(phone(token.code or "") for token in tokens)
            for tokens in asked.tokens("telecom")
        ),
        active=frozenset(one == "true" for one in active) if active is not None else None,
        born=asked.days("birthdate"),
        updated=asked.instants("_lastUpdated"),
    )


def place(patient: Patient) -> Place:
    """Where a patient stands in the order of pages."""
    assert patient.updated_at is not None  # noqa: S101 - it came from the database
    return Place(patient.updated_at, patient.id)


def _pairs(token: Token) -> list[tuple[str | None, str | None]]:
    if token.system is None:
        return [(None, token.code)]
    assigner = assigner_of(token.system) if token.system else ""
    return [] if assigner is None else [(assigner, token.code)]


def found(patient: Patient) -> Found:
    """Write a patient with what the audit trail keeps of it."""
    access = Access("patient", patient.owner_group, patient.id, patient.id)
    return Found(to_resource(patient), access)


def visible(conn: "Connection", caller: Caller, listed: Sequence[Patient]) -> Sequence[Patient]:
    """Keep a hospital client's own: those with an order, a study or a report at its site."""
    if caller.principal.site is None or not listed:
        return listed
    at_site = _at_site(conn, caller.principal.site, [one.id for one in listed])
    return [one for one in listed if one.id in at_site]


def _at_site(conn: "Connection", site: SiteId, ids: Sequence[PatientId]) -> set[PatientId]:
    return (
        orders.patients_at(conn, site, ids)
        | imaging.patients_at(conn, site, ids)
        | reading.patients_at(conn, site, ids)
    )
