# ruff: noqa: PLR2004 - the numbers are the anatomy: places and sizes in millimetres
"""The generated chest: lungs with their trees, mediastinum, upper abdomen and the nodule.

Hounsfield units are those of a chest CT at 120 kV about a minute after contrast.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from confrere.demo.phantom_canvas import Canvas, Grid, Pose
from confrere.demo.phantom_field import (
    Field,
    Lattice,
    Point,
    chord_share,
    cover,
    doubled,
    lattice,
    slab_cover,
)
from confrere.demo.phantom_organs import paint_abdomen, paint_airways, paint_mediastinum
from confrere.demo.phantom_thorax import (
    cavity,
    diaphragm,
    lungs,
    mediastinum,
    rib_angle,
    skin,
)
from confrere.demo.phantom_trees import Points, Segment, by_height, grown, paint_segment
from confrere.demo.phantom_wall import paint_girdle, paint_spine, paint_wall

GRID = Grid(rows=332, columns=508, pixel=0.75, top=94, left=2)
LUNG, VESSEL, NODULE = -865.0, 165.0, 48.0
NODULE_CENTRE: Point = (-70.0, -6.0, 46.0)
SHELF = 5.0
_ROOTS: tuple[tuple[Point, int], ...] = (
    ((-44.0, 4.0, -20.0), 800),
    ((44.0, 16.0, -12.0), 700),
    ((-30.0, 8.0, -46.0), 480),
    ((34.0, 10.0, -44.0), 420),
)


@dataclass(frozen=True, slots=True)
class Chest:
    """A patient's chest: the same for every study of this patient."""

    vessels: dict[int, list[Segment]]
    bronchi: dict[int, list[Segment]]
    liver: dict[int, list[Segment]]
    clouds: Lattice
    grain: Lattice
    spicules: tuple[tuple[Point, float], ...]  # direction, length in radii of the nodule

    @classmethod
    def grown(cls, rng: np.random.Generator) -> "Chest":
        """Draw a chest."""
        vessels: list[Segment] = []
        bronchi: list[Segment] = []
        for number, (root, ends) in enumerate(_ROOTS):
            side = float(np.sign(root[0]))
            tree = grown(root, _scattered(rng, side, ends), 0.42, rng)
            vessels += tree
            if number < 2:
                bronchi += [_beside(s, side) for s in tree if s.ends >= 9]
        liver = grown((-18.0, 12.0, -112.0), _in_liver(rng, 160), 0.75, rng)
        rays = rng.normal(size=(26, 3)) * (1, 1, 0.6)
        rays /= np.linalg.norm(rays, axis=1, keepdims=True)
        spicules = tuple(
            ((float(x), float(y), float(z)), float(rng.uniform(1.35, 2.0))) for x, y, z in rays
        )
        return cls(
            by_height(vessels, SHELF),
            by_height(bronchi, SHELF),
            by_height(liver, SHELF),
            lattice(rng, 22.0, size=32, width=0.7),
            lattice(rng, 6.0, width=0.5),
            spicules,
        )


def _scattered(rng: np.random.Generator, side: float, count: int) -> Points:
    """Points spread through one lung, 4 mm or more from its surface."""
    spread = rng.uniform((8, -95, -165), (140, 95, 115), (count * 8, 3)) * (side, 1, 1)
    x, y, z = spread.astype(np.float32).T
    return spread[lungs(x, y, z) < -4][:count]


def _in_liver(rng: np.random.Generator, count: int) -> Points:
    """Scatter points in the right upper abdomen, well inside the ribs and the diaphragm."""
    spread = rng.normal((-72, 0, -135), (30, 30, 22), (count, 3))
    x, y, z = spread.astype(np.float32).T
    outside = np.maximum(cavity(x, y, z) + 10, z + 7 - diaphragm(x, y))
    inside: Points = spread[outside < 0]
    return inside


def _beside(artery: Segment, side: float) -> Segment:
    """Lay the bronchus that runs with an artery, a little inwards of it."""
    apart = artery.radius * 1.7 + 0.4
    dx, dy = -side * 0.75 * apart, 0.66 * apart
    (ax, ay, az), (bx, by, bz) = artery.start, artery.end
    return Segment(
        (ax + dx, ay + dy, az),
        (bx + dx, by + dy, bz),
        artery.radius * 0.8,
        artery.radius_end * 0.8,
        artery.ends,
    )


