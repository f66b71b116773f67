"""Patient/$match: who of those that the caller may see is meant, and how sure that is.

Source: hl7.org/fhir/R4/patient-operation-match.html; IHE ITI-119 (PDQm).
"""

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

from confrere.fhir.elements import Json, assigner_of
from confrere.fhir.patient import GENDERS, found, visible
from confrere.fhir.resource import Answer, Caller, Operation
from confrere.kernel.errors import Invalid
from confrere.patients import linking
from confrere.patients.linking import Candidate
from confrere.patients.matching import Match, probability
from confrere.patients.model import Demographics

if TYPE_CHECKING:
    from sqlalchemy import Connection

GRADE = "http://hl7.org/fhir/StructureDefinition/match-grade"
US_SSN = "http://hl7.org/fhir/sid/us-ssn"
USUAL_COUNT, MOST_COUNT = 10, 50
EVEN = 0.5
_SEX = {gender: sex for sex, gender in GENDERS.items()}


def match(conn: "Connection", caller: Caller, asked: Json) -> Answer:
    """Find who is meant; raises Invalid where the Patient cannot be read or says too little."""
    parameters = named(asked)
    said = demographics(parameters.get("resource", {}).get("resource"))
    only_certain = parameters.get("onlyCertainMatches", {}).get("valueBoolean") is True
    count = parameters.get("count", {}).get("valueInteger", USUAL_COUNT)
    if not isinstance(count, int) or count < 1:
        raise Invalid("count: give a whole number from 1 on", "count")
    judged = linking.candidates(conn, said)
    fitting = [one for one in judged if _fits(one, only_certain=only_certain)]
    allowed = {one.id for one in visible(conn, caller, [c.patient for c in fitting])}
    shown = [one for one in fitting if one.patient.id in allowed][: min(count, MOST_COUNT)]
    entries = [_entry(one) for one in shown]
    body: Json = {"resourceType": "Bundle", "type": "searchset"}
    seen = [found(one.patient).access for one in shown]
    return Answer(body | ({"entry": entries} if entries else {}), seen)


def named(asked: Json) -> dict[str, Json]:
    """The parameters of a Parameters resource by name, the last of each; Invalid for others."""
    if asked.get("resourceType") == "Patient":
        return {"resource": {"resource": asked}}
    given = asked.get("parameter", [])
    if asked.get("resourceType") != "Parameters" or not isinstance(given, list):
        raise Invalid("Parameters: send a Parameters resource", "Parameters")
    if not all(isinstance(one, dict) for one in given):
        raise Invalid("parameter: each is an object with a name", "parameter")
    return {str(one.get("name", "")): one for one in given}


def demographics(patient: object) -> Demographics:
    """Read what a Patient resource says, as far as it is compared."""
    if not isinstance(patient, dict) or patient.get("resourceType") != "Patient":
        raise Invalid("resource: give the Patient to look for", "resource")
    name, address = _first(patient, "name"), _first(patient, "address")
    given = name.get("given") or [""]
    assigner, mrn, last4 = _identified(patient)
    said = Demographics(
        assigner, mrn, _text(name, "family"), str(given[0]) if isinstance(given, list) else "",
        _born(patient), _SEX.get(_text(patient, "gender"), ""), _text(address, "postalCode"),
        _line(address), _phone(patient), last4,
    )  # fmt: skip
    if not said.mrn and not (said.birth_date or said.phone or said.national_last4):
        raise Invalid(
            "resource: give an identifier, or a name with birthDate or telecom", "resource"
        )
    return said


def _fits(one: Candidate, *, only_certain: bool) -> bool:
    sure = one.verdict.match is Match.LINK
    return sure or (one.verdict.match is Match.REVIEW and not only_certain)


def _entry(one: Candidate) -> Json:
    likelihood = probability(one.verdict.score)
    likely = "probable" if likelihood > EVEN else "possible"
    grade = "certain" if one.verdict.match is Match.LINK else likely
    return {
        "fullUrl": f"urn:uuid:{one.patient.id}",
        "resource": found(one.patient).body,
        "search": {
            "extension": [{"url": GRADE, "valueCode": grade}],
            "mode": "match",
            "score": round(likelihood, 4),
        },
    }


def _identified(patient: Mapping[str, Any]) -> tuple[str, str, str]:
    """The first number of an assigner that we know how to name, and the national number's end."""
    assigner, mrn, last4 = "", "", ""
    for one in _all(patient, "identifier"):
        system, value = _text(one, "system"), _text(one, "value")
        if system == US_SSN:
            last4 = "".join(c for c in value if c.isascii() and c.isdigit())[-4:]
        elif value and not mrn and (known := assigner_of(system)):
            assigner, mrn = known, value
    return assigner, mrn, last4


def _born(patient: Mapping[str, Any]) -> date | None:
    text = _text(patient, "birthDate")
    if len(text) < len("2026-11-24"):
        return None  # a year alone agrees with too many
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Invalid("birthDate: give year-month-day", "birthDate") from None


def _phone(patient: Mapping[str, Any]) -> str:
    told = (one for one in _all(patient, "telecom") if _text(one, "system") != "email")
    return next((_text(one, "value") for one in told), "")


def _line(address: Mapping[str, Any]) -> str:
    lines = address.get("line")
    return str(lines[0]) if isinstance(lines, list) and lines else ""


def _all(holder: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    listed = holder.get(name, [])
    if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
        raise Invalid(f"{name}: give a list of objects", name)
    return listed


def _first(holder: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    return next(iter(_all(holder, name)), {})


def _text(holder: Mapping[str, Any], name: str) -> str:
    value = holder.get(name, "")
    if not isinstance(value, str) or "\0" in value:
        raise Invalid(f"{name}: give a text", name)
    return value.strip()


MATCH = Operation(
    "match",
    "http://hl7.org/fhir/OperationDefinition/Patient-match",
    "Who among the patients that the caller may see is meant: certain, probable or possible",
    match,
)
