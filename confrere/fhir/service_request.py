"""ServiceRequest: one order under one accession number.

Source: hl7.org/fhir/R4/servicerequest.html.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from confrere.fhir.elements import (
    Json,
    coding,
    compact,
    concept,
    head,
    identifier,
    instant,
    present,
    reference,
    site_code_of,
    site_system,
)
from confrere.fhir.parameters import ID, LAST_UPDATED, Criteria, Kind, Parameter, Token
from confrere.fhir.resource import (
    Access,
    Caller,
    Found,
    Page,
    Resource,
    paged,
    site_coded,
    sites_by_id,
)
from confrere.identity.permissions import Permission
from confrere.kernel.ids import OrderId, PatientId, SiteId
from confrere.kernel.periods import Place
from confrere.network.model import Site
from confrere.orders import priorities, service
from confrere.orders.model import (
    CANCELLED,
    COMPLETE,
    IN_PROGRESS,
    ORDERED,
    REPORTED,
    Number,
    Order,
    OrdersSought,
)

if TYPE_CHECKING:
    from sqlalchemy import Connection

STATUS_SYSTEM = "http://hl7.org/fhir/request-status"
PRIORITY_SYSTEM = "http://hl7.org/fhir/request-priority"
STATUSES = {
    ORDERED: "active",
    IN_PROGRESS: "active",
    COMPLETE: "completed",
    REPORTED: "completed",
    CANCELLED: "revoked",
}
PRIORITIES = {
    priorities.STROKE: "stat",
    priorities.STAT: "stat",
    priorities.ED: "asap",
    priorities.URGENT: "urgent",
    priorities.INPATIENT: "routine",
    priorities.ROUTINE: "routine",
}
IMAGING = coding("http://snomed.info/sct", "363679005", "Imaging")
# our field -> the word in its system, and its type in HL7 table 0203
NUMBERS = {
    "accession": ("accession", "ACSN"),
    "placer_number": ("placer", "PLAC"),
    "filler_number": ("filler", "FILL"),
}
PARAMETERS = (
    ID,
    LAST_UPDATED,
    Parameter("patient", Kind.REFERENCE, "Who is examined", ("Patient",), "subject"),
    Parameter("subject", Kind.REFERENCE, "Who is examined", ("Patient",), "subject"),
    Parameter("identifier", Kind.TOKEN, "The accession, placer or filler number"),
    Parameter("status", Kind.TOKEN, "active, completed or revoked"),
    Parameter("priority", Kind.TOKEN, "stat, asap, urgent or routine"),
    Parameter("authored", Kind.DATE, "When it was ordered"),
)


def to_resource(order: Order, site: Site | None) -> Json:
    """Write an order; `site` gives its numbers and codes their systems."""
    said = order.content
    code = site.code if site else ""
    allergies = f"Allergies as the order states them: {said.allergies}"
    return head("ServiceRequest", order.id, order.updated_at) | compact(
        {
            "identifier": present(
                *(
                    identifier(getattr(said, field), site_system(word, code), kind)
                    for field, (word, kind) in NUMBERS.items()
                )
            ),
            "status": STATUSES.get(said.status, "unknown"),
            "intent": "order",
            "category": [concept("", IMAGING)],
            "priority": PRIORITIES.get(order.priority, ""),
            "code": concept(
                said.procedure_text,
                coding(
                    site_system("procedure", code), said.procedure_code, said.procedure_text
                ),
            ),
            "subject": reference("Patient", order.patient),
            "authoredOn": instant(said.ordered_at),
            "requester": _requester(order),
            "performer": [reference("Organization", order.owner_group)],
            "reasonCode": present(*map(concept, (said.clinical_question, *said.diagnoses))),
            "bodySite": present(concept(order.body_region)),
            "note": [
                {"text": one}
                for one in (said.notes, allergies if said.allergies.strip() else "")
                if one.strip()
            ],
        }
    )


def load(conn: "Connection", caller: Caller, ids: Sequence[UUID]) -> list[Found]:
    """Orders by id."""
    rows = service.get_many(conn, [OrderId(one) for one in ids])
    return _found(conn, [one for one in rows if caller.sees(one.site)])


def find(
    conn: "Connection", caller: Caller, asked: Criteria, limit: int, after: Place | None
) -> Page:
    """Orders that fit."""
    ids, subjects = asked.ids(), asked.references("patient", "subject")
    sites = sites_by_id(conn)
    statuses = asked.codes("status", STATUS_SYSTEM, sorted(set(STATUSES.values())))
    urgencies = asked.codes("priority", PRIORITY_SYSTEM, sorted(set(PRIORITIES.values())))
    sought = OrdersSought(
        ids=frozenset(map(OrderId, ids)) if ids is not None else None,
        patients=frozenset(map(PatientId, subjects)) if subjects is not None else None,
        sites=caller.sites,
        statuses=_ours(STATUSES, statuses),
        priorities=_ours(PRIORITIES, urgencies),
        numbers=tuple(
            frozenset(number for token in tokens for number in numbers(token, sites))
            for tokens in asked.tokens("identifier")
        ),
        ordered=asked.instants("authored"),
        updated=asked.instants("_lastUpdated"),
    )
    rows = service.page(conn, sought, limit + 1, after)
    kept, then = paged(rows, limit, lambda one: Place(one.updated_at, one.id))
    return Page(_found(conn, kept, sites), then)


def numbers(token: Token, sites: Mapping[SiteId, Site]) -> list[Number]:
    """The numbers of an order that a token may mean."""
    if token.system is None:
        return [Number(field, token.code) for field in NUMBERS]
    for field, (word, _) in NUMBERS.items():
        code = site_code_of(word, token.system)
        site = site_coded(sites.values(), code) if code else None
        if site is not None:
            return [Number(field, token.code, site)]
    return []


def _ours(words: Mapping[str, str], wanted: frozenset[str] | None) -> frozenset[str] | None:
    if wanted is None:
        return None
    return frozenset(our for our, theirs in words.items() if theirs in wanted)


def _requester(order: Order) -> Json:
    said = order.content
    return compact({"identifier": identifier(said.referrer_id), "display": said.referrer_name})


def _found(
    conn: "Connection", rows: Sequence[Order], sites: Mapping[SiteId, Site] | None = None
) -> list[Found]:
    known = sites_by_id(conn) if sites is None else sites
    return [
        Found(
            to_resource(one, known.get(one.site)),
            Access("order", one.owner_group, one.id, one.patient),
        )
        for one in rows
    ]


SERVICE_REQUEST = Resource(
    "ServiceRequest",
    "An order for an imaging exam, under its accession number",
    Permission.READ_REPORTS,
    PARAMETERS,
    load,
    find,
)
