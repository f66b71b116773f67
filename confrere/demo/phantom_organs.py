# ruff: noqa: PLR2004 - the numbers are the anatomy: places and sizes in millimetres
"""Heart, great vessels, airways, gullet and the upper abdomen of the generated chest."""

import numpy as np

from confrere.demo.phantom_canvas import Canvas
from confrere.demo.phantom_field import Field, Point, cover

BLOOD, DENSE, MYOCARDIUM, WALL = 185.0, 265.0, 105.0, 45.0
LIVER, SPLEEN, FAT = 108.0, 122.0, -98.0
Chain = tuple[tuple[float, float, float, float], ...]

# (x, y, z, radius) along each vessel
AORTA: Chain = (
    (4, -16, -54, 15),
    (-10, -22, -34, 16.5),
    (-17, -25, -4, 16.5),
    (-14, -21, 16, 15.5),
    (-2, -9, 29, 14.5),
    (12, 8, 32, 13.5),
    (22, 26, 25, 13),
    (26, 39, 6, 12.8),
    (26, 43, -40, 12.3),
    (22, 41, -100, 11.8),
    (8, 34, -190, 11),
)
_ARTERIES: tuple[tuple[Chain, float], ...] = (
    (AORTA, BLOOD),
    (((-8, -14, 34, 6.5), (-16, -10, 60, 6.2), (-24, -6, 120, 5)), BLOOD),
    (((3, -4, 36, 4.4), (12, -4, 66, 4.2), (20, 0, 125, 3.9)), BLOOD),
    (((16, 12, 36, 5.6), (26, 12, 70, 5.2), (42, 4, 100, 4.6), (80, -10, 104, 4.2)), BLOOD),
    (
        ((10, -52, -62, 15), (18, -48, -34, 14), (20, -36, -12, 14), (20, -30, -4, 12)),
        BLOOD - 10,
    ),
    (
        ((18, -32, -9, 12), (4, -8, -12, 11), (-18, -3, -13, 10.5), (-38, 2, -18, 8.5)),
        BLOOD - 8,
    ),
    (((-38, 2, -18, 8), (-48, 8, -34, 6.0), (-52, 16, -56, 4.4)), BLOOD - 8),
    (((-36, 2, -14, 6.5), (-46, -4, 4, 4.5)), BLOOD - 8),
    (
        ((20, -32, -6, 12.5), (32, -8, 3, 11.5), (43, 14, -4, 9.5), (46, 22, -26, 6.5)),
        BLOOD - 8,
    ),
    (((-27, -19, 62, 8.5), (-26, -18, 20, 9.5), (-25, -17, -36, 10.5)), DENSE),
    (
        ((52, -34, 84, 6.5), (26, -40, 62, 7.0), (-6, -36, 50, 7.2), (-26, -20, 42, 7.5)),
        DENSE - 20,
    ),
    (((-50, -30, 92, 6.5), (-28, -20, 64, 8)), DENSE - 60),
    (((-22, 4, -84, 12), (-22, 8, -120, 13), (-20, 12, -190, 12)), BLOOD - 45),
    (
        ((-7, 33, -190, 3.4), (-7, 33, 4, 4.2), (-10, 30, 14, 4.4), (-25, 0, 14, 4.4)),
        BLOOD - 35,
    ),
    (((-10, 8, -46, 8), (-30, 8, -48, 6.5), (-42, 2, -50, 4.5)), BLOOD),
    (((-10, 6, -38, 8), (-32, -4, -32, 6.0), (-44, -12, -22, 4.2)), BLOOD),
    (((16, 10, -46, 8), (34, 16, -48, 6.2), (44, 22, -54, 4.2)), BLOOD),
    (((16, 6, -38, 8), (34, 0, -30, 6.0), (44, -8, -20, 4.2)), BLOOD),
)
_AIRWAYS: tuple[Chain, ...] = (
    ((0, -4, 150, 9), (0, 2, 60, 9), (0, 9, 6, 9)),
    ((0, 9, 4, 8.6), (-14, 11, -9, 7.4), (-27, 12, -22, 6.6), (-38, 13, -44, 5)),
    ((-38, 13, -44, 4.6), (-48, 20, -74, 3)),
    ((-17, 11, -10, 5.4), (-34, 9, -4, 4.6), (-48, 4, 4, 3.4)),
    ((-37, 12, -42, 3.6), (-50, -12, -56, 2.6)),
    ((0, 9, 4, 8.2), (20, 13, -14, 6.4), (37, 17, -29, 5.6), (46, 20, -40, 4.4)),
    ((37, 17, -29, 4.2), (46, 2, -22, 3.2), (54, -12, -6, 2.6)),
    ((46, 20, -40, 4.0), (56, 28, -72, 2.8)),
)


