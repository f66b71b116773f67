"""Small FHIR elements from plain values. Pure.

Source: FHIR R4 data types (hl7.org/fhir/R4/datatypes.html).
"""

import re
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, unquote
from uuid import UUID

Json = dict[str, Any]

OID = re.compile(r"[0-2](\.(0|[1-9][0-9]*))+")
UID_SYSTEM = "urn:dicom:uid"
NPI_SYSTEM = "http://hl7.org/fhir/sid/us-npi"
IDENTIFIER_TYPES = "http://terminology.hl7.org/CodeSystem/v2-0203"
DICOM_CODES = "http://dicom.nema.org/resources/ontology/DCM"
ASSIGNER = "urn:confrere:assigner:"


def compact(body: Json) -> Json:
    """Leave out what is absent: FHIR has no null, empty or blank values."""
    return {name: value for name, value in body.items() if not _absent(value)}


def _absent(value: object) -> bool:
    if isinstance(value, str):
        return not value.strip()
    return value is None or value in ([], {})


def identifier(value: str, system: str = "", kind: str = "") -> Json:
    """Make an Identifier; `kind` is a code of HL7 table 0203. Empty without a value."""
    if not value.strip():
        return {}
    kinds = {"coding": [{"system": IDENTIFIER_TYPES, "code": kind}]} if kind else {}
    return compact({"type": kinds, "system": system, "value": value})


def present(*elements: Json) -> list[Json]:
    """List the elements that say something."""
    return [one for one in elements if one]


def reference(kind: str, key: UUID | None, display: str = "") -> Json:
    """Make a Reference to one of our resources; without a key only what it is called."""
    return compact({"reference": f"{kind}/{key}" if key else "", "display": display})


def coding(system: str, code: str, display: str = "") -> Json:
    """Make a Coding; empty without a code."""
    if not code.strip():
        return {}
    return compact({"system": system, "code": " ".join(code.split()), "display": display})


def concept(text: str = "", *codings: Json) -> Json:
    """Make a CodeableConcept."""
    return compact({"coding": present(*codings), "text": text})


def instant(at: datetime | None) -> str:
    """Write an instant in UTC to the microsecond; absent is empty."""
    if at is None:
        return ""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def head(kind: str, key: UUID, changed: datetime | None = None) -> Json:
    """Begin a resource: its type, id and when it last changed."""
    meta = compact({"lastUpdated": instant(changed)})
    return {"resourceType": kind, "id": str(key), **({"meta": meta} if meta else {})}


def assigner_system(assigner: str) -> str:
    """Name an assigner of patient identifiers as a URI: its OID when that is its name."""
    if not assigner.strip():
        return ""
    return f"urn:oid:{assigner}" if OID.fullmatch(assigner) else ASSIGNER + quote(assigner, "")


def assigner_of(system: str) -> str | None:
    """Tell the assigner that a system names; None when it names none."""
    oid = system.removeprefix("urn:oid:")
    if oid != system:
        return oid if OID.fullmatch(oid) else None
    return unquote(system.removeprefix(ASSIGNER)) if system.startswith(ASSIGNER) else None


def site_system(kind: str, site_code: str) -> str:
    """Name the numbers of one kind (accession, procedure ...) that a site gives."""
    return f"urn:confrere:{kind}:{quote(site_code, '')}" if site_code else ""


def site_code_of(kind: str, system: str) -> str | None:
    """Tell the site whose numbers of a kind a system names; None when it names none."""
    start = f"urn:confrere:{kind}:"
    return unquote(system.removeprefix(start)) if system.startswith(start) else None
