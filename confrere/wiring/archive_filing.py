"""File the images of a study that a foreign archive answered with (PS3.18 10.4.1)."""

from datetime import datetime
from zoneinfo import ZoneInfo

import httpx
from sqlalchemy import Engine

from confrere.archives.model import Archive
from confrere.database.engine import transaction
from confrere.dicomweb import multipart
from confrere.dicomweb.receiving import Part, Rejected
from confrere.files.folder import BlobStore
from confrere.imaging import service as imaging
from confrere.imaging.model import Arrival
from confrere.kernel.errors import Unavailable
from confrere.network import service as network
from confrere.network.model import Site
from confrere.patients.model import Patient

BATCH = 200
LARGEST_STUDY = 16 << 30


def file_answer(
    engine: Engine, blobs: BlobStore, archive: Archive, patient: Patient, study_uid: str,
    answer: httpx.Response, now: datetime,
) -> int:  # fmt: skip
    """File each part that is of this study and patient; return how many.

    Raises Unavailable when the answer is of another form, breaks off or names anybody else:
    nothing of another patient is ever filed under this one.
    """
    boundary = multipart.parameters(answer.headers.get("content-type", "")).get("boundary", "")
    if not boundary:
        raise Unavailable("it does not answer with a multipart of files")
    with transaction(engine, frozenset()) as conn:
        site = network.site(conn, archive.site) if archive.site else None
    parts = _parts(blobs, answer, boundary)
    arrivals = [_arrival(archive, site, patient, study_uid, one, now) for one in parts]
    if not arrivals:
        raise Unavailable("it answers without any image")
    for start in range(0, len(arrivals), BATCH):
        with transaction(engine, frozenset()) as conn:
            imaging.file_instances(conn, arrivals[start : start + BATCH])
    return len(arrivals)


def _parts(blobs: BlobStore, answer: httpx.Response, boundary: str) -> list[Part]:
    reader, parts, size = multipart.Reader(boundary), list[Part](), 0
    current: Part | None = None
    try:
        for data in answer.iter_bytes(1 << 20):
            size += len(data)
            if size > LARGEST_STUDY:
                raise Unavailable("the study is over 16 GB: import it by hand")
            for event in reader.feed(data):
                if isinstance(event, multipart.Began):
                    current = Part(blobs, event.headers.get("content-type", ""))
                    parts.append(current)
                elif current and isinstance(event, multipart.Piece):
                    current.write(event.data)
                elif current:
                    current.keep()
        reader.finish()
    finally:
        if current:
            current.discard()
    return parts


def _arrival(
    archive: Archive, site: Site | None, patient: Patient, study_uid: str, part: Part,
    now: datetime,
) -> Arrival:  # fmt: skip
    try:
        if part.failed:
            raise part.failed
        head = part.head(study_uid)
    except Rejected as why:
        raise Unavailable(f"one of its files cannot be taken: {why}") from None
    if (archive.assigner, head.patient_id) not in patient.demographics.record_numbers:
        raise Unavailable("its images name another patient than was asked for: look at both")
    return Arrival(
        archive.owner_group, archive.site, head, head.sop_class, part.meta.transfer_syntax,
        part.digest, part.size, part.meta.source_aet, now, issuer=archive.assigner,
        zone=ZoneInfo(site.time_zone) if site else None, door="archive",
    )  # fmt: skip
