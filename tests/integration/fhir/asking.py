"""Ask the door, and check that whatever it answers is valid R4."""

from typing import Any

import httpx
from fhir.resources.R4B import get_fhir_model_class

FORM = {"content-type": "application/x-www-form-urlencoded"}


def got(client: httpx.Client, path: str, status: int = 200, **headers: str) -> Any:
    """Read a path; whatever comes must be valid R4."""
    return valid(client.get(f"/fhir/{path}", headers=headers), status)


def valid(response: Any, status: int = 200) -> Any:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/fhir+json"
    body = response.json()
    get_fhir_model_class(body["resourceType"]).model_validate(body)
    if body["resourceType"] == "Bundle":
        assert "total" not in body
        for entry in body.get("entry", []):
            get_fhir_model_class(entry["resource"]["resourceType"]).model_validate(
                entry["resource"]
            )
    return body


def ids(bundle: Any, mode: str = "match") -> list[str]:
    return [
        one["resource"]["id"]
        for one in bundle.get("entry", [])
        if one["search"]["mode"] == mode
    ]


def link(bundle: Any, relation: str) -> str:
    return next((one["url"] for one in bundle["link"] if one["relation"] == relation), "")


def walk(client: httpx.Client, path: str) -> list[str]:
    seen: list[str] = []
    for _ in range(50):
        bundle = got(client, path)
        seen += ids(bundle)
        following = link(bundle, "next")
        if not following:
            return seen
        path = following.split("/fhir/")[1]
    raise AssertionError("the pages do not end")
