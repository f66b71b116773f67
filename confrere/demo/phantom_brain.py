# ruff: noqa: PLR2004 - the numbers are the anatomy: places and sizes in millimetres
"""The generated brain: cortical ribbon, deep nuclei, ventricles, cisterns, and the bleed.

Hounsfield units are those of a non-contrast head CT at 120 kV: grey 37, white 29, CSF 8,
clotted blood 62, oedema 20. The origin lies between the thalami at the level of the
foramina of Monro.
"""

from dataclasses import dataclass

import numpy as np

from confrere.demo.phantom_canvas import Canvas
from confrere.demo.phantom_field import Field, Lattice, Point, cover, doubled, lattice

GREY, WHITE, CSF, BLOOD, OEDEMA, DURA = 37.5, 28.5, 8.0, 63.0, 19.0, 52.0
BLEED_CENTRE: Point = (22.0, 4.0, 8.0)
BLEED_RADII: Point = (12.5, 19.0, 15.0)
BODY_OF_LEFT_VENTRICLE: Point = (11.5, 12.0, 24.5)
LEFT_CENTRUM_SEMIOVALE: Point = (30.0, -8.0, 40.0)

# (x, y, z, radius) along the left lateral ventricle, from the frontal to the temporal tip
_LATERAL = (
    ((14.5, -37, 7, 2.0), (11.0, -31, 9, 3.0), (6.0, -21, 11, 3.2), (4.5, -10, 15, 3.2)),
    ((10.0, -28, 14, 2.4), (8.0, -12, 22, 3.6), (9.5, 4, 24, 4.2), (15.0, 20, 23, 5.2)),
    ((15.0, 20, 23, 5.2), (22.5, 33, 14, 6.6), (25.0, 42, 6, 5.0), (22.5, 55, 3, 3.0)),
    ((22.5, 55, 3, 3.0), (20.0, 63, 2, 1.4)),
    ((23.5, 34, 12, 6.2), (28.0, 29, -3, 4.0), (31.0, 13, -15, 2.4), (29.0, -6, -21, 1.7)),
)
# centre, radii, Hounsfield units, turn about z (left side; the right is mirrored)
_NUCLEI: tuple[tuple[Point, Point, float, float], ...] = (
    ((13.0, -22.0, 9.0), (5.0, 9.0, 10.0), 39.0, 18.0),
    ((13.5, -6.0, 22.0), (3.2, 14.0, 6.0), 38.0, -8.0),
    ((25.5, -6.0, 3.0), (5.2, 16.0, 11.0), 39.5, -14.0),
    ((19.0, -3.0, 1.0), (5.0, 9.5, 8.0), 37.0, -24.0),
    ((10.5, 11.0, 8.0), (8.2, 14.0, 10.5), 36.5, -20.0),
)
_CISTERNS: tuple[tuple[Point, Point], ...] = (
    ((0, -9, -18), (13, 8, 6)),  # suprasellar
    ((8, -2, -17), (9, 5, 5)),
    ((-8, -2, -17), (9, 5, 5)),
    ((0, -18, -16), (4, 12, 4)),
    ((0, 27, -3), (10, 3.6, 7)),  # quadrigeminal
    ((0, 6, -34), (16, 5, 13)),  # prepontine
    ((0, 62, -58), (12, 8, 9)),  # cisterna magna
)


@dataclass(frozen=True, slots=True)
class Brain:
    """The random fields one brain is made of, the same for every study of a patient."""

    folds: Lattice
    clouds: Lattice
    folia: Lattice

    @classmethod
    def grown(cls, rng: np.random.Generator) -> "Brain":
        """Draw a brain's fields."""
        return cls(
            lattice(rng, 20.0, width=0.24),
            lattice(rng, 48.0, size=32, width=0.6),
            lattice(rng, 5.2, width=0.3),
        )


