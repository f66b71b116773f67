# ruff: noqa: PLR2004 - the numbers are the anatomy: places and sizes in millimetres
"""The chest wall: skin, fat, muscles, ribs, breastbone, shoulder girdle and spine."""

import numpy as np

from confrere.demo.phantom_canvas import Canvas
from confrere.demo.phantom_field import Field, Lattice, Point, chord_share, cover
from confrere.demo.phantom_thorax import FIRST_RIB, RIB_SPACING, rib_drop

FAT, MUSCLE, SKIN = -100.0, 58.0, 20.0
CORTEX, MARROW, CARTILAGE = 820.0, 230.0, 110.0
# radians round the chest at which the bony part of ribs 1 to 12 ends, then its cartilage
_BONE_ENDS = np.array([2.5, 2.6, 2.62, 2.6, 2.55, 2.5, 2.42, 2.3, 2.15, 2.0, 1.5, 1.1])
_GRISTLE_ENDS = np.array([3.1, 3.1, 3.1, 3.1, 3.1, 3.1, 3.1, 2.75, 2.55, 2.35, 1.5, 1.1])


def paint_wall(canvas: Canvas, out: Field, depth: Field, angle: Field, clouds: Field) -> None:
    """Paint from the skin to the ribs.

    `out` is the distance outside the ribcage's lining, `depth` that from the skin, `angle`
    the place round the chest.
    """
    canvas.blend(cover(depth, canvas.grid.pixel), SKIN)
    canvas.blend(cover(depth + 2.2, 1.0), FAT + 7 * clouds)
    z = canvas.zed
    behind, side = np.abs(canvas.x), np.abs(canvas.x)
    high = np.clip((z + 30) / 60, 0, 1)
    pectoral = np.sqrt(np.clip(1 - ((angle - 2.3) / 0.65) ** 2, 0, 1))
    bands = (
        _band(out, 2.0, 9.5),
        np.maximum(_band(out, 13, 13 + 16 * high * pectoral), np.abs(angle - 2.3) * 60 - 40),
        np.maximum(_band(out, 12, 18), np.abs(angle - 1.35) * 60 - 32),
        np.maximum(_band(out, 22, 27), np.maximum(angle - 0.8, 0.05 - angle) * 60 - 4 * high),
        np.hypot((behind - 25) / 21, (canvas.y - 92) / 13) * 13 - 13,
    )
    thick = np.clip((z - 38) * 0.95, -4, 70)
    shoulders = np.maximum(depth + 13 + 0.5 * clouds, -13 - thick - depth)
    armpit = 22 - np.hypot((behind - 104) * 0.8, canvas.y - 8) - np.maximum(z - 84, 0) * 0.9
    muscle = np.minimum(bands[0], np.maximum(shoulders, np.maximum(armpit, 14 - out)))
    for band in bands[1:]:
        muscle = np.minimum(muscle, band)
    inside = cover(depth + 6, 2.0)
    layers = np.sin(out * 0.24 + 1.3 * clouds + angle * 1.5)
    strands = 1 - 0.45 * cover(0.975 - layers, 0.05) * (out > 12)
    canvas.blend(inside * cover(muscle, 1.6) * strands, MUSCLE + 2 * clouds)
    _paint_ribs(canvas, out, angle)
    _paint_sternum(canvas, out, side)


def _band(out: Field, low: float | Field, high: float | Field) -> Field:
    distance: Field = np.maximum(low - out, out - high)
    return distance


def _paint_ribs(canvas: Canvas, out: Field, angle: Field) -> None:
    near = (out > -1) & (out < 12) & (angle > 0.36)
    rows, columns = np.nonzero(near)
    if rows.size == 0:
        return
    s, a = out[near][None], angle[near][None]
    z = np.broadcast_to(canvas.zed, out.shape)[near][None] + rib_drop(a)
    number = np.rint((FIRST_RIB - z) / RIB_SPACING)
    dz = z - (FIRST_RIB - RIB_SPACING * number)
    index = np.clip(number, 0, 11).astype(np.int32)
    exists = (number >= 0) & (number <= 11)
    bone = exists * np.clip((_BONE_ENDS[index] - a) * 30, 0, 1)
    gristle: Field = exists * np.clip((_GRISTLE_ENDS[index] - a) * 30, 0, 1) - bone
    size = np.abs(s - 6.0) / 3.9
    whole = chord_share(dz, 6.0 * np.sqrt(np.maximum(1 - size**2, 0)), canvas.thickness)
    inner = size * 3.9 / 2.5
    core = chord_share(dz, 4.4 * np.sqrt(np.maximum(1 - inner**2, 0)), canvas.thickness)
    hu = canvas.hu[rows, columns][None]
    hu = hu + whole * gristle * (CARTILAGE - hu)
    hu = hu + whole * bone * (CORTEX - hu)
    hu = hu + core * bone * (MARROW - hu)
    canvas.hu[rows, columns] = hu[0]


def _paint_sternum(canvas: Canvas, out: Field, side: Field) -> None:
    z = canvas.zed
    wide = 14 + 11 * np.clip((z - 18) / 18, 0, 1) - 6 * np.clip((-60 - z) / 25, 0, 1)
    front = (canvas.y < 0) & (z > -92) & (z < 62)
    size = np.hypot(side / wide, (out - 7.5) / 5.5)
    gap = np.clip(np.abs(z - 18) / 3, 0.3, 1)
    canvas.blend(cover((size - 1) * 5.5, 1.2) * front * gap, CORTEX - 120)
    canvas.blend(cover((size - 0.72) * 5.5, 1.2) * front * gap, 160)


