"""ImagingStudy: a study and its series; instances are counted, not listed.

Source: hl7.org/fhir/R4/imagingstudy.html.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from confrere.fhir.elements import (
    DICOM_CODES,
    UID_SYSTEM,
    Json,
    assigner_system,
    coding,
    compact,
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
from confrere.imaging import service
from confrere.imaging.model import Series, StudiesSought, Study, StudyNumber
from confrere.kernel.ids import OrderId, PatientId, SiteId, StudyId
from confrere.kernel.periods import Place
from confrere.network.model import Site
from confrere.orders import service as orders

if TYPE_CHECKING:
    from sqlalchemy import Connection

STATUS_SYSTEM = "http://hl7.org/fhir/imagingstudy-status"
AVAILABLE = "available"  # a study is listed from its first image on
OID_START = "urn:oid:"
PARAMETERS = (
    ID,
    LAST_UPDATED,
    Parameter("patient", Kind.REFERENCE, "Who is shown", ("Patient",), "subject"),
    Parameter("subject", Kind.REFERENCE, "Who is shown", ("Patient",), "subject"),
    Parameter("identifier", Kind.TOKEN, "The study instance UID or the accession number"),
    Parameter("basedon", Kind.REFERENCE, "The order", ("ServiceRequest",), "basedOn"),
    Parameter("status", Kind.TOKEN, "available"),
    Parameter("modality", Kind.TOKEN, "The modality of a series"),
    Parameter("started", Kind.DATE, "When the study began"),
)


def to_resource(
    study: Study, series: Sequence[Series], based_on: Sequence[OrderId], site: Site | None
) -> Json:
    """Write a study. Without a known patient the subject is the identifier in its images."""
    accessions = site_system("accession", site.code if site else "")
    return head("ImagingStudy", study.id, study.changed_at) | compact(
        {
            "identifier": present(
                identifier(OID_START + study.study_uid, UID_SYSTEM),
                identifier(study.accession, accessions, "ACSN"),
            ),
            "status": AVAILABLE,
            "modality": present(*(coding(DICOM_CODES, one) for one in study.modalities)),
            "subject": _subject(study),
            "started": started(study),
            "basedOn": [reference("ServiceRequest", one) for one in based_on],
            "referrer": reference("Practitioner", None, study.referrer.replace("^", " ")),
            "numberOfSeries": study.series_count,
            "numberOfInstances": study.instance_count,
            "description": study.description,
            "series": [_series(one) for one in series],
        }
    )


def started(study: Study) -> str:
    """When it began: the instant where the site's zone is known, else the day."""
    if study.acquired_at is not None:
        return instant(study.acquired_at)
    try:
        return f"{datetime.strptime(study.study_date, '%Y%m%d').date()}"  # noqa: DTZ007
    except ValueError:
        return ""


def load(conn: "Connection", caller: Caller, ids: Sequence[UUID]) -> list[Found]:
    """Studies by id."""
    rows = service.get_many(conn, [StudyId(one) for one in ids])
    return _found(conn, caller, [one for one in rows if caller.sees(one.site_id)])


def find(
    conn: "Connection", caller: Caller, asked: Criteria, limit: int, after: Place | None
) -> Page:
    """Studies that fit."""
    ids, subjects = asked.ids(), asked.references("patient", "subject")
    sites = sites_by_id(conn)
    if asked.codes("status", STATUS_SYSTEM, [AVAILABLE]) == frozenset():
        return Page([])
    sought = StudiesSought(
        ids=frozenset(map(StudyId, ids)) if ids is not None else None,
        patients=frozenset(map(PatientId, subjects)) if subjects is not None else None,
        sites=caller.sites,
        numbers=tuple(
            frozenset(number for token in tokens for number in _numbers(token, sites))
            for tokens in asked.tokens("identifier")
        ),
        modalities=tuple(
            frozenset(t.code for t in tokens if t.code and t.system in (None, DICOM_CODES))
            for tokens in asked.tokens("modality")
        ),
        orders=tuple(frozenset(map(OrderId, one)) for one in asked.alternatives("basedon")),
        started=asked.instants("started"),
        updated=asked.instants("_lastUpdated"),
    )
    rows = service.page(conn, sought, limit + 1, after)
    kept, then = paged(rows, limit, lambda one: Place(one.changed_at, one.id))
    return Page(_found(conn, caller, kept), then)


def _numbers(token: Token, sites: Mapping[SiteId, Site]) -> list[StudyNumber]:
    code = token.code.removeprefix(OID_START) if token.code else None
    if token.system == UID_SYSTEM:
        return [StudyNumber("study_uid", code)]
    if token.system is None:
        return [StudyNumber("study_uid", code), StudyNumber("accession", token.code)]
    site_code = site_code_of("accession", token.system)
    site = site_coded(sites.values(), site_code) if site_code else None
    return [StudyNumber("accession", token.code, site)] if site else []


def _subject(study: Study) -> Json:
    if study.patient_id is not None:
        return reference("Patient", study.patient_id)
    named = identifier(study.mrn, assigner_system(study.issuer), "MR")
    display = study.patient_name.replace("^", " ").strip() or "unknown"
    return compact({"identifier": named, "display": display})


def _series(series: Series) -> Json:
    modality = coding(DICOM_CODES, series.modality) or {"display": "unknown"}
    return compact(
        {
            "uid": series.series_uid,
            "number": series.number
            if series.number is not None and series.number >= 0
            else None,
            "modality": modality,
            "description": series.description,
            "numberOfInstances": series.instance_count,
            "bodySite": compact({"display": series.body_part}),
        }
    )


def _found(conn: "Connection", caller: Caller, rows: Sequence[Study]) -> list[Found]:
    ids = [one.id for one in rows]
    series, ties = service.series_of_studies(conn, ids), service.orders_of_studies(conn, ids)
    wanted = {order for tied in ties.values() for order in tied}
    seen = {one.id for one in orders.get_many(conn, sorted(wanted)) if caller.sees(one.site)}
    sites = sites_by_id(conn)
    return [
        Found(
            to_resource(
                one,
                series.get(one.id, []),
                [order for order in ties.get(one.id, []) if order in seen],
                sites.get(one.site_id) if one.site_id else None,
            ),
            Access("study", one.owner_group, one.id, one.patient_id, one.id),
        )
        for one in rows
    ]


IMAGING_STUDY = Resource(
    "ImagingStudy",
    "A study and its series; its images are read by DICOMweb",
    Permission.READ_REPORTS,
    PARAMETERS,
    load,
    find,
)
