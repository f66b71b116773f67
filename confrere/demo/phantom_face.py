# ruff: noqa: PLR2004 - the numbers are the anatomy: places and sizes in millimetres
"""Face, orbits, sinuses and the skull's base below the brain."""

import numpy as np

from confrere.demo.phantom_canvas import Canvas
from confrere.demo.phantom_field import Lattice, Point, cover

BONE, MUSCLE, AIR, FAT = 1050.0, 55.0, -1000.0, -95.0

# Bones of one side: start, end, radii, stretch along z
_STRUTS: tuple[tuple[Point, Point, tuple[float, float]], ...] = (
    ((54, -60, -36), (47, -67, -48), (4.0, 5.0)),  # zygoma
    ((50, -64, -49), (64, -36, -47), (3.2, 2.4)),  # zygomatic arch
    ((64, -36, -47), (66, -10, -44), (2.4, 3.0)),
    ((22, -80, -22), (50, -64, -25), (3.2, 4.0)),  # brow
    ((50, -62, -26), (54, -60, -38), (3.6, 3.4)),
    ((36, -44, -30), (52, -60, -32), (1.5, 2.2)),  # lateral orbital wall
    ((36, -44, -40), (52, -60, -42), (1.4, 2.0)),
    ((53, -8, -52), (52, -14, -78), (5.0, 3.6)),  # condyle and ramus
    ((22, -20, -48), (24, -22, -74), (1.6, 1.2)),  # pterygoid plates
    ((15, -20, -48), (13, -23, -74), (1.5, 1.1)),
    ((56, 20, -32), (54, 24, -58), (9.0, 5.0)),  # mastoid
    ((4, -88, -34), (5.5, -98, -46), (2.0, 1.6)),  # nasal bone
)


def paint_face(canvas: Canvas, clouds: Lattice) -> None:
    """Orbits, muscles of chewing, facial bones and sinuses."""
    if canvas.z > 12:
        return
    for sign in (1.0, -1.0):
        _paint_chewing(canvas, sign)
        for (ax, ay, az), (bx, by, bz), radii in _STRUTS:
            canvas.cone((sign * ax, ay, az), (sign * bx, by, bz), radii, BONE, tall=1.6)
        _paint_maxilla(canvas, sign)
        _paint_orbit(canvas, sign)
    _paint_nose(canvas, clouds)
    _paint_frontal_sinus(canvas)


def _paint_chewing(canvas: Canvas, sign: float) -> None:
    canvas.ellipsoid((sign * 58, -24, -66), (5, 16, 24), MUSCLE, yaw=-sign * 12)
    canvas.ellipsoid((sign * 38, -20, -60), (7, 14, 15), MUSCLE, yaw=sign * 28)
    canvas.ellipsoid((sign * 26, -10, -72), (6, 12, 16), MUSCLE, yaw=sign * 20)
    canvas.ellipsoid((sign * 60, -2, -66), (9, 9, 18), 28)  # parotid
    canvas.ellipsoid((sign * 12, 6, -76), (11, 6, 20), MUSCLE)  # longus
    canvas.ellipsoid((sign * 40, 16, -76), (8, 5, 18), MUSCLE, yaw=sign * 30)  # digastric
    canvas.ellipsoid((sign * 46, -52, -72), (4, 8, 16), MUSCLE - 20, yaw=-sign * 30)
    canvas.ellipsoid((sign * 12, -86, -80), (14, 4, 12), MUSCLE - 15)
    canvas.ellipsoid((0, -8, -78), (16, 8, 16), MUSCLE - 5)
    canvas.ellipsoid((0, -12, -80), (12, 6, 17), AIR)  # nasopharynx
    canvas.ellipsoid((sign * 74, 12, -40), (3.0, 15, 20), -5, yaw=-sign * 14)  # pinna
    canvas.cone((sign * 75, 3, -38), (sign * 54, 5, -36), (3.4, 3.0), AIR)


def _paint_orbit(canvas: Canvas, sign: float) -> None:
    cone = ((30.5, -63.0, -35.0), (22.0, -32.0, -31.0))
    (ax, ay, az), (bx, by, bz) = cone
    canvas.cone((sign * ax, ay, az), (sign * bx, by, bz), (18.6, 5.5), 900)
    canvas.cone((sign * (ax + 0.5), ay - 3, az), (sign * bx, by, bz), (17.4, 4.2), FAT)
    eye = (sign * 31.0, -68.0, -35.0)
    for dx, dz in ((13.0, 0.0), (-12.5, 0.0), (0.0, 12.0), (0.0, -12.0)):
        belly = (eye[0] + sign * dx * 0.85, -55.0, eye[2] + dz * 0.85)
        canvas.cone((eye[0] + sign * dx, -66.0, eye[2] + dz), belly, (1.0, 2.3), 50, tall=1.3)
        canvas.cone(belly, (sign * 21.5, -34.0, -31.5), (2.3, 1.2), 50, tall=1.3)
    canvas.path(
        (
            (eye[0], -56.5, eye[2], 2.0),
            (sign * 27.5, -46.0, -33.0, 2.1),
            (sign * 21, -33.0, -30.0, 2.1),
        ),
        34,
    )
    canvas.ellipsoid(eye, (12.3, 12.3, 12.3), 48)
    canvas.ellipsoid(eye, (11.3, 11.3, 11.3), 9)
    canvas.ellipsoid((eye[0], eye[1] - 8.2, eye[2]), (4.6, 2.2, 4.6), 82)
    canvas.ellipsoid((eye[0] + sign * 14, -70, -27), (4, 6, 6), 38, yaw=sign * 30)  # lacrimal
    canvas.ellipsoid((eye[0] - sign, -81.5, eye[2]), (13, 2.4, 12), 25, yaw=sign * 9)  # lids


