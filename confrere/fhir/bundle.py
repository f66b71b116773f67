"""A Bundle of what a search found, with the links that lead on. Pure.

Source: hl7.org/fhir/R4/bundle.html#searchset. There is no total: counting everything that
fits costs more than a page, and the `next` link says whether there is more.
"""

from collections.abc import Sequence
from urllib.parse import urlencode

from confrere.fhir import pages
from confrere.fhir.elements import Json
from confrere.fhir.query import Query
from confrere.fhir.resource import Found, Page


def searchset(
    kind: str, query: Query, page: Page, included: Sequence[Found], token: str, *, form: bool
) -> Json:
    """Write a page of a search; `token` is that of the page itself, empty for the first."""
    base = query.criteria.base
    here = [(pages.NAME, token)] if token else []
    links = [{"relation": "self", "url": _link(f"{base}/{kind}", [*query.kept, *here])}]
    if page.then is not None:
        there = [(pages.NAME, pages.token(page.then, form=form))]
        url = (
            _link(f"{base}/{kind}/_search", there)
            if form
            else _link(f"{base}/{kind}", [*query.kept, *there])
        )
        links.append({"relation": "next", "url": url})
    entries = [_entry(base, one, "match") for one in page.found]
    entries += [_entry(base, one, "include") for one in included]
    bundle: Json = {"resourceType": "Bundle", "type": "searchset", "link": links}
    return bundle | ({"entry": entries} if entries else {})


def _entry(base: str, found: Found, mode: str) -> Json:
    url = f"{base}/{found.body['resourceType']}/{found.body['id']}"
    return {"fullUrl": url, "resource": found.body, "search": {"mode": mode}}


def _link(path: str, pairs: Sequence[tuple[str, str]]) -> str:
    return f"{path}?{urlencode(pairs)}" if pairs else path