def pushed(x: Field, y: Field, z: Field) -> tuple[Field, Field, Field]:
    """Where each point lay before the bleed pushed it away: the mass effect, up to 5 mm."""
    dx, dy, dz = x - BLEED_CENTRE[0], y - BLEED_CENTRE[1], z - BLEED_CENTRE[2]
    far2 = (dx / 13) ** 2 + (dy / 19) ** 2 + (dz / 16) ** 2
    force = np.exp(-far2 / 3.2) * np.minimum(1, far2 * 1.5)
    scale = 5.0 * force / np.sqrt(dx * dx + dy * dy + dz * dz + 1)
    shift = 2.2 * np.exp(-((x / 30) ** 2) - (dy / 40) ** 2 - (dz / 30) ** 2)
    return x - scale * dx + shift, y - scale * dy, z - scale * dz


def paint_brain(
    canvas: Canvas, brain: Brain, inside: Field, skull_depth: Field, *, bleed: bool
) -> None:
    """Fill the skull's cavity.

    `inside` is its share of each voxel; `skull_depth`, at half resolution, the distance from
    its wall, negative inside.
    """
    full = (canvas.x, canvas.y, canvas.zed)
    half = canvas.grid.patient_axes(canvas.pose, canvas.z, step=2)
    half = tuple(np.broadcast_to(a, skull_depth.shape) for a in half)  # type: ignore[assignment]
    if bleed:
        half = pushed(*half)
        canvas.x, canvas.y, canvas.zed = pushed(*full)
    tissue = _parenchyma(brain, skull_depth, *half)
    skull = canvas.hu
    canvas.hu = doubled(tissue)
    _paint_deep(canvas)
    _paint_stem(canvas)
    _paint_ventricles(canvas)
    _paint_dura(canvas, doubled(skull_depth))
    if bleed:
        canvas.x, canvas.y, canvas.zed = full
        _paint_bleed(canvas, brain)
    canvas.hu = skull + inside * (canvas.hu - skull)


def _parenchyma(brain: Brain, wall: Field, x: Field, y: Field, z: Field) -> Field:
    cloud = brain.clouds.at(x, y, z)
    side = np.abs(x)
    gap = 1.1 + 0.5 * cloud + 1.0 * np.clip((z - 30) / 40, 0, 1)
    outer = np.minimum(-wall - gap, _fissure(side, y, z, cloud))
    depth = np.minimum(outer, _sylvian(side, y, z, cloud))
    size = np.sqrt((x / 67) ** 2 + ((y - 2) / 84) ** 2 + ((z - 4) / 74) ** 2)
    pull = np.maximum(size, 0.5) ** -0.8
    bend = 4.0 * cloud
    folds = brain.folds.at(x * pull + bend, y * pull - bend, z * pull + 9.0)
    reach = np.clip(11.0 + 5.5 * cloud, 3, 19) * np.clip((size - 0.42) / 0.25, 0.1, 1)
    opening = 0.1 + 0.25 * np.clip(1 - outer / 9, 0, 1) + 0.22 * np.clip(cloud, -0.5, 2)
    sulcus = np.maximum(np.abs(folds) * 3.1 - opening, outer - reach)
    rim = np.minimum(depth, sulcus)
    grey = cover(rim - 2.9, 1.6)
    hu = WHITE + 0.8 * cloud + grey * (GREY - WHITE)
    fluid = cover(rim, 1.4)
    hu += fluid * (CSF - hu)
    return _with_cerebellum(brain, hu.astype(np.float32), x, y, z, wall=wall)


def _fissure(side: Field, y: Field, z: Field, cloud: Field) -> Field:
    """Distance from the fissure between the hemispheres, which stops at the corpus callosum."""
    below = 1 - np.sqrt(((y - 0) / 49) ** 2 + ((z + 4) / 37) ** 2)
    wide = 0.8 + 0.25 * cloud + 0.8 * np.clip((-y - 45) / 30, 0, 1)
    distance: Field = np.maximum(side - wide, below * 42)
    return distance


