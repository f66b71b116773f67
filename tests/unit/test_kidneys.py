"""Which filtration rate of the chart advice may count on."""

from datetime import UTC, date, datetime, timedelta

import pytest

from confrere.chart.kidneys import kidneys
from confrere.chart.model import CREATININE, EGFR, LabValue

DAY = date(2026, 11, 24)
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def lab(
    value: str, days: int = 1, unit: str = "mL/min/{1.73_m2}", kind: str = EGFR
) -> LabValue:
    return LabValue(kind, value, unit, NOON - timedelta(days=days))


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        ("24", "mL/min/1.73m2", 24.0), (">60", "mL/min/1.73 m2", 60.0), ("> =9", "", None),
        (">=90", "ml/min", 90.0), ("24.5", "", 24.5), ("see note", "", None),
        ("24", "mL/s/1.73m2", None), ("900", "", None), ("", "", None),
    ],
)  # fmt: skip
def test_values_are_read_as_sent(value: str, unit: str, expected: float | None) -> None:
    assert kidneys([lab(value, unit=unit)], DAY) == expected


def test_below_a_bound_is_known_to_be_below_it() -> None:
    found = kidneys([lab("<30")], DAY)
    assert found is not None
    assert 29.99 < found < 30


def test_the_newest_counts_for_a_quarter_and_creatinine_never() -> None:
    assert kidneys([lab("50", 5), lab("28", 2)], DAY) == 28
    assert kidneys([lab("28", 90)], DAY) == 28
    assert kidneys([lab("28", 91)], DAY) is None
    assert kidneys([lab("28", -2)], DAY) is None
    assert kidneys([lab("1.2", kind=CREATININE)], DAY) is None
