"""The web application put together: pages, JSON, DICOMweb and FHIR on one set of credentials."""

import os
from collections.abc import Callable
from datetime import timedelta
from functools import lru_cache
from pathlib import Path

from fastapi import FastAPI, Request
from sqlalchemy import Connection
from starlette.middleware import Middleware

from confrere.audit import service as audit
from confrere.audit.model import COLLABORATIVE
from confrere.cdshooks.door import router as cds_router
from confrere.database.engine import transaction
from confrere.dicomweb.recent import QuickFrames, Recent
from confrere.dicomweb.router import router as dicomweb_router
from confrere.dimse import client
from confrere.fhir.door import router as fhir_router
from confrere.identity.permissions import Permission
from confrere.imaging.frames import Frames
from confrere.kernel.ids import GroupId, PatientId, StudyId
from confrere.kernel.principal import Principal
from confrere.network import service as network
from confrere.web import (
    admin_page,
    advice_effect_page,
    advice_page,
    advice_rules_page,
    advice_try_page,
    agreement_form,
    agreements_page,
    archives_page,
    backload_page,
    board_page,
    choices_page,
    contacts_page,
    credentials_page,
    dashboard_page,
    deid_page,
    deid_review,
    deliveries_page,
    directory_page,
    downtime_page,
    duty_page,
    exceptions_page,
    exceptions_pieces,
    exceptions_twice,
    expiry_page,
    gateways_page,
    given_page,
    hanging_page,
    holders_page,
    identities_page,
    images_page,
    import_page,
    imports_page,
    network_page,
    notices_page,
    opt_outs_page,
    packets_page,
    patients_page,
    peers_page,
    pooled_page,
    procedures_page,
    reading_api,
    reading_take,
    reports_page,
    roster_files_page,
    rosters_page,
    routing_page,
    rules_page,
    services_page,
    shadow_page,
    simulate_page,
    site_viewer_page,
    storage_page,
    storage_removals,
    study_assign,
    study_page,
    study_papers,
    study_send,
    technologist_page,
    told_page,
    ups_door,
    views_page,
    worklist_page,
)
from confrere.web.access import AllowSigned, allow
from confrere.web.app import create as create_app
from confrere.web.context import WebContext
from confrere.wiring import stow
from confrere.wiring.bringing_back import uses
from confrere.wiring.dicom_out import remote_of
from confrere.wiring.gateway_door import gateway_router
from confrere.wiring.gateway_downtime import downtime_router
from confrere.wiring.hooks import Hooks
from confrere.wiring.house import House
from confrere.wiring.sharing import open_studies

ECHO_WAIT = timedelta(seconds=5)
PAGES = (
    worklist_page, views_page, duty_page, study_page, hanging_page, site_viewer_page, reading_api, reading_take, dashboard_page, pooled_page,
    deliveries_page, exceptions_page, exceptions_twice, procedures_page, network_page, agreement_form,
    agreements_page, opt_outs_page, rosters_page, roster_files_page, routing_page, peers_page, gateways_page, admin_page,
    patients_page, reports_page, credentials_page, directory_page, expiry_page, import_page, packets_page,
    rules_page, study_assign, simulate_page, told_page, notices_page, contacts_page,
    board_page, given_page, choices_page, shadow_page, identities_page,
    advice_page, advice_rules_page, advice_try_page, advice_effect_page, deid_page, deid_review,
    images_page, holders_page, imports_page, exceptions_pieces,
    archives_page, backload_page, study_papers, technologist_page,
    services_page, study_send, downtime_page, storage_page, storage_removals,
)  # fmt: skip
READS = {"search": "R", "view": "R", "store": "C"}


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
        verify=lambda peer: client.echo(remote_of(peer, house.settings, ECHO_WAIT)),
    )
    read, recent = Frames(house.blobs), Recent()
    dicomweb = dicomweb_router(
        house.app, house.blobs, allow=named, note_access=image_noter(house), now=house.now,
        resolve_store=stow.resolver(house), shared=open_studies, frames_of=read, recent=recent,
        beside=(ups_door.router,),
    )  # fmt: skip
    fhir = fhir_router(house.app, allow, fhir_noter(house), house.now)
    hooks = cds_router(AllowSigned(Permission.ASK_ADVICE), Hooks(house), base_of)
    # images first: routes are tried in their order, and a viewer asks hundreds of times
    doors = (dicomweb, gateway_router(house), downtime_router(house))
    app = create_app(context, (*doors, *(page.router for page in PAGES), fhir, hooks))
    # behind the others: the headers are theirs
    app.user_middleware.append(Middleware(QuickFrames, recent=recent, read=read))
    return app


def base_of(request: Request) -> str:
    """The root that links begin with: where this request came to."""
    return str(request.base_url).rstrip("/")


def named(permission: str) -> Callable[..., Principal]:
    """The dependency of a permission given by its words."""
    return allow(Permission(permission))


def image_noter(house: House) -> Callable[..., None]:
    """Note each access to a study through DICOMweb, once a session and study.

    Raises Unavailable for images that are at the site's PACS, and has them fetched.
    """

    def note(
        conn: Connection, me: Principal, kind: str, study: StudyId | None,
        patient: PatientId | None, owner: GroupId | None,
    ) -> None:  # fmt: skip
        if kind == "view" and study is not None:
            uses(house).note(study)
        audit.note_access(
            conn, house.audit_key, me, door="dicomweb",
            kind="study" if study else "study list",
            owner_group=owner or me.group or COLLABORATIVE, object_id=study,
            now=house.now(), patient_id=patient, study_id=study, action=READS.get(kind, "R"),
        )  # fmt: skip

    return note


def fhir_noter(house: House) -> Callable[..., None]:
    """Note each access to a resource through FHIR."""

    def note(conn: Connection, me: Principal, /, **access: object) -> None:
        audit.note_access(conn, house.audit_key, me, **access)  # type: ignore[arg-type]

    return note


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
