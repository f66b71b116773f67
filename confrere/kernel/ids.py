"""Identifiers as distinct types, so that mypy refuses a ReaderId where a GroupId belongs."""

from typing import NewType
from uuid import UUID

GroupId = NewType("GroupId", UUID)
SiteId = NewType("SiteId", UUID)
ReaderId = NewType("ReaderId", UUID)
UserId = NewType("UserId", UUID)
PeerId = NewType("PeerId", UUID)
AgreementId = NewType("AgreementId", UUID)
PatientId = NewType("PatientId", UUID)
OrderId = NewType("OrderId", UUID)
StudyId = NewType("StudyId", UUID)
SeriesId = NewType("SeriesId", UUID)
ItemId = NewType("ItemId", UUID)
ReportId = NewType("ReportId", UUID)
MessageId = NewType("MessageId", UUID)

# DICOM UI: digits and dots, at most 64 characters (PS3.5 section 9.1)
Uid = NewType("Uid", str)
