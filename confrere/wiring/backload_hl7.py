"""Earlier reports in an HL7 batch or file: ORU^R01 between FHS, BHS, BTS and FTS."""

from collections.abc import Iterator
from zoneinfo import ZoneInfo

from confrere.hl7.batch import split_batch
from confrere.hl7.parse import parse
from confrere.hl7.results import ResultMessage, read_results
from confrere.kernel.errors import Invalid
from confrere.network.model import Site
from confrere.reading.backload_rows import LONGEST_REPORT, PriorRow, Problem
from confrere.wiring.heard import demographics, person_name

FINAL = frozenset({"F", "C", "A", ""})  # archives often leave OBR-25 empty
LONGEST_MRN = 64


def read_hl7(raw: bytes, site: Site) -> Iterator[PriorRow | Problem]:
    """Read each report; a message's row is its place in the file. Raises Invalid for no batch."""
    messages = split_batch(raw)
    if not messages:
        raise Invalid("the file holds no HL7 message: it must hold MSH segments", "file")
    for number, one in enumerate(messages, 1):
        yield from _of_message(number, one, site)


def _of_message(number: int, raw: bytes, site: Site) -> Iterator[PriorRow | Problem]:
    zone = ZoneInfo(site.time_zone)
    try:
        message = parse(raw)
        found = read_results(message, zone)
        if not found:
            raise Invalid("the message holds laboratory results, no report", "OBR-24")  # noqa: TRY301
        rows = [_row(one, site) for one in found]
    except Invalid as error:
        yield Problem(number, error.field, str(error), "correct the message at its sender")
        return
    yield from rows


def _row(came: ResultMessage, site: Site) -> PriorRow:
    if came.status not in FINAL:
        raise Invalid(f"the report is not final: OBR-25 is {came.status}", "OBR-25")
    if not came.accession:
        raise Invalid("the report names no accession number", "OBR-18")
    exam_at = came.observed_at or came.reported_at
    if exam_at is None:
        raise Invalid("the report tells no time of the exam", "OBR-7")
    if not came.text.strip():
        raise Invalid("the report has no text", "OBX-5")
    if len(came.text) > LONGEST_REPORT or "\x00" in came.text:
        raise Invalid(f"the text is over {LONGEST_REPORT} characters, or binary", "OBX-5")
    who = demographics(site, came.patient)
    if len(who.mrn) > LONGEST_MRN:
        raise Invalid(f"the patient identifier is over {LONGEST_MRN} characters", "PID-3")
    return PriorRow(
        who.mrn, who.assigner, came.accession, came.procedure.code,
        came.procedure.text or came.procedure.code or "Imaging exam", exam_at,
        max(came.reported_at or exam_at, exam_at), person_name(came.reader), came.text,
        came.study_uid or "", who.family, who.given, who.birth_date, who.sex,
    )  # fmt: skip
