"""What is said of an image on the way out instead of what its stored bytes say. Pure.

The bytes never change: a coercion is data beside them, kept as JSON with study or instance:
`values` (keyword -> text; None: left out), `at` (when it was decided) and `source` (who sent
what was there before). Source: PS3.4 section B.4.1.3 (coercion of attributes), PS3.3 section
C.12.1.1.9 (Original Attributes Sequence).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

PATIENT = ("PatientName", "PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientSex")
# what else names or describes a person: left out where the images become another patient's.
# Size and weight stay: they were measured at the exam, and uptake values are made of them.
OF_THE_WRONG_PATIENT = (
    "IssuerOfPatientIDQualifiersSequence",
    "TypeOfPatientID",
    "SourcePatientGroupIdentificationSequence",
    "PatientBirthTime",
    "PatientInsurancePlanCodeSequence",
    "OtherPatientIDs",
    "OtherPatientNames",
    "OtherPatientIDsSequence",
    "PatientBirthName",
    "PatientAge",
    "PatientAddress",
    "PatientMotherBirthName",
    "MilitaryRank",
    "BranchOfService",
    "MedicalRecordLocator",
    "MedicalAlerts",
    "Allergies",
    "CountryOfResidence",
    "RegionOfResidence",
    "PatientTelephoneNumbers",
    "PatientTelecomInformation",
    "EthnicGroup",
    "EthnicGroupCodeSequence",
    "Occupation",
    "SmokingStatus",
    "AdditionalPatientHistory",
    "PregnancyStatus",
    "LastMenstrualDate",
    "PatientReligiousPreference",
    "ResponsiblePerson",
    "PatientComments",
    "AdmissionID",
    "IssuerOfAdmissionIDSequence",
)
# what describes the order that the images came with
OF_THE_WRONG_ORDER = (
    "IssuerOfAccessionNumberSequence",
    "ReferencedStudySequence",
    "RequestAttributesSequence",
    "RequestedProcedureID",
    "RequestedProcedureDescription",
    "RequestedProcedureCodeSequence",
    "PlacerOrderNumberImagingServiceRequest",
    "FillerOrderNumberImagingServiceRequest",
)
# attributes that may be left out; of the others an unknown value is empty (type 2)
OPTIONAL = frozenset({"IssuerOfPatientID", "StudyDescription"})
SOURCE_MOST = 64  # characters of an LO


class Described(Protocol):
    """What is read of a study's row."""

    study_uid: str
    accession: str
    study_id: str
    study_date: str
    study_time: str
    description: str
    referrer: str
    patient_name: str
    mrn: str
    issuer: str
    birth_date: str
    sex: str


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose images they are, in DICOM's words."""

    name: str
    mrn: str
    issuer: str
    birth_date: str
    sex: str
    accession: str = ""


def of_study(identity: Identity, source: str, at: datetime) -> dict[str, Any]:
    """Make the coercion of a whole study that belongs to another patient or order."""
    given = (identity.name, identity.mrn, identity.issuer, identity.birth_date, identity.sex)
    values = dict(zip(PATIENT, given, strict=True)) | {"AccessionNumber": identity.accession}
    return _made(values, source, at)


def of_moved(study: Described, series_uid: str, source: str, at: datetime) -> dict[str, Any]:
    """Make the coercion of an image that came in another study than the one it is in."""
    values = {
        "PatientName": study.patient_name,
        "PatientID": study.mrn,
        "IssuerOfPatientID": study.issuer,
        "PatientBirthDate": study.birth_date,
        "PatientSex": study.sex,
        "AccessionNumber": study.accession,
        "StudyID": study.study_id,
        "StudyDate": study.study_date,
        "StudyTime": study.study_time,
        "StudyDescription": study.description,
        "ReferringPhysicianName": study.referrer,
        "StudyInstanceUID": study.study_uid,
        "SeriesInstanceUID": series_uid,
    }
    return _made(values, source, at)


def _made(values: Mapping[str, str], source: str, at: datetime) -> dict[str, Any]:
    known = {
        word: value or (None if word in OPTIONAL else "") for word, value in values.items()
    }
    return {"values": known, "at": at.isoformat(), "source": source[:SOURCE_MOST]}


def left_out(values: Mapping[str, str | None], stored: Mapping[str, str]) -> tuple[str, ...]:
    """Say what must not go out because it describes another patient, or another order.

    `stored` holds PatientID, IssuerOfPatientID and AccessionNumber as the bytes say them.
    """
    gone: tuple[str, ...] = ()
    if "PatientID" in values and not _same_patient(values, stored):
        gone += OF_THE_WRONG_PATIENT
    if values.get("AccessionNumber", stored["AccessionNumber"]) != stored["AccessionNumber"]:
        gone += OF_THE_WRONG_ORDER
    return gone


def _same_patient(values: Mapping[str, str | None], stored: Mapping[str, str]) -> bool:
    issuers = {values.get("IssuerOfPatientID") or "", stored["IssuerOfPatientID"]} - {""}
    return values["PatientID"] == stored["PatientID"] and len(issuers) < 2  # noqa: PLR2004
