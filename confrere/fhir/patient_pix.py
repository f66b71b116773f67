"""Patient/$ihe-pix: the other identifiers of the person that one identifier names.

Source: IHE ITI PIXm, ITI-83 (Mobile Patient Identifier Cross-reference Query). Doubtful pairs
are not the same person. Identities of other groups are told only where they are open to the
caller's group.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from confrere.fhir.elements import Json, assigner_of, assigner_system, identifier, reference
from confrere.fhir.patient import found, visible
from confrere.fhir.resource import Answer, Caller, Operation, sites_by_id
from confrere.kernel.errors import Invalid, NotFound, Refused
from confrere.patients import service as patients
from confrere.patients.model import Patient, PatientsSought

if TYPE_CHECKING:
    from sqlalchemy import Connection

SOURCE, TARGET = "sourceIdentifier", "targetSystem"
MOST_ALIKE = 10  # groups that know one number of one assigner


def cross_reference(conn: "Connection", caller: Caller, asked: Json) -> Answer:
    """Tell the other identifiers of a person.

    Raises Invalid for a malformed identifier, NotFound for one that the caller may not see,
    Refused for a target system that no site assigns (ITI-83, cases 3, 4 and 5).
    """
    source, targets = _asked(asked)
    assigner, bar, value = _split(source)
    if not bar or not value or assigner is None:
        raise Invalid(f"{SOURCE}: give system|value", SOURCE)
    wanted = _targets(conn, targets)
    sought = PatientsSought(identifiers=(frozenset({(assigner, value)}),))
    known = visible(conn, caller, patients.page(conn, sought, MOST_ALIKE))
    if not known:
        raise NotFound("no such patient identifier")
    same = {one.id: one for each in known for one in patients.same_person(conn, each)}
    others = [
        one
        for one in visible(conn, caller, list(same.values()))
        if one.id not in {each.id for each in known}
        and (wanted is None or one.demographics.assigner in wanted)
    ]
    told = sorted(others, key=lambda one: (one.demographics.assigner, one.demographics.mrn))
    body: Json = {"resourceType": "Parameters"}
    parameters = [line for one in told for line in _lines(one)]
    seen = [found(one).access for one in (*known, *told)]
    return Answer(body | ({"parameter": parameters} if parameters else {}), seen)


def _asked(asked: Json) -> tuple[str, list[str]]:
    given = asked.get("parameter", [])
    if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
        raise Invalid("parameter: each is an object with a name", "parameter")
    values = [(one.get("name"), one.get("valueString") or one.get("valueUri")) for one in given]
    sources = [str(value) for name, value in values if name == SOURCE and value]
    if len(sources) != 1:
        raise Invalid(f"{SOURCE}: give it once, as system|value", SOURCE)
    return sources[0], [str(value) for name, value in values if name == TARGET and value]


def _split(source: str) -> tuple[str | None, str, str]:
    system, bar, value = source.partition("|")
    return (assigner_of(system) if system else None), bar, value


def _targets(conn: "Connection", systems: Sequence[str]) -> frozenset[str] | None:
    if not systems:
        return None
    assigned = {site.assigner for site in sites_by_id(conn).values()}
    wanted = {assigner_of(one) for one in systems}
    if not wanted <= assigned:
        raise Refused(f"{TARGET}: no site assigns identifiers of this system")
    return frozenset(one for one in wanted if one)


def _lines(patient: Patient) -> list[Json]:
    said = patient.demographics
    number = identifier(said.mrn, assigner_system(said.assigner), "MR")
    return [
        {"name": "targetIdentifier", "valueIdentifier": number},
        {"name": "targetId", "valueReference": reference("Patient", patient.id)},
    ]


IHE_PIX = Operation(
    "ihe-pix",
    "https://profiles.ihe.net/ITI/PIXm/OperationDefinition/IHE.PIXm.pix",
    "The other identifiers of the person that sourceIdentifier names (IHE ITI-83)",
    cross_reference,
    by_get=True,
)
