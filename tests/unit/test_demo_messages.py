"""The demonstration's messages say the same to our parser and to a foreign one."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random

import hl7
import pytest

from confrere.demo import catalogue, dictation, messages, places, scenes, wording
from confrere.demo.casting import Cast, mrn
from confrere.demo.messages import OrderPlan, PersonPlan
from confrere.hl7.acknowledge import Stamp
from confrere.hl7.orders import read_order
from confrere.hl7.parse import parse
from confrere.hl7.patients import read_patient
from confrere.hl7.results import read_result

NOW = datetime(2026, 11, 24, 3, 30, tzinfo=UTC)
STAMP = Stamp(NOW, "A1")
PERSON = PersonPlan("O'Neill & Sons", "Ana^Lucía", date(1960, 2, 29), "F", "60119")
ORDER = OrderPlan(
    places.site("HCM"), PERSON, "1300001", "HC26112403300001", catalogue.BY_WORD["CTHEAD"],
    "S", "E", "ED", "Headache | bleed?", "Ellen Marsh", NOW - timedelta(minutes=20),
    "2.25.1234", allergy="Penicillin", note="On \\blood thinner\\",
)  # fmt: skip


@pytest.mark.parametrize("write", [messages.order_as_orm, messages.order_as_omi])
def test_an_order_says_what_was_meant(write: Callable[[OrderPlan, Stamp], bytes]) -> None:
    (order,) = read_order(parse(write(ORDER, STAMP)), UTC)
    assert (order.control, order.status, order.accession) == ("NW", "SC", ORDER.accession)
    assert (order.procedure.code, order.procedure.text) == ORDER.wording
    assert order.priority.code == "S"
    assert (order.patient_class, order.location[0]) == ("E", "ED")
    assert order.reason == ORDER.question
    assert [note.text for note in order.notes] == [ORDER.note]
    assert [one.allergen.text for one in order.allergies] == ["Penicillin"]
    assert order.study_uid == ORDER.study_uid
    assert order.modality == "CT"
    assert order.ordering_provider is not None
    assert order.ordering_provider.name.family == "Marsh"
    assert order.completed_at is None


def test_a_completion_tells_when_the_exam_was_complete() -> None:
    done = NOW - timedelta(minutes=3)
    (order,) = read_order(parse(messages.completion(ORDER, done, STAMP)), UTC)
    assert (order.control, order.status, order.completed_at) == ("SC", "CM", done)


@pytest.mark.parametrize("event", ["A04", "A08"])
def test_an_admission_names_the_person_with_the_sites_own_number(event: str) -> None:
    patient = read_patient(parse(messages.admission(ORDER, STAMP, event)))
    assert patient.event == event
    assert (patient.name.family, patient.name.given) == (PERSON.family, PERSON.given)
    assert (patient.birth_date, patient.sex) == (PERSON.birth_date, "F")
    assert patient.address.postal_code == "60119"
    assert [(i.value, i.assigner) for i in patient.identifiers] == [("1300001", "HOLLOWCREEK")]


def test_a_report_is_final_and_names_its_reader() -> None:
    raw = messages.report(
        ORDER, wording.HEAD_PRIOR, ("Erik Lindqvist", "3000000007"), NOW, NOW, STAMP
    )
    result = read_result(parse(raw), UTC)
    assert (result.status, result.accession) == ("F", ORDER.accession)
    assert result.text == wording.HEAD_PRIOR
    assert result.reader is not None
    assert (result.reader.identifier, result.reader.name.family) == ("3000000007", "Lindqvist")


@pytest.mark.parametrize(
    "raw",
    [
        messages.admission(ORDER, STAMP),
        messages.order_as_orm(ORDER, STAMP),
        messages.order_as_omi(ORDER, STAMP),
        messages.completion(ORDER, NOW, STAMP),
        messages.report(ORDER, "Normal.", ("Erik Lindqvist", "1"), NOW, NOW, STAMP),
    ],
)
def test_python_hl7_reads_the_same_patient_and_sender(raw: bytes) -> None:
    foreign = hl7.parse(raw.decode())
    assert str(foreign.segment("PID")(3)(1)(1)) == "1300001"
    assert (
        hl7.parse(raw.decode()).unescape(str(foreign.segment("PID")(5)(1)(1))) == PERSON.family
    )
    assert str(foreign.segment("MSH")(3)) == "HCMRIS"
    assert str(foreign.segment("MSH")(10)) == "A1"


def test_one_person_has_a_number_of_its_own_at_each_site() -> None:
    numbers = {mrn(site, scenes.HEAD_PERSON) for site in places.SITES}
    assert len(numbers) == len(places.SITES)
    assert mrn(places.site("MOM"), scenes.HEAD_PERSON) in numbers


def test_the_pairs_are_one_person_at_two_sites_of_two_groups() -> None:
    for prior, current in (scenes.HEAD_PAIR, scenes.CHEST_PAIR):
        assert prior.person == current.person
        assert places.site(prior.site).group != places.site(current.site).group
        assert prior.report
        assert prior.past > timedelta(days=100)
    assert scenes.HEAD_PAIR[1].site == "HCM"


def test_the_opening_set_has_what_a_demonstration_shows() -> None:
    every = (*scenes.LIGHT, *scenes.HEAD_PAIR, *scenes.CHEST_PAIR)
    assert 12 <= sum(bool(one.pictures) for one in every) <= 16
    assert sum(bool(one.code) for one in every) == 1
    assert sum(not one.ordered for one in every) == 1
    assert sum(not one.pictures for one in every) == 1
    assert {catalogue.BY_WORD[one.word].modality for one in every} >= {"CT", "MR", "CR", "US"}
    codes = {catalogue.local_code(places.site("HCM"), one.word) for one in catalogue.PROCEDURES}
    assert not {one.code for one in every} & codes


def test_random_exams_have_images_and_people_who_fit() -> None:
    cast = Cast(Random(3))
    drawn = [cast.random_scene() for _ in range(300)]
    orders = [cast.order(one, NOW, NOW, None) for one in drawn]
    assert all(one.pictures for one in drawn)
    assert len({one.site for one in drawn}) == len(places.SITES)
    assert len({one.accession[-2:] for one in orders[:100]}) == 100
    assert all(len(one.accession) <= 16 for one in orders)
    people = [one.person for one in drawn]
    assert 0 < len(people) - len(set(people)) < 150
    for one in orders:
        if one.procedure.subspecialty == "peds":
            assert one.person.birth_date.year >= 2012


def test_dictation_reports_an_exam_when_its_time_has_come(tmp_path: Path) -> None:
    dictation.hand_over(tmp_path, ORDER, NOW)
    wait = timedelta(minutes=4)
    assert dictation.due(tmp_path, NOW + timedelta(minutes=3), wait) == []
    (path,) = dictation.due(tmp_path, NOW + wait, wait)
    raw = dictation.dictate(path, NOW + wait, "D1")
    result = read_result(parse(raw), UTC)
    assert (result.accession, result.status, result.observed_at) == (ORDER.accession, "F", NOW)
    assert str(hl7.parse(raw.decode()).segment("MSH")(3)) == "DICTATION"
