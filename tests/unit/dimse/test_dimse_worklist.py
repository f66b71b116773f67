"""Worklist items and the matching of keys against them (PS3.4 C.2.2.2, annex K)."""

from dataclasses import replace
from datetime import UTC, date, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from confrere.dimse.command import is_uid
from confrere.dimse.identifier import Value, encode, parse, vr_of
from confrere.dimse.key_matching import asked_of, fits
from confrere.dimse.worklist import STEPS, item, study_uid_of
from confrere.kernel.ids import GroupId, OrderId, PatientId, SiteId
from confrere.orders.model import Order, OrderContent
from confrere.patients.model import Demographics, Patient

NOBODY = UUID(int=0)
ORDERED_AT = datetime(2026, 11, 24, 4, 30, tzinfo=UTC)
PATIENT = Patient(
    PatientId(NOBODY), GroupId(NOBODY),
    Demographics("LMH-MRN", "M77", "Müller", "Änne", date(1962, 4, 12), "F"),
)  # fmt: skip
ORDER = Order(
    OrderId(UUID(int=2**127 + 5)), GroupId(NOBODY), SiteId(NOBODY), PatientId(NOBODY),
    OrderContent(
        "LM1", procedure_code="CTHEAD", procedure_text="CT head", ordered_at=ORDERED_AT,
        referrer_name="Smith, John",
    ),
    "CT", "head", "neuro", True, "stat", "", False, ORDERED_AT,
)  # fmt: skip
ITEM = item(ORDER, PATIENT, "America/Chicago", "CT1")
NAME, ACCESSION, UID, MODALITY, DAY, TIME = (
    0x00100010, 0x00080050, 0x0020000D, 0x00080060, 0x00400002, 0x00400003,
)  # fmt: skip


def keys(texts: dict[int, str], step: dict[int, str] | None = None) -> dict[int, Value]:
    made = {tag: Value(vr_of(tag), text) for tag, text in texts.items()}
    if step is not None:
        made[STEPS] = Value("SQ", items=(keys(step),))
    return made


def test_an_item_says_what_the_modality_needs() -> None:
    (step,) = ITEM[STEPS].items
    assert (ITEM[NAME].text, ITEM[0x00321032].text) == ("Müller^Änne", "Smith^John")
    assert (step[MODALITY].text, step[DAY].text, step[TIME].text) == (
        "CT",
        "20261123",
        "223000",
    )
    assert ITEM[0x00321064].items[0][0x00080100].text == "CTHEAD"
    assert ITEM[0x00401003].text == "STAT"


def test_the_study_uid_is_the_orders_own_and_stays() -> None:
    ours = study_uid_of(ORDER)
    assert is_uid(ours)
    assert ours == study_uid_of(ORDER) == ITEM[UID].text
    named = replace(ORDER, content=replace(ORDER.content, study_uid="1.2.3"))
    assert study_uid_of(named) == "1.2.3"


@pytest.mark.parametrize(
    ("asked", "step", "fit"),
    [
        ({}, None, True),
        ({NAME: "", ACCESSION: "*"}, {}, True),
        ({NAME: "müller*"}, None, True),
        ({NAME: "M?ller^*"}, None, True),
        ({NAME: "Meier*"}, None, False),
        ({ACCESSION: "lm1"}, None, False),
        ({UID: f"1.2\\{study_uid_of(ORDER)}"}, None, True),
        ({UID: "1.2\\1.3"}, None, False),
        ({}, {MODALITY: "CT", DAY: "20261123"}, True),
        ({}, {MODALITY: "MR"}, False),
        ({}, {DAY: "20261120-20261123", TIME: "2200-2230"}, True),
        ({}, {DAY: "20261124-"}, False),
        ({}, {TIME: "-2229"}, False),
        ({}, {TIME: "22"}, True),
        ({0x00101010: "043Y"}, None, False),  # an attribute that items lack
        ({0x00101010: ""}, None, True),
    ],
)
def test_keys_match_as_the_standard_says(
    asked: dict[int, str], step: dict[int, str] | None, fit: bool
) -> None:
    assert fits(ITEM, keys(asked, step)) is fit


def test_only_what_was_asked_for_comes_back_and_reads_again() -> None:
    found = asked_of(ITEM, keys({NAME: "", 0x00101010: ""}, {MODALITY: ""}))
    assert set(found) == {NAME, 0x00101010, STEPS}
    assert set(found[STEPS].items[0]) == {MODALITY}
    assert set(asked_of(ITEM, keys({}, {}))[STEPS].items[0]) == set(ITEM[STEPS].items[0])
    read = parse(encode(ITEM, "1.2.840.10008.1.2", "ISO_IR 100"), "1.2.840.10008.1.2")
    assert read[NAME] == ITEM[NAME]
    assert read[STEPS].items[0][DAY] == ITEM[STEPS].items[0][DAY]


@given(st.text("ab*?", max_size=60), st.text("ab", max_size=60))
def test_any_pattern_ends_and_agrees_with_a_plain_definition(pattern: str, text: str) -> None:
    reach = {0}
    for mark in pattern:  # all places that the pattern so far can reach in the text
        if mark == "*":
            reach = set(range(min(reach), len(text) + 1)) if reach else set()
        else:
            reach = {n + 1 for n in reach if n < len(text) and mark in ("?", text[n])}
    universal = not pattern.strip("*")
    found = {0x00080050: Value("SH", text)}
    asked = {0x00080050: Value("SH", pattern)}
    assert fits(found, asked) is (universal or len(text) in reach)