def paint_girdle(canvas: Canvas) -> None:
    """Shoulder blades, collar bones and upper arms, with the muscles that clothe them."""
    if canvas.z < -70:
        return
    for sign in (1.0, -1.0):
        _paint_blade(canvas, sign)
        for size, hu in ((0.0, CORTEX), (-2.2, MARROW)):
            canvas.path(
                (
                    (sign * 17, -60, 64, 8 + size),
                    (sign * 55, -66, 78, 6.0 + size),
                    (sign * 95, -48, 92, 5.4 + size),
                    (sign * 132, -10, 104, 6.0 + size),
                ),
                hu,
            )
            ball = (sign * 137.0, 18.0, 112.0)
            canvas.ellipsoid(ball, (22 + size, 22 + size, 24 + size), hu)


def _paint_blade(canvas: Canvas, sign: float) -> None:
    z = canvas.zed
    inner: Point = (sign * 76.0, 92.0, canvas.z)
    window = canvas.window((sign * 105.0, 62.0, canvas.z), 62)
    if window is None:
        return
    x, y = canvas.x[window] * sign, canvas.y[window]
    tall = np.clip((z[window] + 52) / 75, 0, 1)
    bx, by = 104 + 26 * tall - abs(inner[0]), 66 - 26 * tall - inner[1] + 4
    px, py = x - abs(inner[0]), y - inner[1] + 4
    along = np.clip((px * bx + py * by) / (bx * bx + by * by), 0, 1)
    far = np.hypot(px - along * bx, py - along * by)
    end = np.maximum(-50 - z[window], z[window] - 98)
    belly = 3.5 + 11.5 * np.sin(np.pi * np.clip(along * 0.86 + 0.1, 0, 1)) * (
        0.35 + 0.65 * tall
    )
    flesh = np.maximum(far - belly, end)
    canvas.blend(cover(flesh, 2.0), MUSCLE, window)
    rim = 1.5 + 3.0 * np.clip(along * 4 - 3, 0, 1) + 1.5 * np.clip(0.15 - along, 0, 1) * 6
    canvas.blend(cover(np.maximum(far - rim, end), 1.2), CORTEX - 160, window)
    canvas.blend(cover(np.maximum(far - rim + 1.6, end), 1.2), MARROW, window)
    canvas.cone((sign * 90, 90, 58), (sign * 128, 66, 86), (3.2, 4.5), CORTEX - 200, tall=2.0)


def paint_spine(canvas: Canvas, grain: Lattice) -> None:
    """Vertebrae, discs, cord and the necks of the ribs."""
    box = canvas.window((0, 58, canvas.z), 32)
    if box is None:
        return
    x, y, z = np.broadcast_arrays(canvas.x[box], canvas.y[box], canvas.zed[box])
    level = np.rint((FIRST_RIB - 8 - z) / RIB_SPACING)
    dz = z - (FIRST_RIB - 8 - RIB_SPACING * level)
    waist = 1.6 * (1 - np.minimum(np.abs(dz) / 9, 1) ** 2)
    back = 5.5 * np.exp(-((x / 9) ** 2)) * (y > 50)
    radius = np.hypot(x / 17.5, (y - 49) / 15.0)
    body = (radius - 1) * 16 + waist + back
    half = canvas.thickness / 2
    plate = np.clip((np.abs(dz) + half - 9.6) / (2 * half), 0, 1)
    texture = 13 * grain.at(x, y, z)
    canvas.blend(cover(body, 1.1), 480 - 300 * plate, box)
    canvas.blend(cover(body + 1.4, 1.1), 185 + texture + (90 - 185 - texture) * plate, box)
    for n in range(int(level.min()) - 1, int(level.max()) + 2):
        _paint_arch(canvas, FIRST_RIB - 8 - RIB_SPACING * n)
    canvas.ellipsoid((0, 71, canvas.z), (9.5, 8.5, 60), -40)
    canvas.ellipsoid((0, 70.5, canvas.z), (8.6, 7.6, 60), 14)
    canvas.ellipsoid((0, 70.5, canvas.z), (4.6, 3.8, 60), 38)


def _paint_arch(canvas: Canvas, z: float) -> None:
    if abs(canvas.z - z) > 45:
        return
    for size, hu in ((0.0, 700.0), (-1.5, 300.0)):
        for sign in (1.0, -1.0):
            canvas.cone(
                (sign * 11, 58, z + 3),
                (sign * 13, 72, z + 3),
                (4 + size, 4.2 + size),
                hu,
                tall=1.5,
            )
            canvas.cone(
                (sign * 12, 74, z + 2), (0, 84, z - 3), (3.4 + size, 3.6 + size), hu, tall=2.2
            )
            canvas.cone(
                (sign * 13, 74, z + 4), (sign * 33, 83, z + 6), (4 + size, 4.6 + size), hu
            )
            canvas.cone(
                (sign * 19, 57, z + 10), (sign * 38, 87, z + 7), (4.4 + size, 4.0 + size), hu
            )
        canvas.cone((0, 84, z - 3), (0, 96, z - 19), (3.6 + size, 3.8 + size), hu, tall=1.5)
