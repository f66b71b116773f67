# ruff: noqa: PLR2004 - the numbers are the anatomy: places and sizes in millimetres
"""Branching trees of the lungs: arteries, veins and bronchi, grown towards scattered ends.

A branch heads for the middle of the ends it serves, then splits them in two: the tree fills
its lobe without crossing itself. A parent's radius to the power 2.4 is the sum of its
children's, a little below the cube of Murray's law (Proc Natl Acad Sci 1926;12:207), as
measured lungs are.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from confrere.demo.phantom_canvas import Canvas
from confrere.demo.phantom_field import Point

Points = NDArray[np.float64]
_TAPER = 1 / 2.4
_FEW = 3


@dataclass(frozen=True, slots=True)
class Segment:
    """One straight piece of a vessel."""

    start: Point
    end: Point
    radius: float
    radius_end: float
    ends: int  # how many ends it serves


def grown(root: Point, targets: Points, tip: float, rng: np.random.Generator) -> list[Segment]:
    """Grow a tree from `root` to every target; `tip` is the radius of the last twigs."""
    segments: list[Segment] = []
    waiting = [(np.array(root), targets)]
    while waiting:
        here, ends = waiting.pop()
        count = len(ends)
        middle = ends.mean(axis=0)
        share = 1.0 if count == 1 else rng.uniform(0.30, 0.46)
        there = here + share * (middle - here)
        there = there + rng.normal(0, 0.05, 3) * np.linalg.norm(there - here)
        radius = tip * count**_TAPER
        after = tip * max(1, count / 2) ** _TAPER if count > 1 else tip * 0.6
        segments.append(Segment(_point(here), _point(there), radius, after, count))
        if count > 1:
            spread = ends - middle
            few = count <= _FEW  # the way to one of them will do
            axis = spread[0] if few else np.linalg.svd(spread, full_matrices=False)[2][0]
            order = np.argsort(spread @ axis)
            cut = int(np.clip(round(count * rng.uniform(0.36, 0.64)), 1, count - 1))
            waiting += [(there, ends[order[:cut]]), (there, ends[order[cut:]])]
    return segments


def _point(values: Points) -> Point:
    x, y, z = (float(v) for v in values)
    return x, y, z


def by_height(segments: list[Segment], slab: float) -> dict[int, list[Segment]]:
    """Which segments touch each slab of this thickness."""
    shelves: dict[int, list[Segment]] = {}
    for segment in segments:
        low, high = sorted((segment.start[2], segment.end[2]))
        for shelf in range(
            int((low - segment.radius) // slab), int((high + segment.radius) // slab) + 1
        ):
            shelves.setdefault(shelf, []).append(segment)
    return shelves


def paint_segment(
    canvas: Canvas, segment: Segment, hu: float, *, grow: float = 0.0, share: float = 1.0
) -> None:
    """Paint the part of a thin vessel that runs through the slice.

    A twig thinner than the slice fills only part of a voxel: its chord, plus the way it
    climbs through the slice.
    """
    a, b = canvas.pose.on_scanner(segment.start), canvas.pose.on_scanner(segment.end)
    low, high = canvas.z - canvas.thickness / 2, canvas.z + canvas.thickness / 2
    rise = b[2] - a[2]
    t0, t1 = 0.0, 1.0
    if abs(rise) > 1e-6:
        t0, t1 = sorted(((low - a[2]) / rise, (high - a[2]) / rise))
        t0, t1 = max(t0, 0.0), min(t1, 1.0)
    if t0 > t1 or (abs(rise) <= 1e-6 and not low <= a[2] < high):
        return
    taper = segment.radius_end - segment.radius
    ax, ay = a[0] + t0 * (b[0] - a[0]), a[1] + t0 * (b[1] - a[1])
    bx, by = a[0] + t1 * (b[0] - a[0]) - ax, a[1] + t1 * (b[1] - a[1]) - ay
    r0 = segment.radius + t0 * taper + grow
    r1 = segment.radius + t1 * taper + grow
    grid = canvas.grid
    reach = max(r0, r1) + 1
    c0 = max(0, int((min(ax, ax + bx) - reach - grid.first_x) / grid.pixel))
    c1 = min(grid.columns, int((max(ax, ax + bx) + reach - grid.first_x) / grid.pixel) + 2)
    y0 = max(0, int((min(ay, ay + by) - reach - grid.first_y) / grid.pixel))
    y1 = min(grid.rows, int((max(ay, ay + by) + reach - grid.first_y) / grid.pixel) + 2)
    if c0 >= c1 or y0 >= y1:
        return
    x = grid.first_x + grid.pixel * np.arange(c0, c1, dtype=np.float32)[None, :] - ax
    y = grid.first_y + grid.pixel * np.arange(y0, y1, dtype=np.float32)[:, None] - ay
    along = (x * bx + y * by) / (bx * bx + by * by + 1e-9)
    along = np.minimum(np.maximum(along, 0), 1)  # np.clip costs more than these small arrays
    far = np.hypot(x - along * bx, y - along * by)
    radius = r0 + along * (r1 - r0)
    chord = 2 * np.sqrt(np.maximum(radius * radius - far * far, 0.04))
    edge = np.minimum(np.maximum(0.5 - (far - radius) / grid.pixel, 0), 1)
    climb = abs(rise) * (t1 - t0)
    fill = edge * np.minimum(1, (chord + climb) / canvas.thickness) * share
    canvas.blend(fill, hu, (slice(y0, y1), slice(c0, c1)))
