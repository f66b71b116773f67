"""Practitioner: a radiologist of the collaborative.

Source: hl7.org/fhir/R4/practitioner.html.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from confrere.fhir import directory
from confrere.fhir.elements import (
    NPI_SYSTEM,
    Json,
    compact,
    concept,
    head,
    identifier,
    present,
)
from confrere.fhir.parameters import ID, Criteria, Kind, Parameter
from confrere.fhir.resource import Caller, Found, Page, Resource
from confrere.identity.permissions import Permission
from confrere.kernel.periods import Place
from confrere.network import service
from confrere.network.model import Licence, Reader

if TYPE_CHECKING:
    from sqlalchemy import Connection

PARAMETERS = (
    ID,
    Parameter("identifier", Kind.TOKEN, "The National Provider Identifier"),
    Parameter("name", Kind.STRING, "How the name, or a word of it, begins"),
    Parameter("active", Kind.TOKEN, "true or false"),
)


def to_resource(reader: Reader) -> Json:
    """Write a radiologist with state licences and subspecialties."""
    subspecialties = [{"code": concept(one)} for one in sorted(reader.subspecialties)]
    return head("Practitioner", reader.id) | compact(
        {
            "identifier": present(identifier(reader.npi, NPI_SYSTEM, "NPI")),
            "active": reader.active,
            "name": present(compact({"text": reader.name})),
            "qualification": [*map(_licence, reader.licences), *subspecialties],
        }
    )


def load(conn: "Connection", caller: Caller, ids: Sequence[UUID]) -> list[Found]:
    """Radiologists by id."""
    return [
        Found(to_resource(one)) for one in service.readers(conn, caller.now) if one.id in ids
    ]


def find(
    conn: "Connection", caller: Caller, asked: Criteria, limit: int, after: Place | None
) -> Page:
    """Radiologists that fit."""
    ids = asked.ids()
    active = asked.codes("active", "", ("true", "false"))
    fit = [
        Found(to_resource(one))
        for one in service.readers(conn, caller.now)
        if (ids is None or one.id in ids)
        and (active is None or str(one.active).lower() in active)
        and directory.identified(asked, NPI_SYSTEM, one.npi)
        and directory.named(asked, "name", one.name)
    ]
    return directory.page(fit, limit, after)


def _licence(licence: Licence) -> Json:
    return compact(
        {
            "identifier": present(identifier(licence.number)),
            "code": concept(f"Licence of {licence.state}, {licence.status}"),
            "period": {
                "start": licence.valid_from.isoformat(),
                "end": licence.valid_to.isoformat(),
            },
        }
    )


PRACTITIONER = Resource(
    "Practitioner",
    "A radiologist of the collaborative",
    Permission.READ_DIRECTORY,
    PARAMETERS,
    load,
    find,
)
