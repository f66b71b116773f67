"""Search keys, filing rules and quiet times, without a database."""

import re
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.datadict import dictionary_VR, tag_for_keyword

from confrere.imaging import filing
from confrere.imaging.attributes import ATTRIBUTES, named
from confrere.imaging.head import Head
from confrere.imaging.matching import AnyOf, Between, Like, match, sql_pattern
from confrere.imaging.model import Arrival, quiet_time
from confrere.kernel.errors import Invalid
from confrere.kernel.ids import GroupId

NOW = datetime(2026, 3, 1, tzinfo=UTC)
HEAD = Head("1.2", "1.2.3", "1.2.4", "1.2.5", patient_name="Doe^Jane")
ARRIVAL = Arrival(GroupId(UUID(int=1)), None, HEAD, "1.2", "1.2", b"d", 1, "CT1", NOW)


@pytest.mark.parametrize("word", [one.keyword for one in ATTRIBUTES])
def test_an_attribute_has_the_same_two_names_as_the_dictionary(word: str) -> None:
    one = named(word)
    assert one
    assert tag_for_keyword(word) == one.tag
    assert dictionary_VR(one.tag) == one.vr
    assert named(one.hex) is named(one.hex.lower()) is one


@given(st.text(max_size=60))
def test_any_text_is_a_key_or_names_its_attribute(text: str) -> None:
    for one in ATTRIBUTES:
        with suppress(Invalid):
            found = match(one, text)
            assert found is None or isinstance(found, AnyOf | Between | Like)


@given(st.text("ab%_\\*?", max_size=8), st.text("ab%_\\", max_size=8))
def test_like_means_what_shell_patterns_mean(pattern: str, text: str) -> None:
    steps = {"*": ".*", "?": "."}
    shell = "".join(steps.get(char) or re.escape(char) for char in pattern)
    sql, at, translated = sql_pattern(pattern), 0, ""
    while at < len(sql):  # LIKE as PostgreSQL documents it
        if sql[at] == "\\":
            translated += re.escape(sql[at + 1])
            at += 2
            continue
        translated += {"%": ".*", "_": "."}.get(sql[at]) or re.escape(sql[at])
        at += 1
    expected = re.fullmatch(shell, text, re.DOTALL) is not None
    assert (re.fullmatch(translated, text, re.DOTALL) is not None) == expected


def test_many_stars_are_one_and_too_many_are_refused() -> None:
    description = named("StudyDescription")
    assert description
    assert match(description, "a" + "*" * 3000 + "b") == Like(description, "a*b")
    assert match(description, "*" * 3000) is None
    with pytest.raises(Invalid):
        match(description, "*a" * 17)


@pytest.mark.parametrize(
    ("head", "zone", "expected"),
    [
        (
            {"study_date": "20260301", "study_time": "0730"},
            ZoneInfo("America/Chicago"),
            (13, 30),
        ),
        ({"study_date": "20260301", "study_time": "0730"}, None, None),
        (
            {"study_date": "20260301", "study_time": "073015.5", "timezone_offset": "-0500"},
            None,
            (12, 30),
        ),
        (
            {
                "study_date": "20260301",
                "study_time": "07",
                "acquisition_date": "20260301",
                "acquisition_time": "0815",
            },
            UTC,
            (8, 15),
        ),
        ({"study_date": "20260301"}, UTC, None),
        ({"study_date": "20261301", "study_time": "07"}, UTC, None),
        ({"study_date": "2026", "study_time": "07"}, UTC, None),
        ({"study_date": "20260301", "study_time": "25"}, UTC, None),
    ],
)
def test_an_acquisition_is_placed_only_when_its_zone_is_known(
    head: dict[str, str], zone: timezone | None, expected: tuple[int, int] | None
) -> None:
    placed = filing.acquired(replace(ARRIVAL, head=replace(HEAD, **head), zone=zone))
    assert (placed and (placed.hour, placed.minute)) == expected
    assert placed is None or placed.tzinfo is UTC


def test_the_issuer_of_the_data_set_goes_before_the_default() -> None:
    assert filing.study_row(replace(ARRIVAL, issuer="HOSP"))["issuer"] == "HOSP"
    own = replace(ARRIVAL, head=replace(HEAD, patient_id_issuer="OWN"), issuer="HOSP")
    assert filing.study_row(own)["issuer"] == "OWN"


def test_a_batch_keeps_the_first_of_each_uid_in_key_order() -> None:
    heads = [replace(HEAD, sop_instance=uid) for uid in ("3", "1", "2", "1")]
    kept = filing.once(replace(ARRIVAL, head=head, size=n) for n, head in enumerate(heads))
    assert [(key[1], one.size) for key, one in kept.items()] == [("1", 1), ("2", 2), ("3", 0)]


def test_the_slowest_modality_says_when_a_study_is_quiet() -> None:
    times = {"CT": timedelta(minutes=2), "MR": timedelta(minutes=20), "": timedelta(minutes=5)}

    def quiet(_site: object, modality: str) -> timedelta:
        return times[modality]

    assert quiet_time(None, ("CT", "MR"), quiet) == times["MR"]
    assert quiet_time(None, (), quiet) == times[""]


@given(st.text(max_size=20))
def test_folding_a_name_twice_changes_nothing_more(name: str) -> None:
    assert filing.name_key(filing.name_key(name)) == filing.name_key(name)
