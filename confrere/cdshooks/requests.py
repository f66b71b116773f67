"""Read a CDS Hooks request: who the patient is, and which imaging exams are being ordered. Pure.

Source: CDS Hooks 2.0 (HTTP requests; hooks order-select and order-sign, context version 1.0).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from confrere.kernel.errors import Invalid

ORDER_SELECT, ORDER_SIGN = "order-select", "order-sign"
HOOKS = (ORDER_SELECT, ORDER_SIGN)
MOST_ORDERS = 20
LONGEST = 2000
# LOINC codes of estimated glomerular filtration rate, by formula
EGFR = frozenset(("33914-3", "48642-3", "48643-1", "62238-1", "69405-9", "77147-7", "98979-8"))
# code systems of others: a site's own codes are never looked up by these
FOREIGN = ("http://loinc.org", "http://snomed.info/sct", "http://www.ama-assn.org/go/cpt")
ICD_10 = "http://hl7.org/fhir/sid/icd-10-cm"
Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class DraftOrder:
    """One ServiceRequest of the draft orders."""

    id: str
    codes: tuple[str, ...]  # of the site's own system, or of none
    text: str
    indication: str
    diagnoses: tuple[str, ...]
    placer_number: str


@dataclass(frozen=True, slots=True)
class HookRequest:
    """What an ordering system asks. `identifiers` are (system, value) of the patient."""

    hook: str
    instance: UUID
    patient_id: str
    identifiers: tuple[tuple[str, str], ...]
    orders: tuple[DraftOrder, ...]
    egfr: float | None


def read_request(body: Any, hook: str) -> HookRequest:
    """Read a request of a hook; Invalid names the field and what would be right."""
    if not isinstance(body, dict):
        raise Invalid("the request must be a JSON object", "")
    if body.get("hook") != hook:
        raise Invalid(f"this service answers the hook {hook}", "hook")
    context = body.get("context")
    if not isinstance(context, dict):
        raise Invalid("give the hook's context", "context")
    patient = context.get("patientId")
    if not isinstance(patient, str) or not patient:
        raise Invalid("give the patient's FHIR id", "context.patientId")
    prefetch = body.get("prefetch") or {}
    if not isinstance(prefetch, dict):
        raise Invalid("prefetch is an object", "prefetch")
    entries = list(_entries(context.get("draftOrders"), "context.draftOrders"))
    wanted = _selected(context, hook)
    drafts = [one for one in entries if one.get("resourceType") == "ServiceRequest"]
    if wanted is not None:
        drafts = [one for one in drafts if str(one.get("id", "")) in wanted]
    return HookRequest(
        hook, _instance(body), patient, tuple(_identifiers(prefetch.get("patient"))),
        tuple(_order(one, n) for n, one in enumerate(drafts[:MOST_ORDERS])),
        _egfr(prefetch.get("egfr")),
    )  # fmt: skip


def read_feedback(body: Any) -> list[tuple[UUID, str, str]]:
    """Read feedback: card, outcome, and the reason of an override; Invalid names the field."""
    rows = body.get("feedback") if isinstance(body, dict) else None
    if not isinstance(rows, list) or not rows or len(rows) > MOST_ORDERS:
        raise Invalid(f"give 1 to {MOST_ORDERS} entries", "feedback")
    found = []
    for row in rows:
        if not isinstance(row, dict) or row.get("outcome") not in ("accepted", "overridden"):
            raise Invalid("the outcome is accepted or overridden", "feedback.outcome")
        try:
            card = UUID(str(row.get("card")))
        except ValueError as error:
            raise Invalid("give the card's uuid", "feedback.card") from error
        found.append((card, str(row["outcome"]), _reason(row.get("overrideReason"))))
    return found


def _reason(said: Any) -> str:
    if not isinstance(said, dict):
        return ""
    reason = said.get("reason")
    code = reason.get("code", "") if isinstance(reason, dict) else ""
    comment = said.get("userComment", "")
    return " ".join(one for one in (code, comment) if isinstance(one, str) and one)[:LONGEST]


def _instance(body: Json) -> UUID:
    try:
        return UUID(str(body.get("hookInstance")))
    except ValueError as error:
        raise Invalid("give a UUID", "hookInstance") from error


def _selected(context: Json, hook: str) -> frozenset[str] | None:
    """The ids of the orders that are selected just now; all of them when signing."""
    if hook != ORDER_SELECT:
        return None
    said = context.get("selections")
    if not isinstance(said, list) or not all(isinstance(one, str) for one in said):
        raise Invalid("give the selected orders", "context.selections")
    return frozenset(one.rpartition("/")[2] for one in said)


def _entries(bundle: Any, field: str) -> Iterator[Json]:
    if not isinstance(bundle, dict) or bundle.get("resourceType") != "Bundle":
        raise Invalid("give a FHIR Bundle of the draft orders", field)
    entries = bundle.get("entry", [])
    if not isinstance(entries, list):
        raise Invalid("the Bundle's entries are a list", field)
    for entry in entries:
        resource = entry.get("resource") if isinstance(entry, dict) else None
        if isinstance(resource, dict):
            yield resource


def _identifiers(patient: Any) -> Iterator[tuple[str, str]]:
    for one in _list(patient, "identifier"):
        system, value = one.get("system", ""), one.get("value", "")
        if isinstance(system, str) and isinstance(value, str) and value:
            yield system, value


def _order(said: Json, number: int) -> DraftOrder:
    code = said.get("code")
    codings = _list(code, "coding")
    own = [
        str(one["code"])
        for one in codings
        if isinstance(one.get("code"), str) and one.get("system", "") not in FOREIGN
    ]
    texts = [_text(code), *(str(one.get("display", "")) for one in codings)]
    reasons = _list(said, "reasonCode")
    notes = [str(one.get("text", "")) for one in _list(said, "note")]
    diagnoses = [
        str(one.get("code", ""))
        for reason in reasons
        for one in _list(reason, "coding")
        if one.get("system") == ICD_10
    ]
    displays = [
        str(one.get("display", "")) for reason in reasons for one in _list(reason, "coding")
    ]
    indication = " ".join([*map(_text, reasons), *displays, *notes])
    return DraftOrder(
        str(said.get("id", number)), tuple(own), next(filter(None, texts), "")[:LONGEST],
        indication.strip()[:LONGEST], tuple(one for one in diagnoses if one),
        _placer(said),
    )  # fmt: skip


def _placer(said: Json) -> str:
    for one in _list(said, "identifier"):
        if any(c.get("code") == "PLAC" for c in _list(one.get("type"), "coding")):
            return str(one.get("value", ""))[:LONGEST]
    return ""


def _egfr(bundle: Any) -> float | None:
    """The newest eGFR in mL/min/1.73 m2 of a Bundle of Observations; None where none is told."""
    found: list[tuple[str, float]] = []
    for entry in _list(bundle, "entry"):
        resource = entry.get("resource")
        codes = {one.get("code") for one in _list(_dict(resource).get("code"), "coding")}
        value = _dict(_dict(resource).get("valueQuantity")).get("value")
        if codes & EGFR and isinstance(value, int | float) and not isinstance(value, bool):
            found.append((str(_dict(resource).get("effectiveDateTime", "")), float(value)))
    return max(found)[1] if found else None


def _text(concept: Any) -> str:
    said = _dict(concept).get("text", "")
    return said if isinstance(said, str) else ""


def _dict(said: Any) -> Json:
    return said if isinstance(said, dict) else {}


def _list(said: Any, name: str) -> Sequence[Json]:
    found = _dict(said).get(name, [])
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
