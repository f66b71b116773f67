"""Find what looks like letters burned into a picture. Pure, on arrays.

No characters are read: burned-in text is drawn with one value at an end of the picture's range,
with hard edges, as shapes of like height that stand on one line close to each other; anatomy
hardly ever does all of that. It finds places for a person to look at, and misses what does
otherwise: handwriting, blurred or slanted text, single letters.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Box = tuple[int, int, int, int]  # x, y, width, height in pixels

LOWEST, TALLEST = 5, 64  # pixels a letter is high
FEWEST = 4  # letters of a line
# shares of the range, at its end, that a letter is drawn with: whole, or with softened edges
DRAWN = (0.12, 0.4)
THINNEST, FULLEST = 0.12, 0.9  # share of its box that a letter fills; bars fill all
CONTRAST = 0.3  # of the range, to what is around a letter
MOST_SHARE = 0.25  # of the picture: more is no text
MOST_RUNS = 60_000  # of noise; a picture of so many is not searched
MOST_LETTERS = 3000


@dataclass(frozen=True, slots=True)
class _Letter:
    left: int
    top: int
    right: int  # behind the last
    bottom: int
    area: int

    @property
    def height(self) -> int:
        return self.bottom - self.top

    @property
    def width(self) -> int:
        return self.right - self.left


def text_boxes(picture: Array) -> tuple[Box, ...]:
    """Return a box around each line that looks like text; rows x columns, or with samples."""
    grey = picture.max(axis=2) if picture.ndim == 3 else picture  # noqa: PLR2004 - samples
    values = grey.astype(np.float32)
    low, high = float(values.min()), float(values.max())
    reach = high - low
    if not np.isfinite(reach) or reach <= 0:
        return ()
    found: list[Box] = []
    for scene in ((values - low) / reach, (high - values) / reach):
        for drawn in DRAWN:
            mask = scene >= 1 - drawn
            if 0 < mask.mean() <= MOST_SHARE:
                letters = [one for one in _shapes(mask) if _is_letter(one, mask, scene, drawn)]
                found += [box for box in _lines(letters) if not _within(box, found)]
    return tuple(found)


def _within(box: Box, others: Sequence[Box]) -> bool:
    x, y = box[0] + box[2] // 2, box[1] + box[3] // 2
    return any(a <= x < a + c and b <= y < b + d and c >= box[2] for a, b, c, d in others)


def _shapes(mask: Array) -> list[_Letter]:
    """Connected shapes of a mask, by runs of its rows."""
    padded = np.zeros((mask.shape[0], mask.shape[1] + 2), np.int8)
    padded[:, 1:-1] = mask
    edges = np.diff(padded, axis=1)
    rows, starts = np.nonzero(edges == 1)
    _, ends = np.nonzero(edges == -1)
    if len(rows) > MOST_RUNS:
        return []
    parent = list(range(len(rows)))
    _join(rows.tolist(), starts.tolist(), ends.tolist(), parent)
    roots = np.array([_top(parent, n) for n in range(len(parent))], dtype=np.int64)
    order, index = np.unique(roots, return_inverse=True)
    count = len(order)
    left, top = np.full(count, mask.shape[1]), np.full(count, mask.shape[0])
    right, bottom, area = (np.zeros(count, np.int64) for _ in range(3))
    np.minimum.at(left, index, starts)
    np.minimum.at(top, index, rows)
    np.maximum.at(right, index, ends)
    np.maximum.at(bottom, index, rows + 1)
    np.add.at(area, index, ends - starts)
    wanted = (
        (bottom - top >= LOWEST) & (bottom - top <= TALLEST) & (right - left <= 2 * TALLEST)
    )
    columns = (one[wanted].tolist() for one in (left, top, right, bottom, area))
    return [_Letter(*each) for each in zip(*columns, strict=True)][:MOST_LETTERS]


def _join(
    rows: Sequence[int], starts: Sequence[int], ends: Sequence[int], parent: list[int]
) -> None:
    """Join each run with those it touches in the row above, corners included."""
    above, at = 0, 0
    for n, row in enumerate(rows):
        if row != rows[at]:
            above, at = (at, n) if row == rows[at] + 1 else (n, n)
        while above < at and ends[above] < starts[n]:
            above += 1
        one = above
        while one < at and starts[one] <= ends[n]:
            a, b = _top(parent, one), _top(parent, n)
            parent[max(a, b)] = min(a, b)
            one += 1


def _top(parent: list[int], n: int) -> int:
    while parent[n] != n:
        parent[n] = parent[parent[n]]
        n = parent[n]
    return n


def _is_letter(one: _Letter, mask: Array, scene: Array, drawn: float) -> bool:
    if one.width > 1.8 * one.height + 2:
        return False
    filled = one.area / (one.width * one.height)
    stroke = one.width <= one.height / 2.5  # an l, an I or a 1
    if filled < THINNEST or (filled > FULLEST and not stroke):
        return False
    y, x = (
        slice(max(one.top - 2, 0), one.bottom + 2),
        slice(max(one.left - 2, 0), one.right + 2),
    )
    around = ~mask[y, x]
    # hard edges: nearly all that is not drawn lies far below what is
    return bool(around.any()) and float(np.median(scene[y, x][around])) < 1 - drawn - CONTRAST


def _lines(letters: list[_Letter]) -> list[Box]:
    """Letters that stand beside each other on one line."""
    letters = sorted(letters, key=lambda one: one.left)
    parent = list(range(len(letters)))
    for n, one in enumerate(letters):
        for m in range(n + 1, len(letters)):
            other = letters[m]
            if other.left - one.right > 1.5 * one.height:
                if other.left - one.left > 4 * TALLEST:
                    break
                continue
            if _beside(one, other):
                a, b = _top(parent, n), _top(parent, m)
                parent[max(a, b)] = min(a, b)
    groups: dict[int, list[_Letter]] = {}
    for n, one in enumerate(letters):
        groups.setdefault(_top(parent, n), []).append(one)
    return [_around(group) for group in groups.values() if _is_text(group)]


def _beside(one: _Letter, other: _Letter) -> bool:
    tall = max(one.height, other.height)
    like = min(one.height, other.height) >= 0.55 * tall
    gap = other.left - one.right
    on_line = abs(one.bottom - other.bottom) <= 0.3 * tall
    return like and on_line and -0.3 * tall <= gap <= 1.2 * tall


def _is_text(group: list[_Letter]) -> bool:
    if len(group) < FEWEST:
        return False
    heights = [one.height for one in group]
    tall = float(np.median(heights))
    bottoms = np.array([one.bottom for one in group])
    steady = float(np.median(np.abs(bottoms - np.median(bottoms)))) <= max(1.0, 0.12 * tall)
    wide = max(one.right for one in group) - min(one.left for one in group)
    return steady and wide >= 2 * tall


def _around(group: list[_Letter]) -> Box:
    left, top = min(one.left for one in group), min(one.top for one in group)
    right, bottom = max(one.right for one in group), max(one.bottom for one in group)
    edge = max(2, (bottom - top) // 4)
    return (
        max(left - edge, 0),
        max(top - edge, 0),
        right - left + 2 * edge,
        bottom - top + 2 * edge,
    )