def chest_slices(
    chest: Chest, pose: Pose, heights: tuple[float, ...], thickness: float, *, nodule: float
) -> Iterator[Canvas]:
    """Paint slices before noise; `nodule` is the diameter in the right upper lobe, in mm."""
    for z in heights:
        canvas = Canvas(GRID, pose, z, thickness)
        shape = (GRID.rows // 2, GRID.columns // 2)
        x, y, zed = (np.broadcast_to(a, shape) for a in GRID.patient_axes(pose, z, step=2))
        clouds = doubled(chest.clouds.at(x, y, zed))
        out = cavity(x, y, zed)
        paint_wall(
            canvas,
            doubled(out),
            doubled(skin(x, y, zed)),
            doubled(rib_angle(x, y, zed)),
            clouds,
        )
        paint_girdle(canvas)
        inner = doubled(np.maximum(out, -40))
        canvas.blend(cover(inner, 1.0), -95 + 6 * clouds)
        under = doubled(zed - diaphragm(x, y))
        between = doubled(mediastinum(x, y, zed))
        paint_abdomen(canvas, inner, under, clouds)
        _paint_trees(canvas, chest.liver, 138, 0.8)
        below, above = (doubled(lungs(x, y, zed + d)) for d in (-thickness / 2, thickness / 2))
        air = slab_cover(below, above, GRID.pixel)
        paint_mediastinum(canvas, between, inner)
        paint_spine(canvas, chest.grain)
        _paint_lungs(canvas, chest, air, clouds, nodule)
        paint_airways(canvas)
        yield canvas


def _paint_trees(
    canvas: Canvas, trees: dict[int, list[Segment]], hu: float, share: float
) -> None:
    for segment in _near(canvas, trees):
        paint_segment(canvas, segment, hu, share=share)


def _near(canvas: Canvas, trees: dict[int, list[Segment]]) -> list[Segment]:
    height = canvas.z - canvas.pose.shift[2]
    low = int((height - canvas.thickness / 2 - 1) // SHELF)
    high = int((height + canvas.thickness / 2 + 1) // SHELF)
    found = {id(s): s for shelf in range(low, high + 1) for s in trees.get(shelf, ())}
    return list(found.values())


def _paint_lungs(
    canvas: Canvas, chest: Chest, air: Field, clouds: Field, nodule: float
) -> None:
    tissue = canvas.hu
    x, y, z = canvas.x, canvas.y, canvas.zed
    canvas.hu = (LUNG + 0.35 * y + 9 * clouds).astype(np.float32)
    oblique = (z + 22 - 1.25 * y + 0.08 * np.abs(x) + 5 * clouds) * 0.62
    canvas.blend(cover(np.abs(oblique) - 0.4, 4.5), LUNG + 95)
    level = (z - 6 + 0.15 * y - 0.1 * x + 5 * clouds) * 0.95
    canvas.blend(cover(np.abs(level) - 0.4, 5.0) * (x < 0) * (y < 15), LUNG + 70)
    for segment in _near(canvas, chest.bronchi):
        paint_segment(canvas, segment, -120, grow=0.5 + 0.12 * segment.radius)
        paint_segment(canvas, segment, -985)
    _paint_trees(canvas, chest.vessels, VESSEL, 1.0)
    if nodule > 0:
        _paint_nodule(canvas, chest, nodule)
    canvas.hu = tissue + air * (canvas.hu - tissue)


def _paint_nodule(canvas: Canvas, chest: Chest, diameter: float) -> None:
    radius = diameter / 2
    cx, cy, cz = NODULE_CENTRE
    for (dx, dy, dz), length in chest.spicules:
        far = radius * length
        tip = (cx + dx * far, cy + dy * far, cz + dz * far)
        ray = Segment(NODULE_CENTRE, tip, 1.5, 0.35, 1)
        paint_segment(canvas, ray, 20)
    found = canvas.ellipsoid_share(NODULE_CENTRE, (radius * 1.5, radius * 1.5, radius * 1.5))
    if found is None:
        return
    where, _ = found
    x, y, z = np.broadcast_arrays(canvas.x[where], canvas.y[where], canvas.zed[where])
    rough = chest.clouds.at(x * 2, y * 2, z * 2)
    lobes = 0.05 * radius * rough
    across = np.hypot(x - cx, y - cy) - lobes
    chord: Field = np.sqrt(np.maximum(radius * radius - across * across, 0))
    above = z - cz
    fill = chord_share(above, chord, canvas.thickness)
    halo = cover(np.sqrt(across * across + above * above) - radius - 1.2, 3.0) * 0.18
    canvas.blend(halo, -300, where)
    canvas.blend(fill, NODULE + 5 * rough, where)
