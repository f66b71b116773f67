"""Find and read what is filed: searches, the objects behind UIDs, metadata."""

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from sqlalchemy import Connection

from confrere.files.folder import BlobStore
from confrere.imaging import datasets, store_metadata, store_search
from confrere.imaging.attributes import Level
from confrere.imaging.coercing import open_sent
from confrere.imaging.elements import encoding_of
from confrere.imaging.matching import (
    MOST_RESULTS,
    Match,
    Persons,
    Query,
    Sounding,
    heard,
    is_uid,
)
from confrere.imaging.model import Found, Instance, Scope, Series, Study
from confrere.imaging.syntaxes import served
from confrere.kernel.errors import Invalid, NotFound
from confrere.kernel.ids import StudyId
from confrere.patients import service as patients

MOST_ALIKE = 1000  # patients: whoever asks for more needs more of the name
BASE = "/dicom-web"  # where the DICOMweb edge is mounted: bulk data URIs begin with it


def search(
    conn: Connection, level: Level, query: Query, study: StudyId | None = None
) -> list[Found]:
    """Search one level, newest study first; at most MOST_RESULTS a page.

    A patient ID without its issuer finds the patients of every assigner that the scope
    shows, so results carry the issuer. `study` narrows to one study picked before.
    """
    limit = max(0, min(query.limit, MOST_RESULTS + 1))
    return store_search.search(conn, level, replace(query, limit=limit), study)


def search_studies(conn: Connection, query: Query) -> list[Found]:
    """Search studies."""
    return search(conn, Level.STUDY, query)


def search_series(conn: Connection, query: Query, study: StudyId | None = None) -> list[Found]:
    """Search series, in all studies or in one."""
    return search(conn, Level.SERIES, query, study)


def search_instances(
    conn: Connection, query: Query, study: StudyId | None = None
) -> list[Found]:
    """Search instances, in all studies or in one."""
    return search(conn, Level.INSTANCE, query, study)


def pick_study(conn: Connection, scope: Scope, study_uid: str) -> Study:
    """Return the one study row that a UID stands for; raises NotFound.

    Two groups may hold one UID. The caller's own comes first, then the newest; everything
    below is read from this row, so objects of two groups are never mixed.
    """
    found = store_search.pick_study(conn, scope, study_uid) if is_uid(study_uid) else None
    if found is None:
        raise NotFound("no such study, or it is not open to you")
    return found


def persons_of(conn: Connection, scope: Scope, study_uids: Sequence[str]) -> Persons:
    """Whose these studies are, as far as they are open to the caller.

    One record number may be two people's at two assigners, and a doubtful link is none: only
    confirmed identities count.
    """
    shown = []
    for uid in study_uids:
        with suppress(NotFound):
            shown.append(pick_study(conn, scope, uid))
    known = patients.get_many(conn, [one.patient_id for one in shown if one.patient_id])
    same = {one.id for patient in known for one in patients.same_person(conn, patient)}
    numbers = {
        (one.owner_group, one.mrn, one.issuer) for one in shown if one.patient_id is None
    }
    return Persons(frozenset(same), frozenset(numbers))


def sounding(conn: Connection, match: Match, text: str) -> Match:
    """Let a patient's name fit by how it sounds too (PS3.18 8.3.4.2): of a key and its text.

    By the names of patients that the caller may see, of the `MOST_ALIKE` last changed. A key
    with wildcards within a name stays literal.
    """
    names = heard(text)
    if names is None or match.attribute.column != "patient_name":
        return match
    alike = patients.sounding(conn, *names, MOST_ALIKE)
    return Sounding(match.attribute, match, tuple(alike)) if alike else match


def series_of(conn: Connection, study: StudyId) -> list[Series]:
    """Return a study's series by number."""
    return store_search.series_of_study(conn, study)


def instances_of(
    conn: Connection, study: StudyId, series_uid: str | None = None, sop_uid: str | None = None
) -> list[Instance]:
    """Return the instances of a study, of one of its series, or one; raises NotFound."""
    named = (uid for uid in (series_uid, sop_uid) if uid is not None)
    found: list[Instance] = []
    if all(is_uid(uid) for uid in named):
        found = store_search.instances_of(conn, study, series_uid, sop_uid)
    if not found:
        raise NotFound("this study holds no such series or object")
    return found


def metadata(
    conn: Connection,
    blobs: BlobStore,
    study: Study,
    series_uid: str | None = None,
    sop_uid: str | None = None,
) -> bytes:
    """Return the DICOM JSON array of a study, series or instance (PS3.18 annex F).

    Made once a series and kept until the series grows. Raises NotFound.
    """
    wanted = [
        one
        for one in store_search.series_of_study(conn, study.id)
        if series_uid in (None, one.series_uid)
    ]
    if not wanted:
        raise NotFound("this study holds no such series or object")
    if sop_uid is not None:
        (instance,) = instances_of(conn, study.id, series_uid, sop_uid)
        return _array([_object(blobs, study, wanted[0], instance)])
    return _array([_series_metadata(conn, blobs, study, one) for one in wanted])


def prepare_metadata(conn: Connection, blobs: BlobStore, study: Study) -> None:
    """Make the metadata of every series of a study ready, so that no viewer waits for it."""
    for one in store_search.series_of_study(conn, study.id):
        _series_metadata(conn, blobs, study, one)


def _series_metadata(conn: Connection, blobs: BlobStore, study: Study, series: Series) -> bytes:
    """Return the members of a series' array, without the brackets."""
    known = store_metadata.read(conn, series)
    if known is not None:
        return known
    members = store_search.instances_of(conn, study.id, series.series_uid, None)
    content = b",".join(_object(blobs, study, series, one) for one in members)
    if len(members) == series.instance_count:
        store_metadata.write(conn, series, content)
    return content


def _object(blobs: BlobStore, study: Study, series: Series, instance: Instance) -> bytes:
    """Write one instance; one that can't be parsed still shows what the index knows."""
    url = (
        f"{BASE}/studies/{study.study_uid}/series/{series.series_uid}"
        f"/instances/{instance.sop_uid}"
    )
    syntax = served(instance.transfer_syntax)
    try:
        with open_sent(blobs, instance) as stream:
            answer = datasets.metadata(stream, encoding_of(syntax), url)
    except Invalid:
        answer = {}
    for tag, value in (
        ("00080016", instance.sop_class),
        ("00080018", instance.sop_uid),
        ("0020000D", study.study_uid),
        ("0020000E", series.series_uid),
        ("00083002", syntax),
    ):
        answer[tag] = {"vr": "UI", "Value": [value]}
    return json.dumps(answer, allow_nan=False, separators=(",", ":")).encode()


def _array(members: Sequence[bytes]) -> bytes:
    return b"[" + b",".join(filter(None, members)) + b"]"
