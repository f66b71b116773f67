"""How well records agree: every line, where it holds and where it does not."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from confrere.analytics.agreeing import FEWEST_EXAMS, Agreement, Records, compare
from confrere.analytics.agreeing_lines import Verdict
from confrere.analytics.agreeing_times import LABELS, bucket
from confrere.delivery.clocks import skew_of
from confrere.imaging.model import Study
from confrere.kernel.ids import OrderId, PatientId, ReportId, StudyId
from confrere.orders.model import EXAM_COMPLETE, REPORT_FINAL, Order, OrderContent, ToldTime
from confrere.patients.model import Demographics, Patient
from confrere.reading.model import Report
from tests.unit.cases import NOW, OWNER, PATIENT, SITE

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
NUMBER = 40


def key(word: str, n: int) -> UUID:
    return uuid5(UUID(int=1), f"{word}{n}")


def order(n: int, **changes: Any) -> Order:
    content = OrderContent(
        f"LM{n}", procedure_code="CTHEAD", procedure_text="CT head", status="complete",
        exam_complete_at=NOW - 2 * HOUR,
    )  # fmt: skip
    made = Order(
        OrderId(key("order", n)), OWNER, SITE, PATIENT, content, "CT", "head", "neuro", True,
        "stat", "order status", False, NOW,
    )  # fmt: skip
    return replace(made, **changes)


def study(n: int, **changes: Any) -> Study:
    at = NOW - 2 * HOUR
    made = Study(
        StudyId(key("study", n)), OWNER, SITE, PATIENT, f"1.2.{n}", f"LM{n}", "", "20261124",
        "", "CT", "", ("CT",), "DOE^JANE", "M1", "", "19620412", "F", "", 1, 9, "closed",
        at - MINUTE, at, at, at, False,
    )  # fmt: skip
    return replace(made, **changes)


def report(n: int) -> Report:
    return Report(
        ReportId(key("report", n)), OWNER, None, None, SITE, PATIENT, None,
        (OrderId(key("order", n)),), None, "Smith", "external", "final", "CT", {}, None, 0,
        NOW - 2 * HOUR, NOW - HOUR, NOW,
    )  # fmt: skip


def told(n: int, what: str, late: timedelta = timedelta()) -> ToldTime:
    at = NOW - 2 * HOUR
    return ToldTime(OrderId(key("order", n)), what, at, at + late)


def good() -> Records:
    patient = Patient(
        PATIENT, OWNER, Demographics("LMH", "M1", "Doe", "Jane", date(1962, 4, 12), "F")
    )
    return Records(
        [order(n) for n in range(NUMBER)],
        [study(n) for n in range(NUMBER)],
        {StudyId(key("study", n)): [OrderId(key("order", n))] for n in range(NUMBER)},
        [report(n) for n in range(NUMBER)],
        {PatientId(PATIENT): patient},
        [told(n, what) for n in range(NUMBER) for what in (EXAM_COMPLETE, REPORT_FINAL)],
        {"done": 400}, {}, {"RIS": skew_of([timedelta()] * 9)},
        NOW,
    )  # fmt: skip


def verdicts(found: Agreement) -> dict[str, Verdict]:
    return {one.name: one.verdict for one in found.checks}


def test_records_that_agree_are_ready() -> None:
    found = compare(good())
    assert found.is_ready, found.unmet
    assert all(not one.remedy for one in found.checks)
    assert found.unmapped == ()


G = good()
SPOILED: dict[str, Callable[[], Records]] = {
    "orders": lambda: replace(
        G, studies=[replace(one, accession="X") for one in G.studies[:2]] + list(G.studies[2:])
    ),
    "codes": lambda: replace(
        G, orders=[replace(one, mapped=False) for one in G.orders[:2]] + list(G.orders[2:])
    ),
    "patients": lambda: replace(
        G, studies=[replace(one, birth_date="19620421") for one in G.studies[:2]]
        + list(G.studies[2:]),
    ),
    "identifiers": lambda: replace(G, refused={"OBR-18": 2}),
    "reports": lambda: replace(G, reports=[*G.reports, report(97), report(98)]),
    "messages": lambda: replace(G, messages={"done": 400, "failed": 4}),
    "clocks": lambda: replace(G, skews={"RIS": skew_of([2 * HOUR] * 9)}),
    "exam-complete": lambda: replace(
        G, told=[told(n, EXAM_COMPLETE, 30 * MINUTE) for n in range(5)] + list(G.told[10:])
    ),
    "report-final": lambda: replace(
        G, told=[told(n, REPORT_FINAL, 9 * HOUR) for n in range(5)] + list(G.told)
    ),
    "images-complete": lambda: replace(
        G, studies=[replace(one, last_at=NOW) for one in G.studies[:5]] + list(G.studies[5:])
    ),
}  # fmt: skip


@pytest.mark.parametrize("line", SPOILED)
def test_a_single_lack_is_named_with_what_helps_and_is_not_ready(line: str) -> None:
    found = compare(SPOILED[line]())
    bad = {name for name, one in verdicts(found).items() if one is Verdict.BAD}
    assert bad == {line}
    assert not found.is_ready
    assert next(one.remedy for one in found.checks if one.name == line)


def test_images_without_an_order_and_numbers_of_two_patients_are_named() -> None:
    alone = [*G.studies, study(98, accession=""), study(99, accession="")]
    assert verdicts(compare(replace(G, studies=alone)))["images"] is Verdict.BAD
    twice = study(7, id=StudyId(key("s", 1)), mrn="M2")
    found = verdicts(compare(replace(G, studies=[*G.studies, twice])))
    assert found["identifiers"] is Verdict.BAD


def test_what_is_too_few_is_never_called_good() -> None:
    few = G
    found = compare(
        replace(few, orders=few.orders[:5], studies=few.studies[:5], told=[], reports=[])
    )
    found_verdicts = verdicts(found)
    assert found_verdicts["enough"] is Verdict.FEW
    assert found_verdicts["reports"] is Verdict.FEW
    assert not found.is_ready
    nothing = compare(Records([], [], {}, [], {}, [], {}, {}, {}, NOW))
    assert not nothing.is_ready
    assert FEWEST_EXAMS == 30


def test_what_is_still_on_its_way_does_not_count_against_a_site() -> None:
    g = G
    fresh = order(90, content=replace(order(90).content, exam_complete_at=NOW - MINUTE))
    young = study(91, first_at=NOW - MINUTE, accession="")
    found = compare(replace(g, orders=[*g.orders, fresh], studies=[*g.studies, young]))
    assert found.is_ready, found.unmet


def test_unmapped_codes_are_listed_by_how_many_wait() -> None:
    g = G
    code = replace(order(1).content, procedure_code="XX", procedure_text="Mystery")
    more = [order(n, mapped=False, content=replace(code, accession=f"Q{n}")) for n in range(3)]
    assert compare(replace(g, orders=[*g.orders, *more])).unmapped == (("XX", "Mystery", 3),)


@settings(deadline=None)
@given(st.integers(-7200, 7200))
def test_every_difference_has_a_place_and_the_middle_is_equal(seconds: int) -> None:
    place = bucket(timedelta(seconds=seconds))
    assert 0 <= place < len(LABELS)
    assert (place == 4) == (abs(seconds) <= 120)
    assert bucket(timedelta(seconds=seconds + 1)) >= place


def test_a_difference_of_an_instant_is_ours_less_theirs() -> None:
    found = compare(SPOILED["images-complete"]())
    course = next(one for one in found.courses if one.step == "images complete")
    assert course.outliers[0].length == 2 * HOUR
    assert (course.equal, len(course.outliers), sum(course.counts)) == (35, 5, 40)
    assert isinstance(course.outliers[0].theirs, datetime)