def paint_mediastinum(canvas: Canvas, between: Field, inner: Field) -> None:
    """Fat, thymus bed and nodes, heart, vessels and gullet."""
    between = np.maximum(between, inner)
    canvas.blend(cover(between, 1.0) * cover(-116 - canvas.zed, 12.0), FAT)
    for chain, _ in _ARTERIES:
        canvas.path(tuple((x, y, z, r + 0.9) for x, y, z, r in chain), WALL)
    _paint_heart(canvas, between)
    for chain, hu in _ARTERIES:
        canvas.path(chain, hu)
    for calcium in ((-4, -24, 31), (13, 21, 24), (38, 45, -20), (34, 45, -70)):
        canvas.ellipsoid(calcium, (2.5, 1.4, 3), 700, yaw=30)
    canvas.path(
        (
            (2, 22, 150, 7),
            (4, 25, 20, 7),
            (8, 27, -40, 7.5),
            (16, 24, -110, 8),
            (28, 6, -140, 9),
        ),
        42,
    )
    canvas.ellipsoid((4, 25, 30), (2.6, 1.6, 16), -600)
    for node in (
        (-14, -4, 24),
        (-12, 2, 10),
        (12, 4, -2),
        (2, 16, -22),
        (-22, -30, 40),
        (18, -24, 34),
    ):
        canvas.ellipsoid(node, (4.2, 3.0, 4.5), 55, share=0.9)
    for sign in (1.0, -1.0):
        canvas.ellipsoid((sign * 17, -8, 122), (9, 12, 24), 130)
        canvas.cone((sign * 24, -30, 104), (sign * 12, -48, 70), (6, 4), 55)
    canvas.ellipsoid((2, -52, 30), (14, 5, 26), -35, share=0.5)


def _paint_heart(canvas: Canvas, between: Field) -> None:
    if not -135 < canvas.z < -10:
        return
    y, z = canvas.y, canvas.zed
    rise = 0.8 * (z + 82)
    sac = np.maximum(between + 5.5, np.maximum(y - 24, np.abs(z + 70) - 46))
    sac = np.maximum(sac, np.where(z < -95, (-95 - z) * 0.55 + between + 8, sac))
    flesh = cover(np.maximum(sac, rise * 0 + np.where(y > 12, z * -1 - 92, -9)), 2.0)
    canvas.blend(cover(np.abs(between + 4.2) - 0.8, 1.2) * (z < -28) * (y < 20), 30)
    canvas.blend(flesh * np.clip((-22 - z) / 10, 0, 1), MYOCARDIUM)
    groove: tuple[tuple[Point, Point, float], ...] = (
        ((-8, -52, -62), (6, 9, 24), 40),
        ((48, -54, -66), (9, 6, 24), -40),
        ((30, 6, -64), (12, 5, 10), -25),
    )
    for centre, radii, yaw in groove:
        canvas.ellipsoid(centre, radii, -80, yaw=yaw, share=0.8)
    chambers: tuple[tuple[Point, Point, float, float], ...] = (
        ((-25, -25, -64), (24, 26, 36), BLOOD - 12, 8),
        ((12, -50, -78), (35, 14, 30), BLOOD - 12, -27),
        ((2, 4, -52), (31, 16, 25), BLOOD, 0),
        ((40, -15, -76), (32, 17, 26), BLOOD, -41),
    )
    for centre, radii, hu, yaw in chambers:
        canvas.ellipsoid(centre, radii, hu, yaw=yaw)
    for muscle in ((46, -8, -80), (54, -30, -78)):
        canvas.ellipsoid(muscle, (4, 3, 9), MYOCARDIUM)
    canvas.path(((12, -36, -36, 2.2), (36, -48, -48, 2.0), (52, -50, -66, 1.6)), BLOOD)
    canvas.path(((-12, -44, -40, 2.2), (-16, -58, -58, 2.0)), BLOOD)
    canvas.ellipsoid((26, -43, -42), (3.0, 1.5, 1.8), 620, yaw=30)


def paint_airways(canvas: Canvas) -> None:
    """Windpipe and main bronchi, painted last: their air borders on everything else."""
    for chain in _AIRWAYS:
        canvas.path(tuple((x, y, z, r + 1.3) for x, y, z, r in chain), 20)
    for chain in _AIRWAYS:
        canvas.path(chain, -1000)


def paint_abdomen(canvas: Canvas, inner: Field, under: Field, clouds: Field) -> None:
    """Liver, stomach and spleen below the domes. `under` is the height above the diaphragm."""
    if float(under.min()) > 5:
        return
    x, y, z = canvas.x, canvas.y, canvas.zed
    below = cover(np.maximum(under * 0.75, inner + 1.0), 2.5)
    canvas.blend(below, 55)
    room = np.maximum(under * 0.75 + 2.5, inner + 3.5)
    canvas.blend(cover(room, 1.5), -98 + 5 * clouds)
    midline = (x - 54 + 0.66 * (y + 75) - 0.8 * clouds - 0.3 * np.minimum(z + 110, 0)) * 0.8
    spine = 52 - np.hypot(x * 0.9, y - 74)
    liver = np.maximum(np.maximum(room, midline), spine)
    canvas.blend(cover(liver, 2.0), LIVER + 1.5 * clouds)
    spleen = np.hypot((x - 98) / 27, (y - 40) / 38) + ((z + 152) / 54) ** 2 - 1
    notch = 14 - np.hypot(x - 62, (y - 30) * 0.8)
    spleen = np.maximum(np.maximum(spleen * 28, room), notch)
    canvas.blend(cover(spleen, 2.0), SPLEEN + 1.5 * clouds)
    stomach = np.hypot((x - 66) / 44, (y + 18) / 44) + ((z + 152) / 52) ** 2 - 1
    stomach = np.maximum(stomach * 34, room)
    stomach = np.maximum(stomach, 3 - spleen)
    stomach = np.maximum(stomach, 3 - liver)
    canvas.blend(cover(stomach, 1.6), 72)
    content = cover(stomach + 4.0, 1.6)
    canvas.blend(content, 22 + 5 * clouds)
    canvas.blend(content * cover(y + 26, 1.0), -990)
    for sign in (1.0, -1.0):
        canvas.path(((sign * 7, 26, -112, 4), (sign * 10, 30, -190, 6)), 58)
