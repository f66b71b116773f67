"""Scanned papers among the images: Encapsulated PDF and Secondary Capture.

Source: PS3.3 A.45.1 and C.24.2 (Encapsulated Document), A.8 (Secondary Capture), PS3.4 B.5.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import pydicom
import sqlalchemy as sa
from pydicom.filebase import DicomBytesIO
from sqlalchemy import Connection

from confrere.files.folder import BlobStore
from confrere.imaging.part10 import part10_prefix
from confrere.imaging.tables import instances, series, studies
from confrere.kernel.errors import Invalid
from confrere.kernel.ids import GroupId, StudyId

PDF = "1.2.840.10008.5.1.4.1.1.104.1"
CAPTURES = frozenset(f"1.2.840.10008.5.1.4.1.1.7{one}" for one in ("", ".1", ".2", ".3", ".4"))
# captures of these are papers; of others (CT, US ...) they are images of the exam
PAPER_MODALITIES = frozenset({"OT", "SC", "DOC", "SD", "XC", ""})
MOST = 60


@dataclass(frozen=True, slots=True)
class Scan:
    """A paper that came as an image or document of a study."""

    id: UUID
    owner_group: GroupId
    study: StudyId
    study_uid: str
    series_uid: str
    sop_uid: str
    sop_class: str
    transfer_syntax: str
    digest: bytes
    title: str

    @property
    def is_pdf(self) -> bool:
        """Say whether it is an Encapsulated PDF."""
        return self.sop_class == PDF


def scans_of(conn: Connection, wanted: Sequence[StudyId]) -> list[Scan]:
    """Papers among these studies' images, by series and number."""
    capture = sa.and_(
        instances.c.sop_class.in_(CAPTURES), series.c.modality.in_(PAPER_MODALITIES)
    )
    query = (
        sa.select(
            instances,
            series.c.series_uid,
            series.c.description.label("said"),
            studies.c.study_uid,
        )
        .join(series, series.c.id == instances.c.series_id)
        .join(studies, studies.c.id == instances.c.study_id)
        .where(instances.c.study_id.in_(wanted), sa.or_(instances.c.sop_class == PDF, capture))
        .order_by(series.c.number.nulls_last(), instances.c.number.nulls_last(), instances.c.id)
        .limit(MOST)
    )
    return [
        Scan(
            r.id,
            GroupId(r.owner_group),
            StudyId(r.study_id),
            r.study_uid,
            r.series_uid,
            r.sop_uid,
            r.sop_class,
            r.transfer_syntax,
            bytes(r.digest),
            r.said or ("Document" if r.sop_class == PDF else "Scan"),
        )
        for r in conn.execute(query)
    ]


def embedded_pdf(blobs: BlobStore, scan: Scan) -> bytes:
    """Take the PDF out of its data set; Invalid where it holds none (PS3.3 C.24.2)."""
    head = part10_prefix(scan.sop_class, scan.sop_uid, scan.transfer_syntax, "")
    read = pydicom.dcmread(DicomBytesIO(head + blobs.read(scan.digest)))
    content = bytes(read.get("EncapsulatedDocument", b""))
    if not content.startswith(b"%PDF-"):
        raise Invalid("this document holds no PDF", "(0042,0011)")
    return content.rstrip(b"\x00")
