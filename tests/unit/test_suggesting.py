"""What an unknown procedure code may mean."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from confrere.kernel.ids import GroupId, SiteId
from confrere.orders.model import Procedure, Unmapped
from confrere.orders.suggesting import ImagesSay, contrast_of, likeness, suggest, words_of

OWNER, SITE, OTHER = GroupId(UUID(int=1)), SiteId(UUID(int=2)), SiteId(UUID(int=3))


def line(code: str, text: str, modality: str, region: str, reader: str) -> Procedure:
    return Procedure(OWNER, OTHER, code, text, modality, region, reader, minutes=11)


KNOWN = [
    line("H1", "CT head without contrast", "CT", "head", "neuro"),
    line("H2", "CT chest with contrast", "CT", "chest", "chest"),
    line("H3", "X-ray knee, 2 views", "CR", "extremity", "msk"),
    line("H4", "X-ray chest, child", "CR", "chest", "peds"),
]


def unknown(text: str) -> Unmapped:
    return Unmapped(SITE, "77001", text, 3, datetime(2026, 11, 24, tzinfo=UTC))


@pytest.mark.parametrize(
    ("text", "code", "how"),
    [
        ("CT HEAD W/O CONTRAST", "H1", "the same words"),
        ("ct head wo contrast, left", "H1", "the same words"),
        ("XR KNEE 2 VW LT", "H3", "the same words"),
        ("CT thorax chest with contrast", "H2", "the likest text"),
    ],
)
def test_the_groups_own_maps_are_asked_first(text: str, code: str, how: str) -> None:
    found = suggest(unknown(text), KNOWN, OWNER)
    assert found
    assert f"({code})" in found.because
    assert how in found.because
    assert (found.line.site, found.line.code, found.line.text) == (SITE, "77001", text)


@pytest.mark.parametrize(
    ("text", "modality", "region", "reader", "contrast"),
    [
        ("MRI BRAIN W/WO CONTR", "MR", "head", "neuro", "both"),
        ("CTA PULM EMB", "CT", "chest", "chest", ""),
        ("US ABD", "US", "abdomen", "body", ""),
        ("MAMMO SCREENING BILAT", "MG", "", "breast", ""),
        ("PET whole body", "PT", "", "nuclear", ""),
        ("CXR peds", "CR", "chest", "peds", ""),
        ("MRI L-SPINE", "MR", "spine", "neuro", ""),
        ("CT cardiac coronary", "CT", "heart", "cardiac", ""),
    ],
)
def test_words_tell_modality_region_and_reader(
    text: str, modality: str, region: str, reader: str, contrast: str
) -> None:
    found = suggest(unknown(text), KNOWN, OWNER)
    assert found
    said = found.line
    assert (said.modality, said.body_region, said.subspecialty) == (modality, region, reader)
    assert said.contrast == contrast
    assert said.wrvu is None
    assert said.certificates == (("MQSA",) if modality == "MG" else ())


def test_images_tell_where_words_do_not() -> None:
    assert suggest(unknown("SPECIAL 3"), KNOWN, OWNER) is None
    found = suggest(unknown("SPECIAL 3"), KNOWN, OWNER, ImagesSay(("MR",), ("KNEE",)))
    assert found
    assert (found.line.modality, found.line.subspecialty) == ("MR", "msk")
    assert "own tags" in found.because


def test_images_of_another_modality_outweigh_like_words() -> None:
    found = suggest(
        unknown("Head without contrast"), KNOWN, OWNER, ImagesSay(("MR",), ("HEAD",))
    )
    assert found
    assert (found.line.modality, found.line.contrast) == ("MR", "without")


def test_a_childs_exam_is_the_childrens_radiologists() -> None:
    mapped = Procedure(
        OWNER, SITE, "C", "X-ray chest", "CR", "chest", "chest", child_below=12,
        child_subspecialty="peds",
    )  # fmt: skip
    assert [mapped.subspecialty_of(age) for age in (None, 0, 11, 12)] == [
        "chest", "peds", "peds", "chest",
    ]  # fmt: skip


@given(st.text(max_size=40))
def test_any_text_is_taken(text: str) -> None:
    words = words_of(text)
    assert likeness(words, words) in (0.0, 1.0)
    assert contrast_of(words) in ("", "with", "without", "both")
    suggest(unknown(text), KNOWN, OWNER)
