# ruff: noqa: PLR2004 - the numbers are the anatomy: places and sizes in millimetres
"""What the scanner adds: blur of its kernel, grainy noise, streaks and beam hardening."""

from dataclasses import dataclass

import numpy as np

from confrere.demo.phantom_canvas import MATRIX, Canvas
from confrere.demo.phantom_field import Field, blurred


@dataclass(frozen=True, slots=True)
class Grain:
    """Two square tiles of unit noise with a kernel's texture; shifts of them make slices."""

    tiles: tuple[Field, Field]
    stripes: Field  # unit noise along one axis, for streaks

    @classmethod
    def drawn(cls, rng: np.random.Generator, pixel: float, cutoff: float) -> "Grain":
        """Noise power rising with frequency (the ramp), then rolled off at `cutoff` per mm."""
        fy = np.fft.fftfreq(MATRIX, pixel)[:, None]
        fx = np.fft.rfftfreq(MATRIX, pixel)[None, :]
        f = np.hypot(fx, fy)
        shape = np.sqrt(f + 0.02) * np.exp(-((f / cutoff) ** 2))
        tiles = []
        for _ in range(2):
            white = np.fft.rfft2(rng.standard_normal((MATRIX, MATRIX)))
            tile = np.fft.irfft2(white * shape, s=(MATRIX, MATRIX)).astype(np.float32)
            tiles.append(tile / tile.std())
        line = np.fft.rfft(rng.standard_normal(4096))
        freq = np.fft.rfftfreq(4096)
        rough = np.fft.irfft(line * np.exp(-((freq * 9) ** 2)), n=4096).astype(np.float32)
        return cls((tiles[0], tiles[1]), rough / rough.std())

    def sheet(self, rng: np.random.Generator) -> Field:
        """Make unit noise for one slice, unlike its neighbours'."""
        mixed = np.zeros((MATRIX, MATRIX), np.float32)
        for tile in self.tiles:
            dy, dx = (int(v) for v in rng.integers(0, MATRIX, 2))
            turned = tile[:: int(rng.choice((-1, 1))), :: int(rng.choice((-1, 1)))]
            mixed += np.roll(turned, (dy, dx), (0, 1))
        return mixed * np.float32(0.7071)

    def streaks(
        self, rng: np.random.Generator, x: Field, y: Field, rays: int, tilt: float
    ) -> Field:
        """Nearly horizontal bands: photon starvation along the body's widest paths."""
        total = np.zeros(np.broadcast_shapes(x.shape, y.shape), np.float32)
        for _ in range(rays):
            slope = float(rng.normal(0, tilt))
            start = int(rng.integers(0, self.stripes.size))
            step = ((y + slope * x) * 4 + start + 2048).astype(np.int32) & 4095
            total += self.stripes[step]
        return total / np.float32(rays**0.5)


def head_artefacts(canvas: Canvas, grain: Grain, rng: np.random.Generator) -> Field:
    """Add to a head slice what reconstruction does: blur, head rest, beam hardening, streaks and noise."""
    image = canvas.framed()
    pixel = canvas.grid.pixel
    line = pixel * (np.arange(MATRIX, dtype=np.float32) - MATRIX / 2)
    x, y = line[None, :], line[:, None]
    _paint_head_rest(image, x, y)
    image = blurred(blurred(image, 0.2), 0.15)
    tissue = (image > -300) & (image < 300)
    radius2 = (x / 72) ** 2 + (y / 90) ** 2
    sigma = 2.3 + 1.5 * np.maximum(1 - radius2, 0)
    low = float(np.clip((-8 - canvas.z) / 25, 0, 1))
    extra = np.zeros_like(image)
    if low > 0:
        bar = np.exp(-(((y - 10) / 9) ** 2) - (x / 30) ** 2) * -9
        rays = grain.streaks(rng, x, y, 3, 0.12) * np.exp(-(((y - 8) / 26) ** 2)) * 6
        extra += low * (bar + rays) * np.exp(-((x / 62) ** 4))
        sigma = sigma * (1 + 0.45 * low)
    extra += 2.5 * np.clip(radius2 - 0.35, 0, 0.6)
    image += extra * tissue
    image += sigma * grain.sheet(rng)
    return image


def _paint_head_rest(image: Field, x: Field, y: Field) -> None:
    """Paint a carbon cup behind the head: two thin shells with foam between."""
    radius = np.hypot(x * 0.93, y + 2)
    arc = (y > 12) & (image < -900)
    shell = np.minimum(np.abs(radius - 104), np.abs(radius - 111.5)) - 0.6
    inside = np.abs(radius - 107.7) < 3.4
    image[arc & inside] = -930
    edge = np.clip(0.5 - shell / 0.9, 0, 1) * arc
    image += edge * (-420 - image)


def chest_artefacts(canvas: Canvas, grain: Grain, rng: np.random.Generator) -> Field:
    """Add to a chest slice what reconstruction does: blur, table, streaks and noise."""
    image = canvas.framed()
    line = canvas.grid.pixel * (np.arange(MATRIX, dtype=np.float32) - MATRIX / 2)
    x, y = line[None, :], line[:, None]
    _paint_table(image, x, y)
    image = blurred(image, 0.2)
    wide = 1.0 - (x / 185) ** 2 - (y / 125) ** 2
    sigma = 5.0 + 7.0 * np.clip(wide, 0, 1)
    sigma *= 1 - 0.25 * (image < -700)
    high = float(np.clip((canvas.z - 65) / 40, 0, 1))
    if high > 0:
        rays = grain.streaks(rng, x, y, 4, 0.06) * np.exp(-(((y - 20) / 42) ** 2))
        image += high * 20 * rays * (image > -950) * np.clip(wide * 2, 0, 1)
    image += sigma * grain.sheet(rng)
    return image


def _paint_table(image: Field, x: Field, y: Field) -> None:
    """Paint a curved carbon top with foam inside."""
    bow = y - 120 + (x / 52) ** 2
    shell = np.minimum(np.abs(bow), np.abs(bow - 16)) - 0.7
    free = (image < -900) & (np.abs(x) < 205)
    image[free & (np.abs(bow - 8) < 7)] = -940
    image += np.clip(0.5 - shell / 1.2, 0, 1) * free * (-480 - image)
