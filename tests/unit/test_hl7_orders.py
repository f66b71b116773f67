"""Orders and patients out of HL7 messages: found where the standard puts them, never made up."""

import os
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from confrere.hl7.datatypes import Coded, Identifier, Name
from confrere.hl7.orders import AccessionSource, Note, OrderMessage, read_order
from confrere.hl7.parse import Message, parse
from confrere.hl7.patients import read_patient, read_patients
from confrere.hl7.priority import read_priority
from confrere.kernel.errors import Invalid
from tests.peers import needs_shared

SHARED = Path(os.environ.get("CONFRERE_SHARED", Path(__file__).parents[3] / "shared"))
FOLDER = SHARED / "data/hl7"
CHICAGO = ZoneInfo("America/Chicago")
PID = "PID|1||7^^^NORTH&1.2.3&ISO^MR~E9^^^EMPI^PI||DOE^JANE^Q^JR^DR^^L||19800229|F"
ORC = "ORC|NW|P1^EHR|F1^RIS||||^^^202607011200^^S||20260701103000|||9^ORDER^ANN^^^^MD^^EHR"
OBR = (
    "OBR|1|P1^EHR|F1^RIS|71250^CT CHEST & ABD^C4|||||||||cough \\T\\ fever|||9^ORDER^ANN|"
    "|ACC1|REQ|||||CT|||^^^^^R||||R05^Cough^I10"
)


def build(*segments: str, kind: str = "ORM^O01") -> Message:
    msh = rf"MSH|^~\&|EHR|NORTH|CONFRERE|POOL|20260701103100||{kind}|42|P|2.5.1"
    return parse("\r".join((msh, *segments)).encode())


def order(*segments: str, **where: AccessionSource) -> OrderMessage:
    (read,) = read_order(build(*segments), CHICAGO, **where)
    return read


def test_an_order_is_read_where_the_standard_puts_it() -> None:
    read = order(
        PID, "PV1|1|I|WARD^12^A^NORTH", "AL1|1|DA|7980^Penicillin^RXN|SV|rash",
        "DG1|1||J18.9^Pneumonia^I10", ORC, OBR, "NTE|1|L|motion\\.br\\artefact",
        "OBX|1|NM|2160-0^Creatinine^LN||1.1|mg/dL", "NTE|1||lab note", "ZDS|1.2.840.99.1^^Application^DICOM",
    )  # fmt: skip
    assert (read.control, read.accession, read.modality) == ("NW", "ACC1", "CT")
    assert read.placer == Identifier("P1", "EHR")
    assert read.filler == Identifier("F1", "RIS")
    assert read.procedure == Coded("71250", "CT CHEST & ABD", "C4")
    assert (read.priority.code, read.priority.raw) == ("S", "S")
    assert read.transaction_at == datetime(2026, 7, 1, 15, 30, tzinfo=UTC)
    assert read.requested_at == datetime(2026, 7, 1, 17, 0, tzinfo=UTC)
    assert (read.patient_class, read.location) == ("I", ("WARD", "12", "A", "NORTH"))
    assert read.ordering_provider is not None
    assert read.ordering_provider.name.family == "ORDER"
    assert (read.reason, read.clinical_information) == ("Cough", "cough & fever")
    assert read.diagnoses == (Coded("J18.9", "Pneumonia", "I10"),)
    assert read.notes == (Note("OBR", "L", "motion\nartefact"), Note("OBX", "", "lab note"))
    assert read.allergies[0].allergen.text == "Penicillin"
    assert read.observations[0].text == "1.1"
    assert read.study_uid == "1.2.840.99.1"
    assert read.completed_at is None
    assert read.unreadable == ()


def test_every_orc_or_lone_obr_is_an_order_with_its_own_segments() -> None:
    second = ORC.replace("P1", "P2")
    message = build(PID, ORC, OBR, "NTE|1||one", second, OBR, "NTE|1||two", OBR, "NTE|1||three")
    orders = read_order(message, CHICAGO)
    assert [o.notes[0].text for o in orders] == ["one", "two", "three"]
    assert [o.placer.value for o in orders if o.placer] == ["P1", "P2", "P1"]


@pytest.mark.parametrize(
    ("source", "found"),
    [
        (AccessionSource.AUTOMATIC, "IPC9"),
        (AccessionSource.IPC_1, "IPC9"),
        (AccessionSource.OBR_18, "ACC1"),
        (AccessionSource.OBR_19, "REQ"),
        (AccessionSource.OBR_20, ""),
        (AccessionSource.FILLER, "F1"),
        (AccessionSource.PLACER, "P1"),
    ],
)
def test_each_site_says_where_its_accession_number_is(
    source: AccessionSource, found: str
) -> None:
    assert order(PID, ORC, OBR, "IPC|IPC9|RP|1.2.3|SPS|MR", accession=source).accession == found


def test_an_exam_is_complete_only_when_its_status_says_so() -> None:
    planned = OBR.replace("C4|||||||||", "C4|||20260701|20260701|||||||", 1)
    assert order(PID, ORC, planned).completed_at is None
    assert order(PID, ORC, planned).observed_to is not None
    done = "ORC|SC|P1|F1||CM||||20260701113000"
    assert order(PID, done, OBR).completed_at == datetime(2026, 7, 1, 16, 30, tzinfo=UTC)


def test_an_unreadable_optional_time_is_named_and_does_not_lose_the_order() -> None:
    read = order(PID, ORC.replace("20260701103000", "yesterday"), OBR, "ZDS|not-a-uid")
    assert read.transaction_at is None
    assert read.study_uid is None
    assert read.unreadable == ("ORC-9", "ZDS-1")


