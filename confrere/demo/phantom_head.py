# ruff: noqa: PLR2004 - the numbers are the anatomy: places and sizes in millimetres
"""The generated head: cavity, skull, scalp and face round the brain; one slice at a time."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from confrere.demo.phantom_brain import Brain, paint_brain
from confrere.demo.phantom_canvas import Canvas, Grid, Pose
from confrere.demo.phantom_face import paint_base, paint_face
from confrere.demo.phantom_field import (
    Field,
    Lattice,
    cone_distance,
    cover,
    doubled,
    ellipsoid_distance,
    lattice,
    slab_cover,
    union,
)

FAT, MUSCLE, SKIN = -95.0, 55.0, 25.0
GRID = Grid(rows=440, columns=380, pixel=0.48828125, top=16, left=66)


@dataclass(frozen=True, slots=True)
class Head:
    """A patient's head: the same for every study of this patient."""

    brain: Brain
    marrow: Lattice
    clouds: Lattice

    @classmethod
    def grown(cls, rng: np.random.Generator) -> "Head":
        """Draw a head."""
        brain = Brain.grown(rng)
        return cls(brain, lattice(rng, 3.4, width=0.5), lattice(rng, 17.0, size=32, width=0.6))


def head_slices(
    head: Head, pose: Pose, heights: tuple[float, ...], thickness: float, *, bleed: bool
) -> Iterator[Canvas]:
    """Paint the slices at these scanner heights, before noise and streaks."""
    for z in heights:
        canvas = Canvas(GRID, pose, z, thickness)
        faces = [_walls(pose, z + offset) for offset in (-thickness / 2, thickness / 2)]
        cavity, bone, skin = (
            (doubled(low), doubled(high)) for low, high in zip(*faces, strict=True)
        )
        centre = (faces[0][0] + faces[1][0]) / 2
        _paint_soft(canvas, head, skin, bone)
        _paint_skull(canvas, head, cavity, bone)
        paint_face(canvas, head.clouds)
        paint_base(canvas, head.marrow)
        inside = slab_cover(*cavity, GRID.pixel)
        paint_brain(canvas, head.brain, inside, centre, bleed=bleed)
        yield canvas


