"""One thick slice being painted: anatomy in the patient's own axes, pixels in the scanner's.

Every brush works in a window round its shape and knows the slice's thickness, so that edges
that slope through a slice come out half-toned as they do on a scanner (partial volume).
"""

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from math import cos, hypot, radians, sin

import numpy as np

from confrere.demo.phantom_field import Field, Point, chord_share, cover

Window = tuple[slice, slice]
MATRIX = 512  # rows and columns of every image


@dataclass(frozen=True, slots=True)
class Pose:
    """How the patient lies on the table: degrees of turn, then millimetres of shift."""

    yaw: float = 0.0  # about z: the head turned to one side
    roll: float = 0.0  # about y: an ear nearer the shoulder
    pitch: float = 0.0  # about x: chin down
    shift: Point = (0.0, 0.0, 0.0)

    def on_scanner(self, point: Point) -> Point:
        """Where a point of the patient's anatomy lies in scanner millimetres."""
        (a, b, c), (d, e, f), (g, h, i) = turn(self.yaw, self.roll, self.pitch)
        x, y, z = point
        sx, sy, sz = self.shift
        return (
            a * x + d * y + g * z + sx,
            b * x + e * y + h * z + sy,
            c * x + f * y + i * z + sz,
        )


@lru_cache(maxsize=8)
def turn(yaw: float, roll: float, pitch: float) -> tuple[Point, Point, Point]:
    """Turn degrees into the rotation from scanner to patient axes, by rows."""
    a, b, c = radians(yaw), radians(roll), radians(pitch)
    about_z = np.array([[cos(a), -sin(a), 0], [sin(a), cos(a), 0], [0, 0, 1]])
    about_y = np.array([[cos(b), 0, sin(b)], [0, 1, 0], [-sin(b), 0, cos(b)]])
    about_x = np.array([[1, 0, 0], [0, cos(c), -sin(c)], [0, sin(c), cos(c)]])
    first, second, third = (
        (float(x), float(y), float(z)) for x, y, z in about_z @ about_y @ about_x
    )
    return first, second, third


@dataclass(frozen=True, slots=True)
class Grid:
    """The pixels that are painted: a rectangle of even size inside the image matrix."""

    rows: int
    columns: int
    pixel: float  # millimetres
    top: int  # the rectangle's first row in the matrix
    left: int  # and its first column

    @property
    def first_x(self) -> float:
        """Scanner x of the centre of the first column; the matrix is centred on zero."""
        return self.pixel * (self.left - MATRIX / 2)

    @property
    def first_y(self) -> float:
        """Scanner y of the centre of the first row."""
        return self.pixel * (self.top - MATRIX / 2)

    def axes(self, step: int = 1) -> tuple[Field, Field]:
        """Scanner x as a row and y as a column, every `step` pixels."""
        x = self.first_x + self.pixel * np.arange(0, self.columns, step, dtype=np.float32)
        y = self.first_y + self.pixel * np.arange(0, self.rows, step, dtype=np.float32)
        return x[None, :].astype(np.float32), y[:, None].astype(np.float32)

    def patient_axes(self, pose: Pose, z: float, step: int = 1) -> tuple[Field, Field, Field]:
        """Patient x, y and z of every pixel of the slice at scanner height `z`."""
        x, y = self.axes(step)
        sx, sy, sz = pose.shift
        x, y, height = x - np.float32(sx), y - np.float32(sy), np.float32(z - sz)
        rows = turn(pose.yaw, pose.roll, pose.pitch)
        px, py, pz = (row[0] * x + row[1] * y + row[2] * height for row in rows)
        return px, py, pz


