"""Organization: a radiology group, or a site (a hospital or imaging centre).

Source: hl7.org/fhir/R4/organization.html.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from confrere.fhir import directory
from confrere.fhir.elements import Json, compact, concept, head, identifier, present
from confrere.fhir.parameters import ID, Criteria, Kind, Parameter
from confrere.fhir.resource import Caller, Found, Page, Resource
from confrere.identity.permissions import Permission
from confrere.kernel.periods import Place
from confrere.network import service
from confrere.network.model import Group, Site

if TYPE_CHECKING:
    from sqlalchemy import Connection

GROUP_SYSTEM, SITE_SYSTEM = "urn:confrere:group", "urn:confrere:site"
PARAMETERS = (
    ID,
    Parameter("identifier", Kind.TOKEN, "The code of the group or site"),
    Parameter("name", Kind.STRING, "How the name, or a word of it, begins"),
    Parameter("address-state", Kind.STRING, "The state that a site lies in"),
)


def to_resource(one: Group | Site) -> Json:
    """Write a group or a site."""
    site = one if isinstance(one, Site) else None
    kind = (site.kind if site else "") or ("Site" if site else "Radiology group")
    return head("Organization", one.id) | compact(
        {
            "identifier": present(identifier(one.code, _system(one))),
            "active": True,
            "type": [concept(kind)],
            "name": one.name or one.code,
            "alias": [site.short_name] if site and site.short_name.strip() else [],
            "address": present(compact({"state": site.state if site else ""})),
        }
    )


def load(conn: "Connection", caller: Caller, ids: Sequence[UUID]) -> list[Found]:  # noqa: ARG001
    """Groups and sites by id."""
    return [Found(to_resource(one)) for one in _all(conn) if one.id in ids]


def find(
    conn: "Connection",
    caller: Caller,  # noqa: ARG001 - the directory is every member's
    asked: Criteria,
    limit: int,
    after: Place | None,
) -> Page:
    """Groups and sites that fit."""
    ids = asked.ids()
    fit = [
        Found(to_resource(one))
        for one in _all(conn)
        if (ids is None or one.id in ids)
        and directory.identified(asked, _system(one), one.code)
        and directory.named(asked, "name", one.name)
        and directory.named(asked, "address-state", one.state if isinstance(one, Site) else "")
    ]
    return directory.page(fit, limit, after)


def _all(conn: "Connection") -> list[Group | Site]:
    return [*service.groups(conn), *service.sites(conn)]


def _system(one: Group | Site) -> str:
    return SITE_SYSTEM if isinstance(one, Site) else GROUP_SYSTEM


ORGANIZATION = Resource(
    "Organization",
    "A radiology group, or a hospital or imaging centre that one serves",
    Permission.READ_DIRECTORY,
    PARAMETERS,
    load,
    find,
)
