"""A patient's further numbers are kept with their assigners, and lead to them."""

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

from pydicom import Dataset
from sqlalchemy import Connection

from confrere.database.engine import transaction
from confrere.delivery import service as delivery
from confrere.files.folder import BlobStore
from confrere.imaging import service as imaging
from confrere.network import service as network
from confrere.patients import linking
from confrere.patients import service as patients
from confrere.patients.matching import SAME_ASSIGNER, SAME_NUMBER
from confrere.patients.model import Demographics, Number, Patient, PatientsSought
from confrere.patients.pairs import State
from confrere.wiring import exams, inbound_hl7
from tests.database import Databases
from tests.integration.reading_room import images, store
from tests.integration.world import NOW, World, build

KEY = b"k" * 32
HERE = Demographics("LMH-MRN", "M1", "Okafor", "Miriam", date(1962, 4, 12), "F", "60614")
REGION = Number("REGION", "E55", "PI")


def say(conn: Connection, world: World, pid: str, control: str = "1") -> Patient:
    message = (
        f"MSH|^~\\&|RIS|LMH|CONFRERE|LMH|20261124150000+0000||ADT^A08|{control}|P|2.5.1\r"
        f"EVN|A08|20261124150000+0000\rPID|{pid}\r"
    )
    peer = network.peer(conn, world.hl7)
    kept = delivery.keep(conn, peer, "ADT", control, message.encode(), "127.0.0.1", NOW)
    inbound_hl7.process(conn, KEY, kept, NOW)
    found = patients.find(conn, world.owner, "LMH-MRN", "M1")
    assert found is not None
    return found


def match(conn: Connection, patient: Patient) -> Patient:
    linking.link_matches(conn, patient.id, NOW)
    return patients.get(conn, patient.id)


def test_every_repetition_of_pid_3_and_the_account_are_kept_with_their_assigners(
    conn: Connection,
) -> None:
    world = build(conn)
    pid = (
        "1||M1^^^LMH-MRN^MR~E55^^^REGION^PI~OLD9^^^&2.16.1&ISO^MR~078-05-1120^^^USSSA^SS"
        "~D123^^^IL^DL||OKAFOR^MIRIAM||19620412|F||||||||||V7^^^LMH-ACC^AN|078-05-1120"
    )
    found = say(conn, world, pid)
    assert found.demographics.further == {
        REGION, Number("2.16.1", "OLD9", "MR"), Number("LMH-ACC", "V7", "AN"),
    }  # fmt: skip
    assert found.demographics.national_last4 == "1120"
    # a message that leaves them out takes nothing away, one with another adds it
    again = say(conn, world, "1||M1^^^LMH-MRN^MR~N2^^^NET^PI||OKAFOR^MIRIAM", "2")
    assert again.demographics.further == {
        *found.demographics.further,
        Number("NET", "N2", "PI"),
    }


def test_absurd_further_numbers_are_left_out_and_the_patient_is_kept(conn: Connection) -> None:
    world = build(conn)
    further = {Number("A", "9" * 65), Number("", "1"), Number("A", "a\x01"), REGION}
    made = patients.record(conn, world.owner, replace(HERE, further=frozenset(further)), NOW)
    assert made.demographics.further == {REGION}


def test_a_further_number_finds_its_patient_in_searches_and_by_its_assigner(
    conn: Connection,
) -> None:
    world = build(conn)
    made = patients.record(conn, world.owner, replace(HERE, further=frozenset({REGION})), NOW)
    for pair in (("REGION", "E55"), (None, "E55"), ("LMH-MRN", "M1")):
        sought = PatientsSought(identifiers=(frozenset({pair}),))
        assert [one.id for one in patients.page(conn, sought, 9)] == [made.id]
    assert (
        patients.page(conn, PatientsSought(identifiers=(frozenset({("X", "E55")}),)), 9) == []
    )
    assert [p.id for p in patients.search(conn, [], {"number": "E55"}, 9)] == [made.id]
    assert patients.search(conn, [], {"mrn": "E55"}, 9) == []
    by_region = patients.find(conn, world.owner, "REGION", "E55")
    assert by_region is not None
    assert by_region.id == made.id
    patients.record(
        conn, world.owner, replace(HERE, mrn="M2", further=frozenset({REGION})), NOW
    )
    assert patients.find(conn, world.owner, "REGION", "E55") is None  # whose, is not sure


def test_one_number_of_a_region_links_records_that_names_alone_would_not(
    conn: Connection,
) -> None:
    world = build(conn)
    far = replace(
        HERE, assigner="PAR-MRN", mrn="P7", family="Obi",
        further=frozenset({REGION}),
    )  # fmt: skip
    known = patients.record(conn, world.partner, far, NOW)
    one = match(conn, patients.record(conn, world.owner, HERE, NOW))
    assert one.person is None
    told = replace(HERE, further=frozenset({REGION}))
    one = match(conn, patients.record(conn, world.owner, told, NOW + timedelta(minutes=1)))
    assert {p.id for p in patients.same_person(conn, one)} == {one.id, known.id}