def _sylvian(side: Field, y: Field, z: Field, cloud: Field) -> Field:
    """Distance from the lateral fissure: a gap over the insula with one way out to the side."""
    crest = 42 + 3 * cloud - 7 * ((y + 4) / 25) ** 2
    insula = np.abs(side - crest) - 0.5 - 0.5 * np.clip(cloud + 0.6, 0, 1.4)
    insula = np.maximum(insula, np.maximum(np.abs(y + 5) - 22, np.abs(z - 3) - 16))
    way = np.abs(y + 17 - 1.05 * (z - 2) - 4 * cloud - 0.12 * (side - 42)) * 0.7 - 1.0
    way = np.maximum(way, np.maximum(41 - side, np.abs(z - 2) - 20))
    distance: Field = np.minimum(insula, way)
    return distance


def tentorium(side: Field, y: Field, z: Field) -> Field:
    """Signed distance above the tent over the cerebellum; large in front of it."""
    roof = 1.0 - 0.43 * side - 0.24 * np.maximum(y - 28, 0)
    ridge = 11 + 0.36 * side
    distance: Field = np.maximum((z - roof) * 0.85, (ridge - y) * 0.9)
    return distance


def _with_cerebellum(
    brain: Brain, hu: Field, x: Field, y: Field, z: Field, *, wall: Field
) -> Field:
    side = np.abs(x)
    above = tentorium(side, y, z)
    if float(above.min()) > 2:
        return hu
    notch = 2.0 - np.hypot(x, (y - 72) * 0.6) * 0.22
    depth = np.minimum(-wall - 1.4, -above - 0.7) - np.maximum(notch, 0) * 2
    radius = np.hypot(x * 0.8, (y - 26)) + (z + 30) * 0.5
    leaves = np.sin(radius * 1.55 + 2.2 * brain.clouds.at(x, y, z)) + 0.5 * brain.folia.at(
        x, y, z
    )
    core = cover(11.0 - depth, 7.0) * cover(np.abs(side - 20) - 9, 8.0)
    bulk = GREY - 1.0 - 5.5 * core + (1 - core) * (1.6 * leaves - 2.6 * (leaves > 1.15))
    own = bulk + cover(depth, 1.8) * (CSF - bulk)
    vermis = cover(side - 5, 3) * 2.0
    own = own + vermis * cover(-depth + 3, 3)
    mixed: Field = (hu + cover(above, 1.4) * (own - hu)).astype(np.float32)
    return mixed


def _paint_deep(canvas: Canvas) -> None:
    for sign in (1, -1):
        for (x, y, z), radii, hu, yaw in _NUCLEI:
            canvas.ellipsoid((sign * x, y, z), radii, hu, yaw=sign * yaw, share=0.85)
        canvas.ellipsoid((sign * 21, -30, -14), (16, 16, 8), GREY, share=0.35)
        canvas.ellipsoid((sign * 24, -2, -22), (8, 9, 7), GREY + 1, share=0.7)


def _paint_stem(canvas: Canvas) -> None:
    for centre, radii in _CISTERNS:
        canvas.ellipsoid(centre, radii, CSF + 1)
    for sign in (1, -1):
        ring = (
            (sign * 17.0, 6, -12, 1.6),
            (sign * 18.5, 16, -8, 1.6),
            (sign * 12, 26, -4, 2.0),
        )
        canvas.path(ring, CSF + 2, tall=3.0)
        canvas.ellipsoid((sign * 8.5, 6.5, -13), (6.5, 8.5, 10), 33, yaw=sign * 35)
        canvas.cone((sign * 12, 20, -34), (sign * 26, 32, -36), (7, 6), 31)
        canvas.ellipsoid((sign * 20.5, 18.5, -33), (5, 3, 4), CSF + 3)
    canvas.ellipsoid((0, 15, -11), (13, 10, 11), 34)
    canvas.ellipsoid((0, 16, -33), (15, 12, 14), 33)
    canvas.cone((0, 22, -44), (0, 31, -84), (8.5, 6.0), 33)
    canvas.cone((0, 8, -18), (0, 3.2, -34), (1.6, 1.9), 44)  # basilar artery
    canvas.ellipsoid((0, -7, -21), (2.2, 2.0, 5), 38)  # pituitary stalk
    canvas.ellipsoid((0, 21.5, -9), (1.0, 1.2, 6), CSF + 6)  # aqueduct


