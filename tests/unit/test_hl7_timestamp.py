"""HL7 times in a site's zone."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from confrere.hl7.timestamp import read_date, read_timestamp, write_timestamp
from confrere.kernel.errors import Invalid

CHICAGO = ZoneInfo("America/Chicago")


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("20260314101530", "2026-03-14T15:15:30+00:00"),
        ("202603141015", "2026-03-14T15:15:00+00:00"),
        ("2026031410", "2026-03-14T15:00:00+00:00"),
        ("20260314", "2026-03-14T05:00:00+00:00"),
        ("20260314T", "2026-03-14T05:00:00+00:00"),
        ("20260314T101530", "2026-03-14T15:15:30+00:00"),
        ("202603", "2026-03-01T06:00:00+00:00"),
        ("2026", "2026-01-01T06:00:00+00:00"),
        ("20260314101530.25+0530", "2026-03-14T04:45:30.250000+00:00"),
        ("202603141015-0330", "2026-03-14T13:45:00+00:00"),
        (" 20260314101530.1234567Z"[:-1], "2026-03-14T15:15:30.123456+00:00"),
        ("20261101013000", "2026-11-01T06:30:00+00:00"),  # twice that night: the earlier
        ("20260308023000", "2026-03-08T08:30:00+00:00"),  # never that night
    ],
)
def test_a_time_is_read_in_the_sites_zone_unless_it_has_an_offset(
    text: str, meant: str
) -> None:
    read = read_timestamp(text, CHICAGO)
    assert read is not None
    assert read.isoformat() == meant


@pytest.mark.parametrize("text", ["", "  ", '""'])
def test_an_empty_time_is_none(text: str) -> None:
    assert read_timestamp(text, CHICAGO) is None
    assert read_date(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "196203520",
        "20261301",
        "20260230",
        "2026031425",
        "20260314+1500",
        "20260314+0060",
        "now",
        "٢٠٢٦",
        "0000",
        "00010101+1400",
        "20260314101560",
    ],
)
def test_what_is_no_time_is_refused_by_field(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        read_timestamp(text, CHICAGO, "OBR-7")
    assert refused.value.field == "OBR-7"


def test_without_a_zone_only_times_with_an_offset_are_read() -> None:
    assert read_timestamp("20260314101530+0000", None) == datetime(
        2026, 3, 14, 10, 15, 30, tzinfo=UTC
    )
    with pytest.raises(Invalid):
        read_timestamp("20260314101530", None)


def test_a_birth_date_is_as_written_and_never_completed() -> None:
    assert read_date("19880818") == read_date("198808182326+0215") == date(1988, 8, 18)
    for partial in ("1988", "198808", "19880832"):
        with pytest.raises(Invalid):
            read_date(partial)


@given(st.datetimes(timezones=st.just(UTC)))
def test_a_written_time_is_read_back(at: datetime) -> None:
    whole = at.replace(microsecond=0)
    assert read_timestamp(write_timestamp(whole), CHICAGO) == whole