@pytest.mark.parametrize(
    ("segments", "field"),
    [
        ((ORC, OBR), "PID-3"),
        (("PID|1||^^^NORTH||DOE^JANE", ORC, OBR), "PID-3"),
        ((PID, ORC, OBR, PID.replace("7^", "8^")), "PID-3"),
        ((PID,), "ORC"),
        ((PID, "ORC|NW", "OBR|1|||71250"), "ORC-2"),
        ((PID, ORC), "OBR-4"),
    ],
)
def test_what_an_order_lacks_is_named_and_nothing_is_made_up(
    segments: tuple[str, ...], field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        read_order(build(*segments), CHICAGO)
    assert refused.value.field == field
    assert "DOE" not in str(refused.value)


def test_other_messages_are_no_orders() -> None:
    with pytest.raises(Invalid) as refused:
        read_order(build(PID, ORC, OBR, kind="ADT^A08"), CHICAGO)
    assert refused.value.field == "MSH-9"


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        ("stat", "S"),
        ("Urgent", "A"),
        ("RTN", "R"),
        ("timing  critical", "T"),
        ("9", ""),
        ("", ""),
    ],
)
def test_priorities_become_codes_or_stay_unknown(raw: str, code: str) -> None:
    assert read_priority(raw).code == code
    assert read_priority(raw).raw == raw


def test_the_first_place_that_tells_a_priority_counts() -> None:
    orc = "ORC|SC|P1|F1"
    assert order(PID, orc, OBR).priority.code == "R"
    assert order(PID, orc, "TQ1|1||||||||A", OBR).priority.code == "A"
    assert order(PID, orc, "OBR|1|P1||7||".replace("7||", "7|STAT|")).priority.code == "S"


def test_a_patient_is_read_with_who_assigned_each_identifier() -> None:
    read = read_patient(build("EVN|A08|20260701", PID, kind="ADT^A08"), CHICAGO)
    assert read.identifiers == (
        Identifier("7", "NORTH", "1.2.3", "ISO", "MR"),
        Identifier("E9", "EMPI", "", "", "PI"),
    )
    assert read.name == Name("DOE", "JANE", "Q", "JR", "DR")
    assert (read.event, read.birth_date, read.sex) == ("A08", date(1980, 2, 29), "F")
    assert read.occurred_at == datetime(2026, 7, 1, 5, tzinfo=UTC)


def test_identifiers_fall_back_to_pid_2_and_pid_4() -> None:
    read = read_patient(build("PID|1|7^^^A||8^^^B|DOE", kind="ADT^A01"))
    assert [i.value for i in read.identifiers] == ["7", "8"]
    assert read.occurred_at is None
    assert read.unreadable == ("MSH-7",)


def test_the_explicit_null_is_told_apart_from_silence() -> None:
    read = read_patient(build('PID|1||7||DOE||""|""|||', kind="ADT^A08"), CHICAGO)
    assert read.cleared == {"birth_date", "sex"}
    assert (read.birth_date, read.sex) == (None, "")


def test_merges_name_what_is_merged_away_each_with_its_survivor() -> None:
    other = PID.replace("7^", "8^")
    message = build(PID, "MRG|70^^^NORTH", other, "MRG|80^^^NORTH~81", kind="ADT^A40")
    first, second = read_patients(message, CHICAGO)
    assert [i.value for i in first.merged] == ["70"]
    assert [i.value for i in second.merged] == ["80", "81"]
    with pytest.raises(Invalid):
        read_patient(message, CHICAGO)
    with pytest.raises(Invalid) as refused:
        read_patient(build(PID, "MRG|", kind="ADT^A40"), CHICAGO)
    assert refused.value.field == "MRG-1"


@needs_shared()
def test_real_orders_are_read_or_refused_for_a_named_reason() -> None:
    refused, read = {}, 0
    for path in sorted(FOLDER.glob("*/*")):
        raw = path.read_bytes()
        if not raw.removeprefix(b"\xef\xbb\xbf").startswith(b"MSH") or b"BTS" in raw:
            continue
        try:
            message = parse(raw)
        except Invalid:
            continue
        if message.kind[0] in {"ORM", "OMI", "OMG"}:
            try:
                read += len(read_order(message, CHICAGO))
            except Invalid as error:
                refused[path.name] = error.field
    assert read >= 14
    assert refused == {
        "118_ORM_O01_Hl7ORMMessageTest.hl7": "PID-3",  # no patient
        "OMG-O19-01.hl7": "ORC-2",  # only a placer group number
        "ORM-O01-05.hl7": "OBR-4",  # a pharmacy order
    }


@needs_shared()
def test_a_real_merge_and_a_real_imaging_order_read_as_meant() -> None:
    merge = read_patient(parse((FOLDER / "fhir_bridge/adt_a40_merge.hl7").read_bytes()))
    assert merge.merged == (Identifier("SYN100999", "SYNTH_HOSP", "", "", "MR"),)
    assert merge.name.family == "NÚÑEZ"
    assert merge.email == "jose.nunez@example.org"
    raw = (FOLDER / "dcm4che/OMI_O23-ImagingOrder.hl7").read_bytes()
    (omi,) = read_order(parse(raw), CHICAGO)
    assert (omi.accession, omi.modality) == ("AccessionNumber", "CT")
    assert omi.study_uid == "1.2.392.200036.9125.0.198811291108.7"
