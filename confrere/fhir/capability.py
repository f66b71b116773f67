"""The CapabilityStatement, made from what the resources declare. Pure.

Source: hl7.org/fhir/R4/capabilitystatement.html.
"""

from collections.abc import Sequence
from datetime import datetime

from confrere.fhir.elements import Json, compact, instant
from confrere.fhir.query import JSON_FORMATS, includes
from confrere.fhir.resource import Resource

VERSION = "4.0.1"


def statement(resources: Sequence[Resource], base: str, at: datetime) -> Json:
    """Say what this server does: read, search, and the operations of a type."""
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": instant(at),
        "kind": "instance",
        "software": {"name": "Confrere"},
        "implementation": {"description": "Confrere", "url": base},
        "fhirVersion": VERSION,
        "format": list(JSON_FORMATS),
        "rest": [
            {
                "mode": "server",
                "security": {
                    "description": "A bearer token of a Confrere account. Its group, role and "
                    "site decide what is found; all else answers as if it were not there."
                },
                "resource": [_resource(one) for one in resources],
            }
        ],
    }


def _resource(resource: Resource) -> Json:
    return compact(
        {
            "type": resource.type,
            "documentation": resource.about,
            "interaction": [{"code": "read"}, {"code": "search-type"}],
            "versioning": "no-version",
            "searchInclude": list(includes(resource)),
            "searchParam": [
                {
                    "name": one.name,
                    "type": one.kind.value,
                    "documentation": _about(one.about, one.modifiers),
                }
                for one in resource.parameters
            ],
            "operation": [
                {"name": one.name, "definition": one.definition, "documentation": one.about}
                for one in resource.operations
            ],
        }
    )


def _about(about: str, modifiers: Sequence[str]) -> str:
    return about + (f" (modifiers: {', '.join(modifiers)})" if modifiers else "")
