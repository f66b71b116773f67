"""The web application put together: pages, JSON, DICOMweb and FHIR on one set of credentials."""

import os
from functools import lru_cache
from pathlib import Path

from fastapi import FastAPI

from confrere.database.engine import transaction
from confrere.kernel.ids import GroupId
from confrere.network import service as network
from confrere.web import worklist_page
from confrere.web.app import create as create_app
from confrere.web.context import WebContext
from confrere.wiring.house import House


def create(house: House, assets: Path) -> FastAPI:
    """Make the application of one house."""
    context = WebContext(
        engine=house.app,
        settings=house.settings,
        audit_key=house.audit_key,
        now=house.now,
        random=os.urandom,
        assets=assets,
        synthetic=lambda: is_synthetic(house),
        zone_of=lambda me: zone_of(house, me.group),
        viewer_cleared=lambda: viewer_cleared(house),
    )
    return create_app(context, (worklist_page.router,))


@lru_cache(maxsize=256)
def zone_of(house: House, group: GroupId | None) -> str:
    """The zone in which a group's people read times; the collaborative's own read UTC."""
    if group is None:
        return "UTC"
    with transaction(house.app, frozenset()) as conn:
        return next((g.time_zone for g in network.groups(conn) if g.id == group), "UTC")


@lru_cache(maxsize=1)
def is_synthetic(house: House) -> bool:
    """Whether this deployment shows made-up people."""
    with transaction(house.app, frozenset()) as conn:
        return any(group.synthetic for group in network.groups(conn))


def viewer_cleared(house: House) -> bool:
    """Whether every site has recorded the viewer's clearance for its intended use."""
    with transaction(house.app, frozenset()) as conn:
        sites = network.sites(conn)
    return bool(sites) and all(site.viewer_cleared_on for site in sites)
