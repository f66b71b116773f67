"""Earlier reports as lines of a CSV file: the layout, and what is wrong with a line. Pure."""

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo

from confrere.kernel.errors import Invalid

# column -> (must be filled, what it holds)
COLUMNS: Mapping[str, tuple[bool, str]] = {
    "patient_id": (True, "the patient identifier, as its assigner wrote it"),
    "assigner": (False, "who assigned it; empty: the site's own assigner"),
    "accession": (True, "the accession number"),
    "procedure_code": (False, "the site's code, looked up in its procedure map"),
    "procedure": (True, "the procedure in words"),
    "exam_at": (
        True,
        "when the exam was made: 2024-03-09 or 2024-03-09 14:30, local to the site",
    ),
    "signed_at": (False, "when the report was signed; empty: when the exam was made"),
    "signed_by": (False, "who signed it"),
    "report": (True, "the whole text; lines inside the quotes are kept"),
    "study_uid": (False, "the Study Instance UID"),
    "family_name": (False, "the patient's family name"),
    "given_name": (False, "the patient's given names"),
    "birth_date": (False, "1961-05-30"),
    "sex": (False, "M, F or O"),
}
LONGEST_REPORT = 200_000  # characters
LONGEST_WORD = 200
LONGEST_MRN = 64  # DICOM LO (PS3.5 table 6.2-1)
MOST_ROWS = 1_000_000
EARLIEST = 1980


@dataclass(frozen=True, slots=True)
class PriorRow:
    """One earlier report, ready to be tied to patient and procedure. Times are aware UTC."""

    mrn: str
    assigner: str  # empty: the site's own
    accession: str
    code: str
    procedure: str
    exam_at: datetime
    signed_at: datetime
    signed_by: str
    text: str
    study_uid: str = ""
    family: str = ""
    given: str = ""
    birth_date: date | None = None
    sex: str = ""


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a row is not loaded, and what would help. `row` counts from 1, the head apart."""

    row: int
    field: str
    says: str
    remedy: str


def read_csv(text: str, zone: tzinfo) -> Iterator[PriorRow | Problem]:
    """Read each line; `zone` is the site's. Raises Invalid when the head is wrong."""
    csv.field_size_limit(LONGEST_REPORT * 4)
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=_delimiter(text))
    names = [(one or "").strip().casefold() for one in (reader.fieldnames or [])]
    missing = [one for one, (must, _) in COLUMNS.items() if must and one not in names]
    if missing:
        raise Invalid(f"the first line lacks the columns {', '.join(missing)}", "file")
    if unknown := [one for one in names if one not in COLUMNS]:
        raise Invalid(f"unknown columns: {', '.join(unknown)[:200]}; remove them", "file")
    reader.fieldnames = names
    number = 0
    try:
        for number, line in enumerate(reader, 1):
            yield _row(number, line, zone)
    except csv.Error:
        remedy = "close the quotation mark, or shorten the text; then load the file again"
        yield Problem(number + 1, "", "from here on the file is no readable CSV", remedy)


def _delimiter(text: str) -> str:
    head = text.split("\n", 1)[0]
    return ";" if head.count(";") > head.count(",") else ","


def _row(number: int, line: Mapping[str, str], zone: tzinfo) -> PriorRow | Problem:
    if None in line:
        return Problem(
            number,
            "",
            "the line has more cells than the head",
            "put the text in quotation marks",
        )
    cells = {name: (line.get(name) or "").strip() for name in COLUMNS}
    try:
        return read_row(cells, zone)
    except Invalid as error:
        return Problem(
            number, error.field, str(error), "correct the cell and load the file again"
        )


def read_row(cells: Mapping[str, str], zone: tzinfo) -> PriorRow:
    """Check one row's cells; raises Invalid with the column."""
    for name, (must, what) in COLUMNS.items():
        if must and not cells[name]:
            raise Invalid(f"it is empty: it must hold {what}", name)
        longest = LONGEST_REPORT if name == "report" else LONGEST_WORD
        if len(cells[name]) > longest:
            raise Invalid(f"it is longer than {longest} characters", name)
        if "\x00" in cells[name]:
            raise Invalid("it holds binary characters", name)
        if name != "report" and not cells[name].isprintable():
            raise Invalid("it holds control characters or line ends", name)
    if len(cells["patient_id"]) > LONGEST_MRN:
        raise Invalid(f"it is longer than {LONGEST_MRN} characters", "patient_id")
    exam_at = _instant(cells["exam_at"], zone, "exam_at")
    signed_at = (
        _instant(cells["signed_at"], zone, "signed_at") if cells["signed_at"] else exam_at
    )
    if signed_at < exam_at and cells["signed_at"]:
        raise Invalid("it was signed before the exam was made", "signed_at")
    sex = cells["sex"].upper()[:1]
    if sex not in ("", "M", "F", "O", "U"):
        raise Invalid("it must be M, F or O", "sex")
    return PriorRow(
        cells["patient_id"], cells["assigner"], cells["accession"], cells["procedure_code"],
        cells["procedure"], exam_at, signed_at, cells["signed_by"], cells["report"],
        _uid(cells["study_uid"]), cells["family_name"], cells["given_name"],
        _day(cells["birth_date"]), "" if sex == "U" else sex,
    )  # fmt: skip


def _instant(text: str, zone: tzinfo, name: str) -> datetime:
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        raise Invalid("it must be a time as 2024-03-09 or 2024-03-09 14:30", name) from None
    if read.year < EARLIEST:
        raise Invalid(f"it lies before {EARLIEST}", name)
    aware = read if read.tzinfo else read.replace(tzinfo=zone)
    return aware.astimezone(UTC)


def _day(text: str) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Invalid("it must be a date as 1961-05-30", "birth_date") from None


def _uid(text: str) -> str:
    if text and (len(text) > 64 or not text.replace(".", "").isdigit()):  # noqa: PLR2004
        raise Invalid("it must be digits and dots, at most 64", "study_uid")
    return text
