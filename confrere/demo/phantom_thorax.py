"""The generated chest's shapes: skin, ribcage, lungs, mediastinum and diaphragm.

The origin lies at the carina. Tables give sizes by height, in millimetres, and are linear
between their rows.
"""

import numpy as np
from numpy.typing import ArrayLike

from confrere.demo.phantom_field import Field, union

# height: half width, half depth, y of the middle
_SKIN = (
    (-190, 157, 110, 2),
    (-120, 160, 113, 2),
    (-60, 165, 114, 1),
    (0, 170, 111, 0),
    (50, 180, 104, 2),
    (85, 184, 93, 8),
    (105, 172, 84, 20),
    (130, 140, 78, 26),
)
_CAVITY = (
    (-190, 130, 84, 8),
    (-120, 136, 90, 4),
    (-80, 137, 92, 2),
    (-40, 134, 90, 0),
    (0, 127, 85, 0),
    (30, 118, 77, 3),
    (60, 102, 66, 8),
    (85, 80, 52, 14),
    (100, 58, 38, 20),
    (110, 38, 24, 24),
    (118, 14, 9, 26),
)
# height: x and y of the middle, half width, half depth
_MIDDLE = (
    (-190, 4, 40, 6, 6),
    (-132, 10, 20, 8, 8),
    (-118, 26, -26, 34, 28),
    (-108, 27, -28, 50, 40),
    (-95, 26, -28, 60, 47),
    (-65, 21, -26, 65, 51),
    (-35, 12, -22, 55, 53),
    (-10, 5, -15, 45, 54),
    (15, 4, -12, 36, 52),
    (45, 2, -6, 31, 47),
    (80, 0, 2, 32, 40),
    (120, 0, 8, 44, 34),
)
RIB_SPACING, FIRST_RIB = 24.0, 112.0


def _by_height(table: tuple[tuple[float, ...], ...], z: ArrayLike) -> list[Field]:
    heights, *columns = np.array(table, np.float64).T
    level = np.asarray(z)
    if level.min() == level.max():  # nothing tilts the chest: one look-up serves the slice
        level = level.ravel()[:1]
    return [np.interp(level, heights, c).astype(np.float32) for c in columns]


def _oval(x: Field, y: Field, wide: Field, deep: Field, *, boxy: bool = True) -> Field:
    """Distance to an ellipse along the ray from its middle; `boxy` squares its corners."""
    u, v = np.abs(x / wide), np.abs(y / deep)
    if boxy:  # a superellipse of power 2.5, without a slow power per term
        size = (u * u * np.sqrt(u) + v * v * np.sqrt(v) + np.float32(1e-6)) ** np.float32(0.4)
    else:
        size = np.sqrt(u * u + v * v + np.float32(1e-6))
    distance: Field = np.sqrt(x * x + y * y) * (1 - 1 / size)
    return distance


def skin(x: Field, y: Field, z: Field) -> Field:
    """Distance to the skin."""
    wide, deep, middle = _by_height(_SKIN, z)
    hollow = 5 * np.exp(-((x / 22) ** 2)) * (y > 0)
    distance: Field = _oval(x, y - middle, wide, deep) + hollow
    return distance


def cavity(x: Field, y: Field, z: Field) -> Field:
    """Distance to the inside of the ribcage."""
    wide, deep, middle = _by_height(_CAVITY, z)
    return _oval(x, y - middle, wide, deep)


def mediastinum(x: Field, y: Field, z: Field) -> Field:
    """Distance to what lies between the lungs: spine, heart, great vessels and their fat."""
    cx, cy, wide, deep = _by_height(_MIDDLE, z)
    heart = _oval(x - cx - (y - cy) * -0.22, y - cy, wide, deep, boxy=False)
    spine = _oval(
        x, y - 66, np.array([31.0], np.float32), np.array([38.0], np.float32), boxy=False
    )
    front = np.maximum(np.abs(x - 3) - 3.5, y + 20)
    aorta = np.hypot(x - 25, y - 43) - 15.0 + np.maximum(z - 18, 0) * 0.8
    gullet = np.hypot(x - 4, y - 28) - 20
    return union(union(union(heart, spine, 8), union(front, gullet, 10), 10), aorta, 5)


def diaphragm(x: Field, y: Field) -> Field:
    """Height of the diaphragm over each point: two domes and the heart's bed between."""
    right = -84 - 62 * (((x + 70) / 92) ** 2 + ((y + 12) / 104) ** 2)
    left = -96 - 62 * (((x - 72) / 88) ** 2 + ((y + 8) / 100) ** 2)
    height: Field = -union(-right, -left, 30)
    return height


def lungs(x: Field, y: Field, z: Field) -> Field:
    """Distance to the lungs' surface."""
    wall = np.maximum(cavity(x, y, z), -mediastinum(x, y, z))
    distance: Field = np.maximum(wall, (diaphragm(x, y) - z) * np.float32(0.8))
    return distance


def rib_angle(x: Field, y: Field, z: Field) -> Field:
    """Where round the chest: 0 at the spine, pi at the breastbone."""
    _, _, middle = _by_height(_CAVITY, z)
    angle: Field = np.arctan2(np.abs(x), y - middle)
    return angle


def rib_drop(angle: Field) -> Field:
    """How far a rib has sunk below its head; the cartilage climbs again."""
    drop: Field = 44 * np.minimum(angle, 2.45) - 50 * np.clip(angle - 2.45, 0, 1)
    return drop
