"""The attributes that are indexed, and so can be searched and returned. Pure.

Source: PS3.4 tables C.6-1 to C.6-4; PS3.18 tables 10.6.1-2 and 10.6.3-3 to 10.6.3-5.
"""

from dataclasses import dataclass
from enum import IntEnum


class Level(IntEnum):
    """The level of the information model that an attribute belongs to."""

    STUDY = 0
    SERIES = 1
    INSTANCE = 2


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute: `column` is its name in the level's model."""

    tag: int
    keyword: str
    vr: str
    level: Level
    column: str

    @property
    def hex(self) -> str:
        """The tag as eight hexadecimal digits, as DICOM JSON writes it."""
        return f"{self.tag:08X}"


def _level(level: Level, *rows: tuple[int, str, str, str]) -> tuple[Attribute, ...]:
    return tuple(Attribute(tag, word, vr, level, column) for tag, word, vr, column in rows)


ATTRIBUTES = (
    *_level(
        Level.STUDY,
        (0x00080020, "StudyDate", "DA", "study_date"),
        (0x00080030, "StudyTime", "TM", "study_time"),
        (0x00080050, "AccessionNumber", "SH", "accession"),
        (0x00080061, "ModalitiesInStudy", "CS", "modalities"),
        (0x00080080, "InstitutionName", "LO", "institution"),
        (0x00080090, "ReferringPhysicianName", "PN", "referrer"),
        (0x00081030, "StudyDescription", "LO", "description"),
        (0x00100010, "PatientName", "PN", "patient_name"),
        (0x00100020, "PatientID", "LO", "mrn"),
        (0x00100021, "IssuerOfPatientID", "LO", "issuer"),
        (0x00100030, "PatientBirthDate", "DA", "birth_date"),
        (0x00100040, "PatientSex", "CS", "sex"),
        (0x0020000D, "StudyInstanceUID", "UI", "study_uid"),
        (0x00200010, "StudyID", "SH", "study_id"),
        (0x00201206, "NumberOfStudyRelatedSeries", "IS", "series_count"),
        (0x00201208, "NumberOfStudyRelatedInstances", "IS", "instance_count"),
    ),
    *_level(
        Level.SERIES,
        (0x00080021, "SeriesDate", "DA", "series_date"),
        (0x00080031, "SeriesTime", "TM", "series_time"),
        (0x00080060, "Modality", "CS", "modality"),
        (0x0008103E, "SeriesDescription", "LO", "description"),
        (0x00180015, "BodyPartExamined", "CS", "body_part"),
        (0x0020000E, "SeriesInstanceUID", "UI", "series_uid"),
        (0x00200011, "SeriesNumber", "IS", "number"),
        (0x00201209, "NumberOfSeriesRelatedInstances", "IS", "instance_count"),
    ),
    *_level(
        Level.INSTANCE,
        (0x00080016, "SOPClassUID", "UI", "sop_class"),
        (0x00080018, "SOPInstanceUID", "UI", "sop_uid"),
        (0x00083002, "AvailableTransferSyntaxUID", "UI", "transfer_syntax"),
        (0x00200013, "InstanceNumber", "IS", "number"),
        (0x00280008, "NumberOfFrames", "IS", "frames"),
        (0x00280010, "Rows", "US", "rows"),
        (0x00280011, "Columns", "US", "columns"),
    ),
)
BY_NAME = {name: one for one in ATTRIBUTES for name in (one.keyword, one.hex)}


def named(name: str) -> Attribute | None:
    """Find an attribute by keyword or by eight hexadecimal digits; None when not indexed."""
    return BY_NAME.get(name) or BY_NAME.get(name.upper())