def _paint_ventricles(canvas: Canvas) -> None:
    for sign in (1, -1):
        for chain in _LATERAL:
            points = tuple((sign * x, y, z, r * 1.08) for x, y, z, r in chain)
            canvas.path(points, CSF, tall=1.35)
        plexus = (sign * 22.0, 33.0, 13.0)
        canvas.ellipsoid(plexus, (3.2, 5.0, 6.0), 34, yaw=-sign * 30, share=0.8)
        canvas.ellipsoid(plexus, (1.5, 1.9, 2.6), 210, share=0.9)
    canvas.ellipsoid((0, 1, 3), (2.3, 15, 11), CSF)
    canvas.ellipsoid((0, -14, 14), (0.9, 8, 8), WHITE)  # septum and fornix
    canvas.ellipsoid((0, 34, -33), (7.5, 4.5, 9), CSF)
    canvas.ellipsoid((0, 38, -33), (3.0, 5.0, 6), CSF)
    canvas.ellipsoid((0, 21.5, 3), (2.0, 2.6, 2.4), 170)  # pineal


def _paint_dura(canvas: Canvas, wall: Field) -> None:
    x, y, z = canvas.x, canvas.y, canvas.zed
    side = np.abs(x)
    edge = 56 - 54 * np.sqrt((y / 50) ** 2 + ((z + 2) / 42) ** 2)
    falx = np.maximum(side - 0.75, np.maximum(edge * 0.6, -18 - z))
    falx = np.maximum(falx, -tentorium(side, y, z))
    canvas.blend(cover(falx, 1.0) * 0.9, DURA)
    tent = np.abs(tentorium(side, y, z)) - 0.6
    rim = 24 + 5 * np.clip((-z) / 12, 0, 1) - np.hypot(x, (y - 12) * 1.2)
    canvas.blend(cover(np.maximum(tent, rim), 1.4) * 0.75, DURA)
    back = np.hypot(x * 1.1, np.maximum(-wall - 0.5, 0) * 0.8) - 4.2 * (y > 0)
    canvas.blend(cover(np.where((y > 30) | (z > 60), back, 9), 1.6) * cover(-25 - z, 4), 57)
    drain = np.maximum(np.abs(z + 27) - 4, np.maximum(-wall - 5, 42 - y))
    canvas.blend(cover(drain, 2.0) * 0.9, 56)


def _paint_bleed(canvas: Canvas, brain: Brain) -> None:
    cx, cy, cz = BLEED_CENTRE
    found = canvas.ellipsoid_share(BLEED_CENTRE, (30, 36, 30))
    if found is None:
        return
    where, _ = found
    x, y, z = canvas.x[where], canvas.y[where], canvas.zed[where]
    x, y, z = np.broadcast_arrays(x, y, z)
    rough = brain.clouds.at(x * 2.6, y * 2.6, z * 2.6)
    fine = brain.folds.at(x * 2, y * 2, z * 2)
    u, v, w = (
        (p - c) / r for p, c, r in zip((x, y, z), (cx, cy, cz), BLEED_RADII, strict=True)
    )
    distance = (np.sqrt(u * u + v * v + w * w) - 1) * 12.5 + 1.3 * rough + 0.7 * fine
    lower = 0.85 * cover(distance - 7.0 - 2.0 * rough, 5.0)
    canvas.blend(lower, OEDEMA, where)
    clot = BLOOD + 3.5 * np.clip(-distance / 8, 0, 1) + 1.5 * rough
    canvas.blend(cover(distance, 2.0), clot.astype(np.float32), where)
