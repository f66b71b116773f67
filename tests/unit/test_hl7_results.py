"""Reports in and out: what we write is what is read, whatever the report says."""

import os
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import hl7apy.parser
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from confrere.hl7.datatypes import Coded, Identifier, Name, Person
from confrere.hl7.outbound import OutboundResult, Parties, write_result
from confrere.hl7.parse import parse
from confrere.hl7.results import read_result, read_results
from confrere.kernel.errors import Invalid
from tests.peers import needs_shared

SHARED = Path(os.environ.get("CONFRERE_SHARED", Path(__file__).parents[3] / "shared"))
FOLDER = SHARED / "data/hl7"
CHICAGO = ZoneInfo("America/Chicago")
AT = datetime(2026, 7, 1, 15, 30, tzinfo=UTC)
PARTIES = Parties((("CONFRERE",), ("POOL",)), (("RIS",), ("NORTH", "1.2.3", "ISO")))
REPORT = OutboundResult(
    identifiers=(Identifier("7", "NORTH", "1.2.3", "ISO", "MR"), Identifier("E9", "EMPI")),
    name=Name("NÚÑEZ", "JOSÉ", "A", "JR", "DR"),
    birth_date=date(1968, 4, 12),
    sex="M",
    placer=Identifier("P1", "EHR"),
    filler=Identifier("F1", "RIS", "1.2", "ISO"),
    accession="ACC1",
    procedure=Coded("71250", "CT CHEST & ABD", "C4"),
    status="F",
    reader=Person("2002", Name("READER", "RACHEL", "B", "", "DR"), "MD", "POOL"),
    observed_at=AT,
    reported_at=AT,
    text="FINDINGS: 6 mm nodule | right ^ upper ~ lobe.\n\n  IMPRESSION: \\T\\ follow up & repeat.\n",
    patient_class="O",
    study_uid="1.2.840.99.1",
)


def test_a_written_report_is_read_back_whole() -> None:
    message = parse(write_result(REPORT, PARTIES, "C1", AT))
    read = read_result(message, CHICAGO)
    assert read.patient.identifiers == REPORT.identifiers
    assert read.patient.name == REPORT.name
    assert read.patient.birth_date == REPORT.birth_date
    for field in ("placer", "filler", "accession", "procedure", "status", "reader",
                  "observed_at", "reported_at", "text", "study_uid"):  # fmt: skip
        assert getattr(read, field) == getattr(REPORT, field), field
    assert read.control_id == "C1"
    assert {line.status for line in read.lines} == {"F"}
    assert len(message.all("OBX")) == 4
    assert message.header.text(18) == "UNICODE UTF-8"
    assert message.header.text(12) == "2.5.1"


@settings(max_examples=100, deadline=None)
@given(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), max_size=200)
)
def test_no_report_text_is_lost_or_breaks_out(text: str) -> None:
    message = parse(write_result(replace(REPORT, text=text), PARTIES, "C1", AT))
    assert read_result(message, CHICAGO).text == text
    assert len(message.all("OBX")) == text.count("\n") + 1
    assert len(message.all("PID")) == 1


def test_a_hostile_name_from_one_message_stays_one_field_in_the_next() -> None:
    raw = (
        b"MSH|^~\\&|RIS|N|||20260701||ORU^R01|1|P|2.5.1\r"
        b"PID|1||7^^^N||DOE\\X0D\\PID\\F\\1\\F\\\\F\\8^J\rOBR|1|P1||1^CT\rOBX|1|TX|||ok||||||F"
    )
    read = read_result(parse(raw), CHICAGO)
    assert read.patient.name.family == "DOE\rPID|1||8"
    again = write_result(replace(REPORT, name=read.patient.name), PARTIES, "C1", AT)
    assert again.count(b"\rPID") == 1
    assert b"DOE\\X0D\\PID\\F\\1" in again
    assert read_result(parse(again), CHICAGO).patient.name == read.patient.name


def test_hl7apy_finds_the_report_valid_and_reads_the_same() -> None:
    raw = write_result(replace(REPORT, study_uid=""), PARTIES, "C1", AT)
    theirs = hl7apy.parser.parse_message(raw.decode(), find_groups=False)
    assert theirs.obr.obr_18.value == "ACC1"
    assert theirs.pid.pid_5.xpn_1.value == "NÚÑEZ"
    assert theirs.pid.pid_3[0].cx_4.hd_2.to_er7() == "1.2.3"
    assert theirs.obr.obr_32.ndl_1.cnn_2.to_er7() == "READER"


@pytest.mark.parametrize(
    ("lacking", "field"),
    [
        (replace(REPORT, identifiers=()), "PID-3"),
        (replace(REPORT, placer=None, filler=None, accession=""), "OBR-3"),
        (replace(REPORT, status="X"), "OBR-25"),
    ],
)
def test_a_report_that_names_nobody_or_nothing_is_not_sent(
    lacking: OutboundResult, field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        write_result(lacking, PARTIES, "C1", AT)
    assert refused.value.field == field


def test_formatted_text_repetitions_and_deleted_lines_are_understood() -> None:
    raw = (
        b"MSH|^~\\&|RIS|N|||20260701||ORU^R01|1|P|2.5.1\rPID|1||7^^^N\r"
        b"OBR|1|P1||1^CT|||||||||||||||||||||P\rOBX|1|FT|1&GDT||one\\.br\\two~three||||||P\r"
        b"OBX|2|TX|1&IMP||||||||P\rOBX|3|TX|1||gone||||||D\rOBX|4|ST|1||not text||||||P\r"
        b"OBX|5|TX|1&IMP||a^b & c||||||P"
    )
    read = read_result(parse(raw), CHICAGO)
    assert read.text == "one\ntwo\nthree\n\na^b & c"
    assert [line.section for line in read.lines] == ["findings", "impression", "impression"]
    assert read.status == "P"


@needs_shared()
def test_real_reports_are_read() -> None:
    raw = (FOLDER / "fhir_bridge/oru_r01_final.hl7").read_bytes()
    read = read_result(parse(raw), CHICAGO)
    assert (read.accession, read.status) == ("ACC2001", "F")
    assert read.reader is not None
    assert (read.reader.name.family, read.reader.assigner) == ("READER", "SYNTH_PRV")
    assert read.text.startswith("FINDINGS: Lungs")
    assert read.reported_at == datetime(2026, 9, 15, 17, 0, tzinfo=UTC)
    dcm4che = parse((FOLDER / "dcm4che/ORU_R01-SR.hl7").read_bytes())
    assert read_result(dcm4che, CHICAGO).study_uid == "1.2.392.200036.9125.0.198811291108.7"
    lab = parse((FOLDER / "ms_fhir_converter/LAB-ORU-1.hl7").read_bytes())
    assert read_results(lab, CHICAGO) == (), "laboratory results are no reports"
    with pytest.raises(Invalid):
        read_result(lab, CHICAGO)
