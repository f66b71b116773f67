"""Patient/$ihe-pix: the other identifiers of the person that one identifier names.

Source: IHE ITI PIXm, ITI-83 (Mobile Patient Identifier Cross-reference Query). Doubtful pairs
are not the same person. Identities of other groups are told only where they are open to the
caller's group.
"""

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from confrere.fhir.elements import Json, assigner_of, reference
from confrere.fhir.patient import found, numbers, visible
from confrere.fhir.resource import Answer, Caller, Operation, sites_by_id
from confrere.kernel.errors import Invalid, NotFound, Refused
from confrere.kernel.ids import PatientId
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
    told = sorted(
        visible(conn, caller, list(same.values())),
        key=lambda one: (one.demographics.assigner, one.demographics.mrn),
    )
    body: Json = {"resourceType": "Parameters"}
    asked_by = {(assigner, value)}
    parameters = [
        line for one in told for line in _lines(one, asked_by, {p.id for p in known}, wanted)
    ]
    seen = [found(one).access for one in told]
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
    if any(one is None or not patients.assigns_numbers(conn, one) for one in wanted - assigned):
        raise Refused(f"{TARGET}: nobody assigns identifiers of this system")
    return frozenset(one for one in wanted if one)


def _lines(
    patient: Patient, source: Collection[tuple[str, str]], known: Collection[PatientId],
    wanted: frozenset[str] | None,
) -> list[Json]:  # fmt: skip
    """Tell a patient's numbers but that asked by, and the patient, unless it is known by it."""
    lines: list[Json] = [
        {"name": "targetIdentifier", "valueIdentifier": line}
        for line, one in numbers(patient.demographics)
        if (one.assigner, one.value) not in source
        and (wanted is None or one.assigner in wanted)
    ]
    if lines and patient.id not in known:
        lines.append({"name": "targetId", "valueReference": reference("Patient", patient.id)})
    return lines


IHE_PIX = Operation(
    "ihe-pix",
    "https://profiles.ihe.net/ITI/PIXm/OperationDefinition/IHE.PIXm.pix",
    "The other identifiers of the person that sourceIdentifier names (IHE ITI-83)",
    cross_reference,
    by_get=True,
)
