"""Nothing that leaves the pool gives a small cell away."""

from datetime import date

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from confrere.analytics.disclosure import (
    FEWEST,
    Equation,
    Key,
    Weight,
    derivable,
    is_dominated,
    is_small,
    withhold,
)
from confrere.analytics.pooled import TOTAL, PooledCell, equations, publish

JANUARY = date(2026, 1, 1)


def row(*counts: int) -> tuple[dict[Key, int], list[Equation]]:
    parts: list[Key] = [(chr(65 + n),) for n in range(len(counts))]
    cells: dict[Key, int] = dict(zip(parts, counts, strict=True))
    return {**cells, (None,): sum(counts)}, [Equation((None,), tuple(parts))]


def small(counts: dict[Key, int]) -> list[Key]:
    return [key for key, count in counts.items() if 0 < count < FEWEST]


def letters(counts: tuple[int, ...]) -> str:
    cells, sums = row(*counts)
    return "".join(sorted(key[0] or "total" for key in withhold(cells, sums, small(cells))))


def test_a_small_cell_takes_the_next_smallest_with_it() -> None:
    assert letters((7, 25, 40)) == "AB"


def test_zero_is_published_and_does_not_serve_as_cover() -> None:
    assert letters((7, 0, 40)) == "AC"
    assert letters((0, 25, 40)) == ""


def test_two_small_cells_whose_sum_tells_that_they_are_small_take_a_third() -> None:
    assert letters((1, 1, 40)) == "ABC"
    assert letters((10, 10, 40)) == "AB"


def test_a_lone_cell_takes_its_total_with_it() -> None:
    assert letters((7, 0)) == "Atotal"


def test_ten_is_small_and_eleven_is_not() -> None:
    assert is_small(Weight(10, 6, 2))
    assert not is_small(Weight(22, 5, 11))
    assert not is_small(Weight(0, 0, 0))


def test_a_group_cannot_take_its_own_exams_off_and_find_a_small_rest() -> None:
    assert is_small(Weight(100, 6, 90))
    assert not is_small(Weight(100, 6, 89))


def test_four_groups_are_too_few_and_a_fourth_part_is_the_most_for_volume() -> None:
    assert is_small(Weight(1000, 4, 250))
    assert not is_dominated(Weight(1000, 5, 250))
    assert is_dominated(Weight(1000, 5, 251))
    assert not is_small(Weight(1000, 5, 251))


def test_a_cell_between_two_withheld_sums_is_found_by_combining_equations() -> None:
    # a + b and b + c published, a + b + c withheld with all parts: only b can be told
    sums = [
        Equation(("ab",), (("a",), ("b",))),
        Equation(("bc",), (("b",), ("c",))),
        Equation(("abc",), (("a",), ("b",), ("c",))),
    ]
    assert derivable([("a",), ("b",), ("c",)], sums) == {("a",), ("b",), ("c",)}
    assert derivable([("a",), ("b",), ("c",), ("abc",)], sums) == frozenset()


Grid = list[list[list[int]]]
COUNTS = st.one_of(st.integers(0, 14), st.integers(0, 400))
GRIDS = st.lists(
    st.lists(st.lists(COUNTS, min_size=3, max_size=3), min_size=3, max_size=3),
    min_size=1,
    max_size=4,
)


def cube(grid: Grid) -> tuple[dict[Key, int], tuple[Equation, ...]]:
    """Counts by month, priority and modality as the pool publishes them: sums of the grid."""
    months = [f"2026-{n + 1:02d}-01" for n in range(len(grid))]
    priorities, modalities = ("ed", "stat", "routine"), ("CT", "MR", "US")
    counts: dict[Key, int] = {}
    for month, plane in zip(months, grid, strict=True):
        for priority, line in zip(priorities, plane, strict=True):
            for modality, count in zip(modalities, line, strict=True):
                for key in (
                    TOTAL, (month, None, None), (None, priority, None), (None, None, modality),
                    (month, priority, None), (month, None, modality),
                ):  # fmt: skip
                    counts[key] = counts.get(key, 0) + count
    return counts, equations(months, priorities, modalities)


@settings(max_examples=60, deadline=None)
@given(GRIDS)
def test_no_withheld_cell_follows_from_what_is_published(grid: Grid) -> None:
    counts, sums = cube(grid)
    hidden = sorted(withhold(counts, sums, small(counts)), key=str)
    assert set(small(counts)) <= set(hidden)
    assert all(counts[key] for key in hidden)
    if not hidden:
        return
    # an oracle of its own: a cell is determined when adding its unit vector keeps the rank
    matrix = np.array(
        [[(key in one.parts) - (key == one.total) for key in hidden] for one in sums], float
    )
    rank = np.linalg.matrix_rank(matrix)
    for n in range(len(hidden)):
        unit = np.eye(len(hidden))[n]
        assert np.linalg.matrix_rank(np.vstack([matrix, unit])) == rank + 1, hidden[n]


@settings(max_examples=60, deadline=None)
@given(GRIDS)
def test_no_published_sum_bounds_a_withheld_cell_below_eleven(grid: Grid) -> None:
    counts, sums = cube(grid)
    hidden = withhold(counts, sums, small(counts))
    for one in sums:
        inside = [key for key in one.parts if key in hidden]
        if one.total not in hidden and inside:
            left = counts[one.total] - sum(
                counts.get(k, 0) for k in one.parts if k not in hidden
            )
            assert left - (len(inside) - 1) >= FEWEST


def pooled(key: tuple[date | None, str | None, str | None], n: int, **more: int) -> PooledCell:
    values = {"groups": 6, "largest": n // 6, "limited": n, "in_limit": n // 2} | more
    return PooledCell(
        *key, n, n, 0, values["groups"], values["largest"], 61.4, 99.6, 120.0, 70.0,
        values["limited"], values["in_limit"],
    )  # fmt: skip


def test_published_figures_are_rounded_and_a_dominated_count_goes_alone() -> None:
    cells = [
        pooled((None, None, None), 1004),
        pooled((JANUARY, None, None), 1004),
        *(pooled((month, None, "CT"), 1004) for month in (None, JANUARY)),
        *(pooled((month, "ed", None), 404, largest=200) for month in (None, JANUARY)),
        *(pooled((month, "stat", None), 300) for month in (None, JANUARY)),
        *(pooled((month, "routine", None), 300) for month in (None, JANUARY)),
    ]
    pool = publish(cells, [JANUARY])
    total = pool.at()
    assert (total.exams, total.median, total.p90, total.within) == (1000, 61, 100, 50)
    ed = pool.at(priority="ed")
    assert (ed.exams, ed.median, ed.withheld) == (None, 61, False)
    others = [pool.at(priority=one).exams for one in ("stat", "routine")]
    assert others.count(None) == 1
    assert not any(one.withheld for one in pool.cells.values())


def test_a_share_is_left_out_where_few_are_late_or_few_are_in_time() -> None:
    for met, shown in ((300, 100), (299, None), (290, None), (289, 96), (10, None), (0, 0)):
        pool = publish([pooled((None, None, None), 300, in_limit=met)], [])
        assert pool.at().within == shown


def test_a_small_pool_publishes_nothing_but_zero() -> None:
    pool = publish([pooled((None, None, None), 9), pooled((None, "ed", None), 9)], [])
    assert pool.at().withheld
    assert pool.at(priority="ed").median is None
    assert pool.at(priority="stat").exams == 0