def _paint_maxilla(canvas: Canvas, sign: float) -> None:
    for grow, hu in ((0.0, 900.0), (-1.3, AIR)):
        canvas.ellipsoid(
            (sign * 29, -60, -68), (17 + grow, 17 + grow, 18.5 + grow), hu, yaw=sign * 30
        )
        canvas.ellipsoid(
            (sign * 25, -50, -66), (11 + grow, 17 + grow, 18 + grow), hu, yaw=sign * 12
        )


def _paint_nose(canvas: Canvas, clouds: Lattice) -> None:
    box = canvas.window((0, -58, -45), 40)
    if box is None or canvas.z < -90 or canvas.z > -18:
        return
    x, y, z = np.broadcast_arrays(canvas.x[box], canvas.y[box], canvas.zed[box])
    side = np.abs(x)
    flare = 8.0 + 4.5 * np.clip((-44 - z) / 12, 0, 1) + 2.5 * np.clip((y + 80) / 30, 0, 1)
    flat = np.maximum(np.abs(z + 57) - 30, 0)
    across, along = side - flare + 5, np.abs(y + 54) - 26
    block = np.hypot(np.maximum(across, 0), np.maximum(along, 0)) - 5 + flat
    block = np.maximum(block, np.maximum(across, along) - 5)
    canvas.blend(cover(block, 1.2), 420, box)
    air = cover(block + 1.1, 1.0)
    canvas.blend(air, AIR, box)
    septum = np.abs(x - 0.8 * np.sin(y / 9)) - 0.7
    low = np.clip((-44 - z) / 8, 0, 1)
    cells = np.abs(np.sin(y * np.pi / 10.5 + 0.6 * np.sign(x))) * 3.3 - 0.35
    between = np.abs(side - 5.4 - 0.7 * np.sin(y / 5)) - 0.35
    walls = np.minimum(cells, between)
    canvas.blend(air * cover(walls, 1.0) * (1 - low) * 0.75, 180, box)
    turbinate = np.hypot((side - 8.5) * 1.25, (y + 56) * 0.19 + 0.8 * clouds.at(x, y, z)) - 4.2
    canvas.blend(air * cover(turbinate, 1.2) * low, 42, box)
    canvas.blend(air * cover(septum, 1.0), 160, box)


def _paint_frontal_sinus(canvas: Canvas) -> None:
    for sign in (1, -1):
        canvas.ellipsoid((sign * 10, -83.0, -13), (11, 4.6, 11), BONE, yaw=sign * 14)
        canvas.ellipsoid((sign * 10.5, -83.0, -14), (9.5, 3.4, 9.5), AIR, yaw=sign * 14)
    canvas.ellipsoid((0, -83, -10), (1.0, 7, 16), BONE)


def paint_base(canvas: Canvas, grain: Lattice) -> None:
    """Petrous bones with inner ears and air cells, sphenoid, clivus and the first vertebra."""
    if canvas.z > 12:
        return
    canvas.ellipsoid((0, -16, -38), (19, 19, 12), 900)
    canvas.cone((0, -1, -28), (0, 19, -62), (8.5, 5.5), 620)
    canvas.ellipsoid((9.5, -18, -38), (8.3, 14, 9.5), AIR)
    canvas.ellipsoid((-8.5, -18, -38), (7.8, 15, 9.5), AIR)
    canvas.ellipsoid((0, -5.5, -25.5), (8, 6, 5), 42)  # pituitary
    canvas.ellipsoid((0, 3.5, -22), (9, 1.8, 5.5), BONE)  # dorsum sellae
    for sign in (1.0, -1.0):
        canvas.cone((sign * 7.5, -15, -21), (sign * 36, -34, -22), (2.5, 1.6), BONE)
        _paint_petrous(canvas, sign, grain)
        canvas.ellipsoid((sign * 19, 32, -68), (8, 12, 7), 900, yaw=sign * 25)  # condyles
        canvas.ellipsoid((sign * 19, 32, -68), (6, 9.5, 5), 420, yaw=sign * 25)
        canvas.ellipsoid((sign * 24, 8, -58), (4.5, 5, 14), 48)  # jugular
        canvas.ellipsoid((sign * 22, 0, -60), (3, 3, 16), 46)  # carotid


def _paint_petrous(canvas: Canvas, sign: float, grain: Lattice) -> None:
    canvas.cone((sign * 17, 3, -37), (sign * 44, 17, -35), (6.5, 9.5), 1450)
    canvas.cone((sign * 44, 17, -35), (sign * 62, 22, -36), (9.5, 12.0), 1000)
    canvas.cone((sign * 18, 17, -33.5), (sign * 33, 15, -33.5), (3.2, 2.4), 14)  # ear canal
    canvas.ellipsoid((sign * 37, 8, -35), (2.0, 2.0, 2.2), 60)  # cochlea
    canvas.ellipsoid((sign * 41, 16, -34), (2.2, 3.0, 2.5), 60)  # vestibule
    canvas.cone((sign * 17, -2, -39), (sign * 27, 0, -42), (3.0, 3.0), 50)  # carotid canal
    canvas.ellipsoid((sign * 47, 6, -36), (3.2, 6.0, 6.5), AIR, yaw=-sign * 35)  # middle ear
    canvas.ellipsoid((sign * 47.2, 4.5, -35), (1.2, 1.5, 1.8), 700)  # ossicles
    found = canvas.ellipsoid_share((sign * 54, 24, -40), (9.5, 12, 17))
    if found:
        where, share = found
        x, y, z = np.broadcast_arrays(canvas.x[where], canvas.y[where], canvas.zed[where])
        cells = cover(0.1 - grain.at(x * 0.85, y * 0.85, z), 1.4)
        canvas.blend(share * cells, -820, where)
