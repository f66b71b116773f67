"""Repeats of exams: the worked example, the excuses, and what holds for any history."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from confrere.orders.duplicates import (
    WINDOWS,
    Exam,
    Excuse,
    Relation,
    excuse,
    pairs,
    relation,
    repeat_rates,
)
from confrere.orders.following_up import FollowUp, recommended

THREE_WEEKS = recommended("Indeterminate lesion. Recommend repeat CT in 3 weeks.")


def exam(name: str, on: str, modality: str = "CT", region: str = "abdomen", site: str = "F1",
         **more: object) -> Exam:  # fmt: skip
    return Exam(name, modality, region, date.fromisoformat(on), site, **more)  # type: ignore[arg-type]


T20 = (
    exam("S1", "2026-01-01"),
    exam("S2", "2026-01-03", site="F2", follow_ups=THREE_WEEKS),
    exam("S3", "2026-01-25"),
    exam("S4", "2026-03-20", region="chest"),
    exam("S5", "2026-03-28", modality="MR"),
    exam("S6", "2026-04-10", site="F2"),
)


def test_the_worked_example_of_one_patient() -> None:
    rates = repeat_rates({"one": T20}, date(2026, 6, 30), (7, 30, 90))
    assert [(r.days, r.repeated, r.eligible) for r in rates] == [
        (7, 1, 6),
        (30, 1, 6),
        (90, 2, 5),
    ]
    assert [r.across_sites for r in rates] == [1, 1, 2]
    found = {(p.index.id, p.next.id): p.excuse for p in pairs(T20)}
    assert found == {
        ("S1", "S2"): Excuse.NONE,
        ("S2", "S3"): Excuse.RECOMMENDED,
        ("S3", "S6"): Excuse.NONE,
    }


def test_an_exam_is_related_in_one_of_four_ways() -> None:
    s1, s2, s3, s4, s5, _ = T20
    assert relation(s1, s2) is Relation.DUPLICATIVE
    assert relation(s2, s3) is Relation.FOLLOW_UP
    assert relation(s1, s5) is Relation.SUPPLEMENTARY
    assert relation(s1, s4) is Relation.UNRELATED


def test_what_excuses_a_repeat() -> None:
    first = exam("a", "2026-01-01", session="A1")
    again = "2026-01-04"
    assert excuse(first, exam("b", "2026-01-01", session="A1")) is Excuse.SAME_SESSION
    chest = exam("c", "2026-01-01", "CR", "chest")
    film = exam("d", again, "CR", "chest", text="X-ray chest, one view, portable")
    assert excuse(chest, film) is Excuse.LINE_CHECK
    retake = exam("e", again, text="CT abdomen, repeat")
    assert excuse(first, retake) is Excuse.TECHNICAL
    fell = exam("f", again, question="Fell from a ladder")
    assert excuse(first, fell) is Excuse.EVENT
    drained = exam("g", "2026-01-02", text="Image-guided drainage")
    assert excuse(first, exam("h", again), [drained]) is Excuse.EVENT
    assert excuse(first, exam("h", again)) is Excuse.NONE


def test_other_parts_sides_techniques_and_contrast_are_other_exams() -> None:
    knee = exam("a", "2026-01-01", "CR", "extremity", text="X-ray knee left")
    for other in ("X-ray knee right", "X-ray hand left"):
        assert not pairs((knee, exam("b", "2026-01-02", "CR", "extremity", text=other)))
    plain = exam("a", "2026-01-01", region="head", text="CT head", contrast="without")
    angio = exam("b", "2026-01-02", region="head", text="CT angiogram head")
    both = exam("b", "2026-01-02", region="head", text="CT head", contrast="with")
    assert not pairs((plain, angio))
    assert not pairs((plain, both))
    digital = exam("b", "2026-01-02", "DX", "extremity", text="Left knee film")
    assert pairs((knee, digital)), "all plain films are one modality"


def test_a_recommendation_is_read_only_where_it_is_said() -> None:
    assert recommended("Follow-up CT chest in 6-12 months is recommended.") == (
        FollowUp("CT", 180, 360),
    )
    assert recommended("No follow-up imaging needed in 12 months.") == ()
    assert recommended("Stable over 2 years.") == ()
    assert THREE_WEEKS[0].covers("CT", date(2026, 1, 3), date(2026, 1, 25))
    assert not THREE_WEEKS[0].covers("MR", date(2026, 1, 3), date(2026, 1, 25))
    assert not THREE_WEEKS[0].covers("CT", date(2026, 1, 3), date(2026, 1, 5))


HISTORIES = st.lists(
    st.tuples(
        st.sampled_from(("CT", "MR")), st.sampled_from(("head", "chest")),
        st.integers(0, 400), st.sampled_from(("F1", "F2")),
    ),
    max_size=12,
)  # fmt: skip


@given(HISTORIES, st.integers(0, 400))
def test_rates_of_any_history_are_sound(
    rows: list[tuple[str, str, int, str]], end: int
) -> None:
    start = date(2026, 1, 1)
    exams = [
        Exam(str(n), modality, region, start + timedelta(days=day), site)
        for n, (modality, region, day, site) in enumerate(rows)
    ]
    rates = repeat_rates({"one": exams}, start + timedelta(days=end), WINDOWS)
    for rate in rates:
        assert 0 <= rate.across_sites <= rate.repeated <= rate.eligible <= len(exams)
    assert [r.eligible for r in rates] == sorted((r.eligible for r in rates), reverse=True)
    assert pairs(exams) == pairs(exams[::-1]), "the order of rows does not matter"
    nexts = [pair.next.id for pair in pairs(exams)]
    assert len(nexts) == len(set(nexts)), "an exam repeats one exam at most"
