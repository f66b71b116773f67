"""Write CDS Hooks answers: discovery and cards. Pure. Source: CDS Hooks 2.0."""

from collections.abc import Sequence
from typing import Any

from confrere.advice.model import DUPLICATE, REASON_SYSTEM, REASONS, Given
from confrere.cdshooks.requests import EGFR, ORDER_SELECT, ORDER_SIGN

Json = dict[str, Any]
LABEL = "Confrere imaging advice"
PREFETCH = {
    "patient": "Patient/{{context.patientId}}",
    "egfr": "Observation?patient={{context.patientId}}&code="
    + ",".join(f"http://loinc.org|{one}" for one in sorted(EGFR))
    + "&_sort=-date&_count=1",
}
_SERVICES = {
    ORDER_SELECT: "Recent similar imaging, and imaging that may not be needed, while choosing",
    ORDER_SIGN: "Recent similar imaging, and imaging that may not be needed, before signing",
}
SERVICE_IDS = {hook: f"imaging-{hook}" for hook in _SERVICES}


def discovery() -> Json:
    """The answer of /cds-services."""
    return {
        "services": [
            {
                "hook": hook,
                "id": SERVICE_IDS[hook],
                "title": LABEL,
                "description": text,
                "prefetch": PREFETCH,
                "usageRequirements": "The patient's identifier must name its assigner as "
                "urn:oid:<OID> or urn:confrere:assigner:<name>. Without the prefetched patient "
                "there are no cards.",
            }
            for hook, text in _SERVICES.items()
        ]
    }


def cards(shown: Sequence[Given], base: str) -> Json:
    """The answer of a hook: cards, none of which stops an order."""
    return {"cards": [card(one, base) for one in shown]}


def card(one: Given, base: str) -> Json:
    """One card; its link names the advice by a random id and holds no patient data."""
    made: Json = {
        "uuid": str(one.id),
        "summary": one.summary,
        "detail": one.detail,
        "indicator": "warning" if one.kind == DUPLICATE else "info",
        "source": {
            "label": LABEL,
            "topic": {"system": "urn:confrere:advice:topic", "code": one.kind},
        },
        "overrideReasons": [
            {"code": code, "system": REASON_SYSTEM, "display": text}
            for code, text in REASONS.items()
        ],
    }
    if one.kind == DUPLICATE and (one.prior_report or one.prior_study):
        url = f"{base}/advice/{one.id}/prior"
        made["links"] = [{"label": "Open report and images", "url": url, "type": "absolute"}]
    return made
