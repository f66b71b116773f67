"""What a query/retrieve identifier asks of the index (PS3.4 C.2.2.2, C.4.1.2.1)."""

import pytest

from confrere.imaging.attributes import BY_NAME, Level
from confrere.imaging.matching import AnyOf, Between, Like
from confrere.imaging.query_retrieve import plan_find, plan_retrieve
from confrere.imaging.recoding import choose_sent
from confrere.kernel.errors import Invalid

EXPLICIT, IMPLICIT, JPEG = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2", "1.2.840.10008.1.2.4.70"


def keys(**texts: str) -> dict[int, str]:
    return {BY_NAME[word].tag: text for word, text in texts.items()}


def test_keys_become_matches_and_empty_ones_are_only_returned() -> None:
    asked = keys(PatientName="DOE*", StudyDate="20260101-", PatientID="", AccessionNumber="A?")
    plan = plan_find("STUDY", "STUDY", asked)
    kinds = {m.attribute.keyword: type(m) for m in plan.matches}
    assert kinds == {"PatientName": Between, "StudyDate": Between, "AccessionNumber": Like}
    assert {a.keyword for a in plan.returned} == {
        "PatientName", "StudyDate", "PatientID", "AccessionNumber", "StudyInstanceUID",
    }  # fmt: skip
    assert not plan.unsupported


def test_a_level_needs_the_unique_keys_above_it() -> None:
    plan = plan_find("STUDY", "IMAGE", keys(StudyInstanceUID="1.2", SeriesInstanceUID="1.3"))
    assert plan.level is Level.INSTANCE
    with pytest.raises(Invalid, match="SeriesInstanceUID"):
        plan_find("STUDY", "IMAGE", keys(StudyInstanceUID="1.2"))
    with pytest.raises(Invalid, match="PatientID"):
        plan_find("PATIENT", "STUDY", keys(PatientID="*"))


def test_the_study_root_knows_no_patient_level() -> None:
    with pytest.raises(Invalid, match="QueryRetrieveLevel"):
        plan_find("STUDY", "PATIENT", {})


def test_a_key_that_is_not_indexed_is_named_unsupported_when_it_should_match() -> None:
    assert plan_find("STUDY", "STUDY", {0x00101010: "043Y"}).unsupported
    assert not plan_find(
        "STUDY", "STUDY", {0x00101010: "", 0x00080005: "ISO_IR 192"}
    ).unsupported


def test_a_retrieval_names_what_it_wants() -> None:
    plan = plan_retrieve("STUDY", "STUDY", keys(StudyInstanceUID="1.2\\1.3"))
    assert plan.matches == (AnyOf(BY_NAME["StudyInstanceUID"], ("1.2", "1.3")),)
    for missing in ("", "*"):
        with pytest.raises(Invalid, match="StudyInstanceUID"):
            plan_retrieve("STUDY", "STUDY", keys(StudyInstanceUID=missing))
    with pytest.raises(Invalid, match="PatientID"):
        plan_retrieve("PATIENT", "PATIENT", keys(PatientID="A*"))


def test_the_stored_syntax_is_sent_where_it_is_taken() -> None:
    assert choose_sent(JPEG, [IMPLICIT, JPEG]) == JPEG
    assert choose_sent(JPEG, [IMPLICIT, EXPLICIT]) == EXPLICIT
    assert choose_sent(JPEG, ["1.2.840.10008.1.2.4.90"]) is None
    assert choose_sent("1.2.840.10008.1.2.4.102", [EXPLICIT]) is None