class Canvas:
    """Hounsfield units of one slice, with brushes."""

    def __init__(self, grid: Grid, pose: Pose, z: float, thickness: float) -> None:
        self.grid, self.pose, self.z, self.thickness = grid, pose, z, thickness
        self.x, self.y, self.zed = grid.patient_axes(pose, z)
        self.hu: Field = np.full((grid.rows, grid.columns), -1000, np.float32)

    def window(self, centre: Point, reach: float) -> Window | None:
        """Find the pixels within `reach` of a point; None when there are none."""
        x, y, _ = self.pose.on_scanner(centre)
        grid = self.grid
        c0 = max(0, int((x - reach - grid.first_x) / grid.pixel))
        c1 = min(grid.columns, int((x + reach - grid.first_x) / grid.pixel) + 2)
        r0 = max(0, int((y - reach - grid.first_y) / grid.pixel))
        r1 = min(grid.rows, int((y + reach - grid.first_y) / grid.pixel) + 2)
        return (slice(r0, r1), slice(c0, c1)) if r0 < r1 and c0 < c1 else None

    def blend(self, share: Field, hu: float | Field, where: Window | None = None) -> None:
        """Let `share` of each voxel become tissue of `hu`."""
        target = self.hu if where is None else self.hu[where]
        target += share * (np.float32(hu) - target)

    def ellipsoid(
        self, centre: Point, radii: Point, hu: float, *, yaw: float = 0.0, share: float = 1.0
    ) -> None:
        """Paint an ellipsoid turned `yaw` degrees about z."""
        found = self.ellipsoid_share(centre, radii, yaw=yaw)
        if found:
            self.blend(found[1] * np.float32(share), hu, found[0])

    def ellipsoid_share(
        self, centre: Point, radii: Point, *, yaw: float = 0.0
    ) -> tuple[Window, Field] | None:
        """How much of each voxel an ellipsoid fills: its chord through the slice, exactly."""
        _, _, height = self.pose.on_scanner(centre)
        if abs(height - self.z) > max(radii) + self.thickness:
            return None
        window = self.window(centre, max(radii[:2]) + 1)
        if window is None:
            return None
        dx, dy = self.x[window] - np.float32(centre[0]), self.y[window] - np.float32(centre[1])
        if yaw:
            c, s = np.float32(cos(radians(yaw))), np.float32(sin(radians(yaw)))
            dx, dy = c * dx + s * dy, c * dy - s * dx
        inside = 1 - (dx / np.float32(radii[0])) ** 2 - (dy / np.float32(radii[1])) ** 2
        chord = np.float32(radii[2]) * np.sqrt(np.maximum(inside, 0))
        dz = self.zed[window] - np.float32(centre[2])
        return window, chord_share(dz, chord, self.thickness)

    def cone_share(
        self, start: Point, end: Point, radii: tuple[float, float], tall: float = 1.0
    ) -> tuple[Window, Field] | None:
        """How much of each voxel a round-ended cone fills; `tall` stretches it along z."""
        middle: Point = tuple((p + q) / 2 for p, q in zip(start, end, strict=True))  # type: ignore[assignment]
        _, _, height = self.pose.on_scanner(middle)
        high = abs(end[2] - start[2]) / 2 + max(radii) * tall + self.thickness
        if abs(height - self.z) > high + 3:
            return None
        reach = hypot(end[0] - start[0], end[1] - start[1]) / 2 + max(radii) + 1.5
        window = self.window(middle, reach)
        if window is None:
            return None
        px, py = self.x[window] - np.float32(start[0]), self.y[window] - np.float32(start[1])
        pz = (self.zed[window] - np.float32(start[2])) / np.float32(tall)
        bx, by, bz = end[0] - start[0], end[1] - start[1], (end[2] - start[2]) / tall
        length = bx * bx + by * by + bz * bz + 1e-9
        along = np.clip(
            (px * np.float32(bx) + py * np.float32(by) + pz * np.float32(bz))
            / np.float32(length),
            0,
            1,
        )
        px, py, pz = px - along * bx, py - along * by, pz - along * bz
        far = np.sqrt(px * px + py * py + pz * pz) + np.float32(1e-4)
        radius = np.float32(radii[0]) + along * np.float32(radii[1] - radii[0])
        width = np.float32(self.grid.pixel) + np.abs(pz) / far * np.float32(
            self.thickness / tall
        )
        return window, cover(far - radius, width)

    def cone(
        self,
        start: Point,
        end: Point,
        radii: tuple[float, float],
        hu: float,
        *,
        tall: float = 1.0,
    ) -> None:
        """Paint a round-ended cone from one point to another."""
        found = self.cone_share(start, end, radii, tall)
        if found:
            self.blend(found[1], hu, found[0])

    def path(
        self,
        points: tuple[tuple[float, float, float, float], ...],
        hu: float,
        *,
        tall: float = 1.0,
    ) -> None:
        """Paint a chain of cones through points of (x, y, z, radius)."""
        for (ax, ay, az, ar), (bx, by, bz, br) in pairwise(points):
            self.cone((ax, ay, az), (bx, by, bz), (ar, br), hu, tall=tall)

    def framed(self) -> Field:
        """Set the painted rectangle into the full matrix of air."""
        grid = self.grid
        full = np.full((MATRIX, MATRIX), -1000, np.float32)
        rows = slice(grid.top, grid.top + grid.rows)
        full[rows, grid.left : grid.left + grid.columns] = self.hu
        return full