def _walls(pose: Pose, z: float) -> tuple[Field, Field, Field]:
    """Distances to the cavity, the skull's outside and the skin, at half resolution."""
    x, y, zed = (
        np.broadcast_to(a, (GRID.rows // 2, GRID.columns // 2))
        for a in GRID.patient_axes(pose, z, step=2)
    )
    side = np.abs(x)
    egg = x / (1 + 0.0011 * (y - 10))
    lift = (zed - 6) / 74
    lift = np.sign(lift) * np.abs(lift) ** 1.25 * 74
    vault = ellipsoid_distance(egg, y, lift, (0, 1, 0), (66.5, 84, 74))
    roof = np.exp(-(((side - 31) / 13) ** 2) - ((y + 54) / 20) ** 2)  # over each orbit
    floor = -20 - 5 * np.clip((-y - 20) / 40, 0, 1) + 9 * roof - zed
    vault = np.maximum(vault, floor)
    temporal = ellipsoid_distance(side, y, zed, (36, -13, -19), (25, 33, 24))
    behind = ellipsoid_distance(x, y, zed, (0, 40, -26), (56, 42, 38))
    middle = ellipsoid_distance(x, y, zed, (0, -6, -16), (17, 16, 8))
    canal = np.maximum(np.hypot(x, y - 33) - 13, zed + 45)
    cavity = union(union(vault, union(temporal, middle, 5), 6), union(behind, canal, 8), 6)
    cavity = np.maximum(cavity, -_ridges(side, y, zed))
    squama = np.exp(-(((side - 68) / 12) ** 2) - ((y + 8) / 30) ** 2)
    thick = 6.0 - 2.4 * squama + 2.5 * np.exp(-((x / 14) ** 2)) * np.clip(y / 60, 0, 1)
    thick = thick - 2.2 * np.clip((-zed - 12) / 14, 0, 1)
    bone = cavity - thick
    return cavity, bone, _skin(bone, x, y, zed)


def _ridges(side: Field, y: Field, z: Field) -> Field:
    """Distance to the petrous bones and the sphenoid's wings, which cut into the cavity."""
    petrous = cone_distance(side, y, z, (15, 2, -37), (62, 25, -35), radii=(6.0, 11.5))
    wing = cone_distance(side, y, z, (6, -14, -20), (50, -36, -19), radii=(2.6, 3.0))
    return union(petrous, wing, 2)


def _skin(bone: Field, x: Field, y: Field, z: Field) -> Field:
    scalp = bone - 5.5 - 2.0 * np.clip(-(z + 5) / 30, 0, 1)
    face = ellipsoid_distance(x, y, z, (0, -22, -58), (67, 74, 62))
    neck = ellipsoid_distance(x, y, z, (0, 22, -95), (64, 64, 75))
    nose = ellipsoid_distance(x, y, z, (0, -90, -62), (13, 20, 22))
    return union(union(scalp, face, 16), union(neck, nose, 4), 12)


def _paint_soft(
    canvas: Canvas, head: Head, skin: tuple[Field, Field], bone: tuple[Field, Field]
) -> None:
    pixel = canvas.grid.pixel
    canvas.blend(slab_cover(*skin, pixel), SKIN)
    x, y, z = canvas.x, canvas.y, canvas.zed
    below = slab_cover(skin[0] + 1.9, skin[1] + 1.9, pixel)
    half = tuple(
        np.broadcast_to(a[::2, ::2], (GRID.rows // 2, GRID.columns // 2)) for a in (x, y, z)
    )
    cloud = doubled(head.clouds.at(*half))
    canvas.blend(below, FAT + 7 * cloud)
    outside = (bone[0] + bone[1]) / 2
    galea = cover(np.abs(outside - 1.2) - 0.7, 1.2) * 0.5
    canvas.blend(below * galea, 35)
    temporalis = np.maximum(
        outside - 4.5 - 8 * np.clip((-z + 5) / 30, 0, 1), np.abs(y + 22) - 30
    )
    temporalis = np.maximum(temporalis, z - 28)
    low = np.clip((z + 40) / 8, 0, 1)
    temporalis = np.maximum(temporalis, 48 - 50 * low - np.abs(x))
    deep = np.maximum(skin[0], skin[1]) + 5
    nuchal = np.maximum(np.maximum(34 - 0.35 * np.abs(x) - y + 4 * cloud, z + 30), deep - 3)
    muscle = np.minimum(np.maximum(temporalis, deep - 2), nuchal)
    layers = np.sin(deep * 0.55 + 0.8 * cloud) - 0.93
    seams = np.maximum(layers * 4, 1.2 - np.abs(x))
    planes = 1 - 0.6 * cover(-seams, 0.8) * np.clip((y - 25) / 10, 0, 1)
    canvas.blend(below * cover(muscle, 1.5) * planes, MUSCLE + 2 * cloud)


def _paint_skull(
    canvas: Canvas, head: Head, cavity: tuple[Field, Field], bone: tuple[Field, Field]
) -> None:
    pixel = canvas.grid.pixel
    shell = slab_cover(*bone, pixel)
    canvas.blend(shell, 1180)
    rows, columns = GRID.rows // 2, GRID.columns // 2
    half = tuple(
        np.broadcast_to(a[::2, ::2], (rows, columns)) for a in (canvas.x, canvas.y, canvas.zed)
    )
    grain = doubled(head.marrow.at(*half))
    outer = slab_cover(bone[0] + 1.7, bone[1] + 1.7, pixel)
    inner = slab_cover(cavity[0] - 1.5, cavity[1] - 1.5, pixel)
    diploe = np.clip(outer - inner, 0, 1)
    canvas.blend(diploe, 520 + 130 * grain)
    y, z = canvas.y, canvas.zed
    coronal = np.abs(y + 22 - 0.25 * (z - 40) + 1.5 * grain) - 0.4
    lambdoid = np.abs(y - 58 + 0.55 * (z - 10) + 1.5 * grain) - 0.4
    suture = np.minimum(coronal, np.where(z < 60, lambdoid, 9))
    canvas.blend(shell * cover(np.where(z > -15, suture, 9), 1.0) * 0.6, 150)
