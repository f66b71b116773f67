"""The worked cases of the domain rules: T01 (who may, and who is in time) and T02 (MQSA)."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from confrere.kernel.ids import ReaderId
from confrere.network.credentials import (
    Competence,
    FacilityCertificate,
    MammographyCount,
    MammographyFile,
    MammographyStart,
    ReadingPlace,
    months_after,
    quarter_end_before,
)
from confrere.network.model import Reader
from confrere.worklist.feasibility import SLA_BREACH_FORECAST, forecast
from tests.unit.cases import (
    ABLE,
    HOSPITAL,
    NOW,
    OWNER,
    SITE,
    TODAY,
    YEARS,
    able,
    case,
    failing,
    item,
    verdict,
)

EXAM = item(priority="stat", payer_class="medicare")
R1 = ABLE
R2 = able(licences=())
R3 = able(privileges=(replace(ABLE.privileges[0], valid_to=TODAY - timedelta(days=1)),))
R4 = able(places=(ReadingPlace("PT", "", NOW - timedelta(1), NOW + timedelta(1)),))
R5 = able(
    group=OWNER,
    competences=(Competence("general"), Competence("neuro")),
    subspecialties=frozenset(),
)
R1_ID, R5_ID = ReaderId(UUID(int=1)), ReaderId(UUID(int=5))
READ = timedelta(minutes=12)
QUEUES = {R1_ID: timedelta(minutes=10), R5_ID: timedelta(minutes=2)}


@pytest.mark.parametrize(
    ("reader", "reasons"),
    [(R1, []), (R2, ["LIC_PATIENT"]), (R3, ["PRIV"]), (R4, ["US_LOCATION"]), (R5, [])],
)
def test_t01_each_reader_is_refused_for_one_reason_or_none(
    reader: Reader, reasons: list[str]
) -> None:
    assert failing(case(reader, EXAM)) == reasons


def test_t01_within_thirty_minutes_both_are_in_time_within_twenty_only_r5() -> None:
    finishes = {one: NOW + queue + READ for one, queue in QUEUES.items()}
    assert forecast(finishes, NOW + timedelta(minutes=30)).readers == {R1_ID, R5_ID}
    judged = forecast(finishes, NOW + timedelta(minutes=20))
    assert (judged.readers, judged.breach) == ({R5_ID}, False)
    assert judged.verdicts[R1_ID].rule == "TAT_FEAS"
    assert not judged.verdicts[R1_ID].holds
    assert "15:22 UTC, after the limit 15:20" in judged.verdicts[R1_ID].because


def test_when_nobody_is_in_time_the_earliest_is_offered_it_and_the_breach_is_forecast() -> None:
    finishes = {one: NOW + queue + READ for one, queue in QUEUES.items()}
    judged = forecast(finishes, NOW + timedelta(minutes=5))
    assert (judged.readers, judged.breach) == ({R5_ID}, True)
    assert SLA_BREACH_FORECAST in judged.verdicts[R5_ID].because
    assert judged.verdicts[R5_ID].holds
    assert forecast({}, NOW).breach is False
    assert forecast(finishes, None).readers == set(QUEUES)


def test_t01_the_weighted_sum_is_arithmetic() -> None:
    def score(fit: float, slack: float, used: float, own: bool) -> float:
        return 40 * fit + 35 * slack / 30 + 10 * (1 - used) + 5 * own

    assert score(1, 8, 0.7, own=False) == pytest.approx(52.33, abs=0.005)
    assert score(0.3, 16, 0.2, own=True) == pytest.approx(43.67, abs=0.005)


INSPECTED = date(2026, 8, 14)
QUARTER = date(2026, 6, 30)
CERTIFICATE = FacilityCertificate("M-1", *YEARS, INSPECTED, frozenset({"2D", "DBT"}))
FACILITY = replace(HOSPITAL, certificates=(CERTIFICATE,))
MAMMOGRAM = item(modality="MG", subspecialty="breast")
MAMMOGRAPHER = able(
    competences=(Competence("breast", "fellowship"),),
    mammography_starts=(MammographyStart(date(2015, 3, 1), frozenset({"2D", "DBT"})),),
    mammography_counts=(MammographyCount(INSPECTED, 1200, Decimal(18)),),
    mammography_files=(MammographyFile(SITE, *YEARS, YEARS[1]),),
)


def counted(*pairs: tuple[date, int]) -> dict[str, Any]:
    return {
        "mammography_counts": tuple(
            MammographyCount(day, reads, Decimal(15)) for day, reads in pairs
        )
    }


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({}, "holds"),
        (counted((INSPECTED, 958), (QUARTER, 958)), "fails"),  # T02
        (counted((INSPECTED, 955), (QUARTER, 962)), "holds"),  # T02
        (counted((INSPECTED, 955), (date(2026, 7, 20), 960)), "holds"),
        (counted((date(2026, 6, 29), 2000)), "unknown"),
        (counted(), "unknown"),
        ({"mammography_starts": ()}, "unknown"),
        ({"mammography_files": ()}, "unknown"),
        (
            {"mammography_starts": (MammographyStart(date(2015, 3, 1), frozenset({"2D"})),)},
            "fails",
        ),
        (
            {"mammography_files": (MammographyFile(SITE, *YEARS, TODAY - timedelta(1)),)},
            "fails",
        ),
        ({"mammography_counts": (MammographyCount(INSPECTED, 1200, Decimal(14)),)}, "fails"),
    ],
)
def test_mqsa_counts_on_any_day_from_the_quarters_end_to_the_inspection(
    changes: dict[str, Any], outcome: str
) -> None:
    asked = replace(case(replace(MAMMOGRAPHER, **changes), MAMMOGRAM), site=FACILITY)
    assert verdict("MQSA", asked).outcome == outcome


def test_a_new_mammographer_needs_no_count_for_two_years() -> None:
    new = MammographyStart(date(2025, 1, 10), frozenset({"2D", "DBT"}))
    reader = replace(MAMMOGRAPHER, mammography_starts=(new,), mammography_counts=())
    assert verdict("MQSA", replace(case(reader, MAMMOGRAM), site=FACILITY)).holds


@pytest.mark.parametrize(
    ("certificates", "outcome"),
    [
        ((), "fails"),
        ((replace(CERTIFICATE, valid_to=TODAY - timedelta(days=1)),), "fails"),
        ((replace(CERTIFICATE, inspected_on=date(2025, 6, 1)),), "unknown"),
    ],
)
def test_the_facility_itself_must_be_certified_and_inspected(
    certificates: Any, outcome: str
) -> None:
    asked = replace(
        case(MAMMOGRAPHER, MAMMOGRAM), site=replace(HOSPITAL, certificates=certificates)
    )
    assert verdict("MQSA", asked).outcome == outcome


@pytest.mark.parametrize(
    ("day", "before"),
    [
        (date(2026, 8, 14), date(2026, 6, 30)),
        (date(2026, 1, 1), date(2025, 12, 31)),
        (date(2026, 12, 31), date(2026, 9, 30)),
    ],
)
def test_the_quarter_before_ends_before_the_day(day: date, before: date) -> None:
    assert quarter_end_before(day) == before


def test_months_are_counted_by_the_calendar() -> None:
    assert months_after(date(2024, 2, 29), 24) == date(2026, 2, 28)
    assert months_after(date(2024, 1, 31), 1) == date(2024, 2, 29)
    assert months_after(date(2024, 11, 30), 1) == date(2024, 12, 30)
    assert months_after(date(2024, 12, 31), 12) == date(2025, 12, 31)
