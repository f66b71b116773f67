"""Smooth random fields and distance functions that the phantoms are carved from. Pure numpy.

Lengths are millimetres in the patient's axes (PS3.3 C.7.6.2.1.1): x to the left, y to the
back, z to the head. A distance is negative inside a shape.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.floating[Any]]  # float32 throughout
Point = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Lattice:
    """A periodic cube of band-limited noise with unit variance, sampled at any point."""

    values: Field  # (size, size, size), size a power of two
    pitch: float  # millimetres between neighbouring values
    wavelength: float  # millimetres

    def at(self, x: Field, y: Field, z: Field) -> Field:
        """Interpolate linearly between the eight neighbours; the arrays must share a shape."""
        size = self.values.shape[0]
        flat = self.values.ravel()
        steps: list[tuple[NDArray[np.int32], NDArray[np.int32], Field]] = []
        for axis, stride in ((z, size * size), (y, size), (x, 1)):
            scaled = axis / np.float32(self.pitch)
            low = np.floor(scaled)
            cell = low.astype(np.int32)
            wrapped = size - 1
            near, far = (cell & wrapped) * stride, ((cell + 1) & wrapped) * stride
            steps.append((near, far, (scaled - low).astype(np.float32)))
        (z0, z1, fz), (y0, y1, fy), (x0, x1, fx) = steps

        def row(base: NDArray[np.int32]) -> Field:
            left = flat[base + x0]
            value: Field = left + fx * (flat[base + x1] - left)
            return value

        def plane(base: NDArray[np.int32]) -> Field:
            front = row(base + y0)
            return front + fy * (row(base + y1) - front)

        bottom = plane(z0)
        return bottom + fz * (plane(z1) - bottom)


def lattice(
    rng: np.random.Generator, wavelength: float, *, size: int = 64, width: float = 0.25
) -> Lattice:
    """Noise whose spectrum is a ring round one wavelength: its zero lines wander like gyri.

    `width` is the ring's relative breadth: small values give even stripes, large ones clouds.
    """
    pitch = wavelength / 8.0
    freq = np.fft.fftfreq(size).astype(np.float32)
    half = np.fft.rfftfreq(size).astype(np.float32)
    radius = np.sqrt(
        freq[:, None, None] ** 2 + freq[None, :, None] ** 2 + half[None, None, :] ** 2
    )
    centre = 1.0 / 8.0
    ring = np.exp(-(((radius - centre) / (width * centre)) ** 2))
    spectrum = np.fft.rfftn(rng.standard_normal((size, size, size), dtype=np.float32)) * ring
    values = np.fft.irfftn(spectrum, s=(size, size, size), axes=(0, 1, 2)).astype(np.float32)
    return Lattice(values / values.std(), pitch, wavelength)


def ellipsoid_distance(x: Field, y: Field, z: Field, centre: Point, radii: Point) -> Field:
    """Distance to an ellipsoid, first order: exact on its surface, fair near it."""
    u, v, w = (
        (axis - np.float32(c)) / np.float32(r)
        for axis, c, r in zip((x, y, z), centre, radii, strict=True)
    )
    k0 = np.sqrt(u * u + v * v + w * w) + np.float32(1e-6)
    a, b, c = (np.float32(r) for r in radii)
    k1 = np.sqrt((u / a) ** 2 + (v / b) ** 2 + (w / c) ** 2) + np.float32(1e-6)
    distance: Field = k0 * (k0 - 1) / k1
    return distance


def cone_distance(
    x: Field, y: Field, z: Field, start: Point, end: Point, *, radii: tuple[float, float]
) -> Field:
    """Distance to a round-ended cone."""
    bx, by, bz = (q - p for p, q in zip(start, end, strict=True))
    px, py, pz = x - start[0], y - start[1], z - start[2]
    along = np.clip((px * bx + py * by + pz * bz) / (bx * bx + by * by + bz * bz), 0, 1)
    px, py, pz = px - along * bx, py - along * by, pz - along * bz
    radius = radii[0] + along * (radii[1] - radii[0])
    distance: Field = np.sqrt(px * px + py * py + pz * pz) - radius
    return distance


def union(first: Field, second: Field, blend: float) -> Field:
    """Union of two shapes whose seam is rounded over `blend` millimetres."""
    near = np.maximum(np.float32(blend) - np.abs(first - second), 0)
    merged: Field = np.minimum(first, second) - near * near / np.float32(4 * blend)
    return merged


def cover(distance: Field, width: float | Field) -> Field:
    """Fraction of a voxel inside a shape whose edge is spread over `width` millimetres."""
    inside: Field = np.clip(np.float32(0.5) - distance / np.float32(width), 0, 1)
    return inside


def slab_cover(below: Field, above: Field, pixel: float) -> Field:
    """Fraction of a thick slice inside a shape, from the distances at its two faces."""
    low = np.minimum(below, above) - np.float32(pixel / 2)
    high = np.maximum(below, above) + np.float32(pixel / 2)
    inside: Field = np.clip(-low / (high - low), 0, 1)
    return inside


def chord_share(dz: Field, chord: Field, thickness: float) -> Field:
    """Fraction of a slice filled by what reaches `chord` up and down, `dz` below its middle."""
    half = thickness / 2
    depth = np.minimum(dz + half, chord) - np.maximum(dz - half, -chord)
    inside: Field = np.clip(depth / thickness, 0, 1)
    return inside


def doubled(field: Field) -> Field:
    """Twice the rows and columns, linearly interpolated; the last row and column repeat."""
    rows, columns = field.shape
    wide = np.empty((rows, 2 * columns), np.float32)
    wide[:, ::2] = field
    wide[:, 1:-1:2] = (field[:, :-1] + field[:, 1:]) * np.float32(0.5)
    wide[:, -1] = field[:, -1]
    tall = np.empty((2 * rows, 2 * columns), np.float32)
    tall[::2] = wide
    tall[1:-1:2] = (wide[:-1] + wide[1:]) * np.float32(0.5)
    tall[-1] = wide[-1]
    return tall


def blurred(image: Field, weight: float) -> Field:
    """Blur over three points along both axes; `weight` is each neighbour's share."""
    side, middle = np.float32(weight), np.float32(1 - 2 * weight)
    across = image * middle
    across[:, 1:] += image[:, :-1] * side
    across[:, :-1] += image[:, 1:] * side
    across[:, 0] += image[:, 0] * side
    across[:, -1] += image[:, -1] * side
    along = across * middle
    along[1:] += across[:-1] * side
    along[:-1] += across[1:] * side
    along[0] += across[0] * side
    along[-1] += across[-1] * side
    return along
