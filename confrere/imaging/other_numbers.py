"""What else an object calls its patient: Other Patient IDs Sequence (PS3.3 section C.7.1.1)."""

from collections.abc import Iterator

from pydicom import Dataset
from pydicom.filereader import read_dataset
from sqlalchemy import Connection

from confrere.files.folder import BlobStore
from confrere.imaging import store_search
from confrere.imaging.elements import encoding_of
from confrere.imaging.model import Study
from confrere.imaging.plain import open_plain
from confrere.imaging.syntaxes import served

SEQUENCE = 0x00101002
FIRST_BEHIND = 0x00110000
MOST = 20


def other_numbers(conn: Connection, blobs: BlobStore, study: Study) -> list[tuple[str, str]]:
    """Return (issuer, number) pairs that a study's first object names beside its patient ID.

    One without its issuer identifies nobody and is left out (PS3.3 table C.7-1). Nothing where
    the object can't be read: that shows elsewhere.
    """
    first = next(iter(store_search.instances_of(conn, study.id, None, None)), None)
    if first is None:
        return []
    encoding = encoding_of(served(first.transfer_syntax))
    try:
        with open_plain(blobs, first.digest, first.transfer_syntax) as stream:
            data = read_dataset(
                stream, encoding.implicit, not encoding.big,
                stop_when=lambda tag, _vr, _length: tag >= FIRST_BEHIND,
                specific_tags=[SEQUENCE],
            )  # fmt: skip
            return list(dict.fromkeys(_pairs(data)))[:MOST]
    except Exception:  # noqa: BLE001 - whatever a parser makes of damaged bytes
        return []


def _pairs(data: Dataset) -> Iterator[tuple[str, str]]:
    for item in data.get("OtherPatientIDsSequence") or []:
        number = str(item.get("PatientID") or "").strip()
        issuer = str(item.get("IssuerOfPatientID") or "").strip()
        for qualifier in item.get("IssuerOfPatientIDQualifiersSequence") or []:
            issuer = issuer or str(qualifier.get("UniversalEntityID") or "").strip()
        if number and issuer:
            yield issuer, number
