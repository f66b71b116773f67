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
_LEVEL = 1e-6  # millimetres: less is no climb


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
    run = _run(canvas, segment)
    if run is None:
        return
    ax, ay, bx, by, climb, t0, t1 = run
    taper = segment.radius_end - segment.radius
    r0 = segment.radius + t0 * taper + grow
    r1 = segment.radius + t1 * taper + grow
    grid = canvas.grid
    reach = max(r0, r1) + 1
    columns = _between(
        ax, ax + bx, reach, first=grid.first_x, pixel=grid.pixel, most=grid.columns
    )
    rows = _between(ay, ay + by, reach, first=grid.first_y, pixel=grid.pixel, most=grid.rows)
    if columns.start >= columns.stop or rows.start >= rows.stop:
        return
    x = grid.pixel * np.arange(columns.start, columns.stop, dtype=np.float32)[None, :]
    y = grid.pixel * np.arange(rows.start, rows.stop, dtype=np.float32)[:, None]
    x, y = x + (grid.first_x - ax), y + (grid.first_y - ay)
    along = (x * bx + y * by) / (bx * bx + by * by + 1e-9)
    along = np.minimum(np.maximum(along, 0), 1)  # np.clip costs more than these small arrays
    far = np.hypot(x - along * bx, y - along * by)
    radius = r0 + along * (r1 - r0)
    chord = 2 * np.sqrt(np.maximum(radius * radius - far * far, 0.04))
    edge = np.minimum(np.maximum(0.5 - (far - radius) / grid.pixel, 0), 1)
    fill = edge * np.minimum(1, (chord + climb) / canvas.thickness) * share
    canvas.blend(fill, hu, (rows, columns))


def _between(
    a: float, b: float, reach: float, *, first: float, pixel: float, most: int
) -> slice:
    """Find the pixels of one axis from `reach` before the lesser to `reach` past the greater."""
    low, high = (min(a, b) - reach - first) / pixel, (max(a, b) + reach - first) / pixel
    return slice(max(0, int(low)), min(most, int(high) + 2))


def _run(canvas: Canvas, segment: Segment) -> tuple[float, ...] | None:
    """Cut a segment to the slice: start, way across, climb, and the shares of its length."""
    a, b = canvas.pose.on_scanner(segment.start), canvas.pose.on_scanner(segment.end)
    low, high = canvas.z - canvas.thickness / 2, canvas.z + canvas.thickness / 2
    rise = b[2] - a[2]
    if abs(rise) > _LEVEL:
        t0, t1 = sorted(((low - a[2]) / rise, (high - a[2]) / rise))
        t0, t1 = max(t0, 0.0), min(t1, 1.0)
    else:
        t0, t1 = (0.0, 1.0) if low <= a[2] < high else (1.0, 0.0)
    if t0 > t1:
        return None
    across, along = b[0] - a[0], b[1] - a[1]
    x, y, part = a[0] + t0 * across, a[1] + t0 * along, t1 - t0
    return x, y, part * across, part * along, abs(rise) * part, t0, t1
