"""Generated CT studies for the demonstration: a head and a chest, each with its prior.

They are drawn from mathematics alone; no patient's image went into them. The same seed is
the same patient: ask for the current study and the prior with one seed and two requests.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from pydicom import Dataset

from confrere.demo.phantom_canvas import MATRIX, Pose
from confrere.demo.phantom_dicom import PhantomRequest, Technique, as_images, uid, write_study
from confrere.demo.phantom_field import Field
from confrere.demo.phantom_head import GRID as HEAD_GRID
from confrere.demo.phantom_head import Head, head_slices
from confrere.demo.phantom_noise import Grain, head_artefacts

__all__ = ["PhantomRequest", "Stack", "head_ct", "head_pose", "uid", "write_study"]


@dataclass(frozen=True, slots=True)
class Stack:
    """Which slices to make: their heights run upwards from the first, in millimetres."""

    first: float
    spacing: float
    count: int

    @property
    def heights(self) -> tuple[float, ...]:
        """Centre of each slice."""
        return tuple(self.first + self.spacing * n for n in range(self.count))


HEAD_STACK = Stack(-74.0, 4.0, 42)


def head_pose(*, prior: bool) -> Pose:
    """How the head lay: a little differently each time."""
    if prior:
        return Pose(yaw=-1.5, roll=-0.8, pitch=0.6, shift=(-1.2, 1.0, -0.8))
    return Pose(yaw=2.2, roll=1.3, pitch=0.0, shift=(1.5, 0.0, 0.0))


def head_ct(
    request: PhantomRequest, seed: int, *, prior: bool = False, stack: Stack = HEAD_STACK
) -> Iterator[Dataset]:
    """A non-contrast head CT: with an acute left thalamic bleed, or `prior` to it without."""
    technique = Technique(
        body_part="HEAD",
        series_description="Head 4.0 soft, synthetic",
        kernel="H31s",
        window=(40, 80),
        kvp=120,
        milliamperes=280,
        pixel=HEAD_GRID.pixel,
        thickness=stack.spacing,
        corner=(-HEAD_GRID.pixel * MATRIX / 2, -HEAD_GRID.pixel * MATRIX / 2),
    )
    return as_images(request, technique, _head_volume(seed, stack, prior=prior))


def _head_volume(seed: int, stack: Stack, *, prior: bool) -> Iterator[tuple[float, Field]]:
    head = Head.grown(np.random.default_rng((seed, 1)))
    noise = np.random.default_rng((seed, 2 + prior))
    grain = Grain.drawn(noise, HEAD_GRID.pixel, 0.55)
    pose = head_pose(prior=prior)
    slices = head_slices(head, pose, stack.heights, stack.spacing, bleed=not prior)
    for canvas in slices:
        yield canvas.z, head_artefacts(canvas, grain, noise)
