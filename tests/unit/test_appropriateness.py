"""Rules of appropriateness: each fires on its case, is silent in doubt, and files are checked."""

import json
from datetime import date

import pytest

from confrere.advice.judging import LONGEST_SUMMARY, cards_of
from confrere.advice.model import HL7, Asked
from confrere.demo import catalogue, scenes
from confrere.kernel.errors import Invalid
from confrere.kernel.ids import GroupId, PatientId, SiteId
from confrere.orders import similar
from confrere.orders.appropriateness import Circumstances, doubts, egfr_in
from confrere.orders.appropriateness_rules import BUILT_IN, CODES
from confrere.orders.duplicates import Exam
from confrere.orders.rule_files import read_rules
from tests.integration.world import NONE

DAY = date(2026, 11, 24)


def exam(modality: str, region: str, text: str, contrast: str = "") -> Exam:
    return Exam("x", modality, region, DAY, "S", contrast, text)


CASES = {
    "LOW_BACK_PAIN": (exam("MR", "spine", "MR lumbar spine"),
                      Circumstances("Low back pain since two weeks"), "and fever"),
    "HEADACHE": (exam("CT", "head", "CT head"), Circumstances("Headache", age=30), "sudden"),
    "SYNCOPE": (exam("CT", "head", "CT head"), Circumstances("", ("R55",)), "head strike"),
    "PREOPERATIVE_CHEST": (exam("CR", "chest", "X-ray chest"),
                           Circumstances("pre-op", age=40), "with cough"),
    "APPENDICITIS_CHILD": (exam("CT", "abdomen", "CT abdomen"),
                           Circumstances("Appendicitis?", age=9), "ultrasound unclear"),
    "EMBOLISM_UNLIKELY": (exam("CT", "chest", "CT angiogram chest"),
                          Circumstances("low probability, negative d-dimer"), None),
    "SINUSITIS": (exam("CT", "head", "CT sinuses"), Circumstances("Acute sinusitis"),
                  "orbit swollen"),
    "TWICE_ABDOMEN": (exam("CT", "abdomen", "CT abdomen", "both"), Circumstances("pain"),
                      "renal mass"),
    "CONTRAST_KIDNEY": (exam("CT", "chest", "CT chest", "with"), Circumstances(egfr=24), None),
}  # fmt: skip


@pytest.mark.parametrize("code", CODES)
def test_every_rule_fires_on_its_case_and_a_red_flag_silences_it(code: str) -> None:
    ordered, known, flag = CASES[code]
    assert code in [one.rule.code for one in doubts(ordered, known, BUILT_IN)]
    if flag is not None:
        flagged = Circumstances(f"{known.indication} {flag}", known.diagnoses, known.age)
        assert code not in [one.rule.code for one in doubts(ordered, flagged, BUILT_IN)]
    if code != "CONTRAST_KIDNEY":
        assert not doubts(ordered, Circumstances(age=known.age), BUILT_IN), "nothing is told"


def test_every_rule_has_source_owner_and_a_card_that_fits() -> None:
    asked = Asked(
        GroupId(NONE), SiteId(NONE), PatientId(NONE), CASES["HEADACHE"][0],
        CASES["HEADACHE"][1], "r", HL7,
    )  # fmt: skip
    for card in cards_of(asked, (), similar.BUILT_IN, BUILT_IN, {}):
        assert len(card.summary) < LONGEST_SUMMARY
        assert card.cites in card.detail
    assert all(one.cites and one.owner and one.version for one in BUILT_IN)


def test_the_demonstration_has_an_order_that_may_not_be_needed() -> None:
    scene = scenes.AGAIN[-1]
    plan = catalogue.BY_WORD[scene.word]
    ordered = Exam("x", plan.modality, plan.body_region, DAY, "S", "", plan.text)
    found = doubts(ordered, Circumstances(scene.question), BUILT_IN)
    assert [one.rule.code for one in found] == ["LOW_BACK_PAIN"]


def test_an_egfr_is_read_from_notes() -> None:
    assert egfr_in("Creatinine 2.1, eGFR: 24 mL/min") == 24
    assert egfr_in("eGFR pending") is None


def test_a_file_names_row_and_field_of_what_is_wrong() -> None:
    good = {
        "code": "A", "title": "t", "says": "s", "cites": "c", "owner": "o",
        "effective_from": "2026-01-01", "when": {"modalities": ["CT"], "age_below": 18},
    }  # fmt: skip
    rows = [
        good, good, good | {"code": "B", "when": {"modality": "CT"}}, "no",
        good | {"code": "C", "effective_from": "soon"},
        good | {"code": "D", "effective_to": "2025-01-01"},
        good | {"code": "E", "version": True}, good | {"code": "F", "cites": ""},
        good | {"code": "G", "when": {"unless_recent": ["US"]}},
    ]  # fmt: skip
    plan = read_rules(json.dumps({"rules": rows}).encode(), "Set")
    assert [(p.row, p.field) for p in plan.problems] == [
        (2, "code"), (3, "when"), (4, "rules"), (5, "effective_from"), (6, "effective_to"),
        (7, "version"), (8, "cites"), (9, "unless_recent"),
    ]  # fmt: skip
    assert plan.rules[0].when.age_below == 18
    assert plan.rules[0].origin == "Set"
    for raw in (b"", b"[]", b"{}", b'{"rules": []}', b"[" * 100_000, b"\xff"):
        with pytest.raises(Invalid):
            read_rules(raw, "Set")