def test_one_number_and_little_else_alike_waits_for_a_person(conn: Connection) -> None:
    world = build(conn)
    numbered = frozenset({REGION})
    patients.record(conn, world.owner, replace(HERE, further=numbered), NOW)
    other = Demographics(
        "PAR-MRN", "P1", "Zhou", "Wei", date(1990, 1, 2), "F", further=numbered
    )
    assert match(conn, patients.record(conn, world.partner, other, NOW)).person is None
    (pair,) = linking.waiting(conn, world.partner, 9)
    assert pair.state is State.REVIEW
    assert pair.reasons != ()
    alike = replace(HERE, assigner="X", mrn="1", family="Zhou", birth_date=None,
                    postal_code="", further=numbered)  # fmt: skip
    match(conn, patients.record(conn, world.partner, alike, NOW))
    assert any(SAME_NUMBER in p.reasons for p in linking.waiting(conn, world.partner, 9))


def test_two_numbers_of_a_region_keep_a_link_for_a_person(conn: Connection) -> None:
    world = build(conn)
    patients.record(conn, world.owner, replace(HERE, further=frozenset({REGION})), NOW)
    other = replace(
        HERE, assigner="PAR-MRN", mrn="P1",
        further=frozenset({Number("REGION", "E56", "PI"), Number("LMH-ACC", "V7", "AN")}),
    )  # fmt: skip
    match(conn, patients.record(conn, world.partner, other, NOW))
    (pair,) = linking.waiting(conn, world.partner, 9)
    assert pair.reasons == (SAME_ASSIGNER,)


def test_two_stays_of_one_person_do_not_keep_them_apart(conn: Connection) -> None:
    world = build(conn)
    first = frozenset({Number("ACC", "V1", "AN")})
    second = frozenset({Number("ACC", "V2", "AN")})
    patients.record(conn, world.owner, replace(HERE, further=first), NOW)
    far = replace(HERE, assigner="PAR-MRN", mrn="P1", further=second)
    assert match(conn, patients.record(conn, world.partner, far, NOW)).person is not None


def test_another_group_sees_no_further_number_of_a_patient_that_is_not_open_to_it(
    fresh: Databases,
) -> None:
    with transaction(fresh.system, frozenset()) as conn:
        world = build(conn)
        patients.record(conn, world.owner, replace(HERE, further=frozenset({REGION})), NOW)
    with transaction(fresh.app, frozenset({world.partner})) as conn:
        assert patients.search(conn, [], {"number": "E55"}, 9) == []
        assert not patients.assigns_numbers(conn, "REGION")
    with transaction(fresh.app, frozenset({world.owner})) as conn:
        assert len(patients.search(conn, [], {"number": "E55"}, 9)) == 1


def test_images_tell_further_numbers_with_their_issuers(
    conn: Connection, tmp_path: Path
) -> None:
    world, blobs = build(conn), BlobStore(tmp_path)
    image = next(iter(images("2.25.71", "LM071", "20261124", 0.0)))
    image.PatientID, image.IssuerOfPatientID = "M1", "LMH-MRN"
    image.OtherPatientIDsSequence = [
        other("E55", "REGION"), other("NOBODYS"), other("Q8", universal="2.16.8"),
    ]  # fmt: skip
    study = store(conn, blobs, world, [image])
    exams.study_changed(conn, study, NOW, new_images=True)
    exams.note_other_numbers(conn, blobs, study, NOW)
    found = patients.find(conn, world.owner, "REGION", "E55")
    assert found is not None
    assert found.demographics.mrn == "M1"
    assert found.demographics.further == {Number("REGION", "E55"), Number("2.16.8", "Q8")}


def test_images_under_a_further_number_are_those_of_the_patient_who_has_it(
    conn: Connection, tmp_path: Path
) -> None:
    world, blobs = build(conn), BlobStore(tmp_path)
    made = patients.record(conn, world.owner, replace(HERE, further=frozenset({REGION})), NOW)
    image = next(iter(images("2.25.72", "LM072", "20261124", 0.0)))
    image.PatientID, image.IssuerOfPatientID = "E55", "REGION"
    study = store(conn, blobs, world, [image])
    exams.study_changed(conn, study, NOW, new_images=True)
    assert imaging.study(conn, study).patient_id == made.id


def other(number: str, issuer: str = "", universal: str = "") -> Dataset:
    made = Dataset()
    made.PatientID, made.TypeOfPatientID = number, "TEXT"
    if issuer:
        made.IssuerOfPatientID = issuer
    if universal:
        qualifier = Dataset()
        qualifier.UniversalEntityID, qualifier.UniversalEntityIDType = universal, "ISO"
        made.IssuerOfPatientIDQualifiersSequence = [qualifier]
    return made
