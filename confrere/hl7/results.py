"""Read and write reports: ORU^R01. Source: HL7 v2.5.1 sections 7.3.1, 7.4.1 and 7.4.2."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, tzinfo

from confrere.hl7.datatypes import (
    Coded,
    Identifier,
    Person,
    Times,
    part,
    read_coded,
    read_reader,
    value,
)
from confrere.hl7.groups import OrderGroup, order_groups
from confrere.hl7.labs import is_lab
from confrere.hl7.orders import AccessionSource, read_accession, read_number
from confrere.hl7.parse import Message, Segment
from confrere.hl7.patients import PatientMessage, read_patient
from confrere.kernel.errors import Invalid
from confrere.kernel.ids import Uid

_TEXT_TYPES = frozenset({"TX", "FT"})
_DELETED = "D"
_STUDY_UID = "113014"  # DCM "DICOM Study"
_SUFFIXES = {"GDT": "findings", "IMP": "impression"}


@dataclass(frozen=True, slots=True)
class ReportLine:
    """One TX or FT value. `section` is findings, impression or empty (the suffix of OBX-3)."""

    section: str
    text: str
    status: str


@dataclass(frozen=True, slots=True)
class ResultMessage:
    """One report as one message tells it. Empty or None means "not told".

    `status` is OBR-25 as sent: P preliminary, F final, C corrected, and others of table 0123.
    Times are aware UTC: `observed_at` is OBR-7, `reported_at` OBR-22, `sent_at` MSH-7.
    """

    patient: PatientMessage
    control_id: str
    placer: Identifier | None
    filler: Identifier | None
    accession: str
    procedure: Coded
    status: str
    reader: Person | None
    observed_at: datetime | None
    reported_at: datetime | None
    sent_at: datetime | None
    lines: tuple[ReportLine, ...]
    study_uid: Uid | None
    unreadable: tuple[str, ...]
    order_status: str = ""  # ORC-5

    @property
    def text(self) -> str:
        """The report's lines in order, joined by line feeds."""
        return "\n".join(line.text for line in self.lines)


def read_result(
    message: Message,
    zone: tzinfo,
    accession: AccessionSource = AccessionSource.AUTOMATIC,
) -> ResultMessage:
    """Read a message that holds one report. Raises Invalid when it holds none or several."""
    results = read_results(message, zone, accession)
    if len(results) != 1:
        raise Invalid("The message must hold one OBR; this one holds several", field="OBR")
    return results[0]


def read_results(
    message: Message,
    zone: tzinfo,
    accession: AccessionSource = AccessionSource.AUTOMATIC,
) -> tuple[ResultMessage, ...]:
    """Read one report per OBR; `zone` is the site's, for times without an offset.

    Laboratory results are no reports and are left out; see `labs`.

    Raises Invalid with the field: no patient, no OBR, or a report without any number.
    """
    if message.kind != ("ORU", "R01"):
        raise Invalid("MSH-9 must be ORU^R01", field="MSH-9")
    patient = read_patient(message, zone)
    groups = [group for group in order_groups(message) if group.obr]
    if not groups:
        raise Invalid("The message must hold an OBR", field="OBR")
    return tuple(
        _result(message, group, patient, zone, accession)
        for group in groups
        if not is_lab(group)
    )


def _result(
    message: Message,
    group: OrderGroup,
    patient: PatientMessage,
    zone: tzinfo,
    source: AccessionSource,
) -> ResultMessage:
    obr, times = group.obr, Times(zone)
    placer, filler = read_number(group, 2), read_number(group, 3)
    accession = read_accession(group, source, placer, filler)
    if not (placer or filler or accession):
        raise Invalid("OBR-2 or OBR-3 must hold an order number", field="OBR-3")
    return ResultMessage(
        patient=patient,
        control_id=value(message.header, 10),
        placer=placer,
        filler=filler,
        accession=accession,
        procedure=read_coded(obr, 4),
        status=value(obr, 25).upper(),
        reader=read_reader(obr, 32),
        observed_at=times.at(obr, 7),
        reported_at=times.at(obr, 22),
        sent_at=times.at(message.header, 7),
        lines=tuple(_lines(group)),
        study_uid=times.uid(group.first("ZDS"), 1) or times.uid(_study_obx(group), 5),
        unreadable=tuple(times.unreadable),
        order_status=value(group.orc, 5).upper(),
    )


def _lines(group: OrderGroup) -> Iterator[ReportLine]:
    for obx in group.all("OBX"):
        status = value(obx, 11).upper()
        if value(obx, 2).upper() in _TEXT_TYPES and status != _DELETED:
            yield ReportLine(_section(obx), _report_text(obx), status)


def _report_text(obx: Segment) -> str:
    count = max(1, obx.repetitions(5))
    read = (obx.text(5, component=None, repetition=n) for n in range(count))
    return "\n".join(read).replace("\r\n", "\n").replace("\r", "\n")


def _section(obx: Segment) -> str:
    return _SUFFIXES.get(part(obx, 3, 1, 2).upper(), "")


def _study_obx(group: OrderGroup) -> Segment | None:
    return next((o for o in group.all("OBX") if value(o, 3) == _STUDY_UID), None)
