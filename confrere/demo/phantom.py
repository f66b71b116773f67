"""Generated CT studies for the demonstration: a head and a chest, each with its prior.

They are drawn from mathematics alone; no patient's image went into them. The same seed is
the same patient: ask for the current study and the prior with one seed and two requests.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from pydicom import Dataset

from confrere.demo.phantom_canvas import MATRIX, Pose
from confrere.demo.phantom_chest import GRID as CHEST_GRID
from confrere.demo.phantom_chest import Chest, chest_slices
from confrere.demo.phantom_dicom import PhantomRequest, Technique, as_images, uid, write_study
from confrere.demo.phantom_field import Field
from confrere.demo.phantom_head import GRID as HEAD_GRID
from confrere.demo.phantom_head import Head, head_slices
from confrere.demo.phantom_noise import Grain, chest_artefacts, head_artefacts

__all__ = [
    "CHEST_STACK",
    "HEAD_STACK",
    "NODULE_BEFORE",
    "NODULE_NOW",
    "PhantomRequest",
    "Stack",
    "chest_ct",
    "chest_pose",
    "head_ct",
    "head_pose",
    "uid",
    "write_study",
]


@dataclass(frozen=True, slots=True)
class Stack:
    """Which slices to make: their heights run upwards from the first, in millimetres."""

    first: float
    spacing: float
    count: int
    thickness: float

    @property
    def heights(self) -> tuple[float, ...]:
        """Centre of each slice."""
        return tuple(self.first + self.spacing * n for n in range(self.count))


HEAD_STACK = Stack(-74.0, 4.0, 42, thickness=4.0)
CHEST_STACK = Stack(-175.0, 5.0, 60, thickness=5.0)
NODULE_NOW, NODULE_BEFORE = 21.0, 14.0  # diameters, millimetres


def head_pose(*, prior: bool) -> Pose:
    """How the head lay: a little differently each time."""
    if prior:
        return Pose(yaw=-1.5, roll=-0.8, pitch=0.6, shift=(-1.2, 1.0, -0.8))
    return Pose(yaw=2.2, roll=1.3, pitch=0.0, shift=(1.5, 0.0, 0.0))


def head_ct(
    request: PhantomRequest, seed: int, *, prior: bool = False, stack: Stack = HEAD_STACK
) -> Iterator[Dataset]:
    """Make a non-contrast head CT: with an acute left thalamic bleed, or `prior` to it."""
    technique = Technique(
        body_part="HEAD",
        series_description="Head 4.0 soft, synthetic",
        kernel="H31s",
        window=(40, 80),
        kvp=120,
        milliamperes=280,
        pixel=HEAD_GRID.pixel,
        thickness=stack.thickness,
        spacing=stack.spacing,
        corner=(-HEAD_GRID.pixel * MATRIX / 2, -HEAD_GRID.pixel * MATRIX / 2),
    )
    return as_images(request, technique, _head_volume(seed, stack, prior=prior))


def _head_volume(seed: int, stack: Stack, *, prior: bool) -> Iterator[tuple[float, Field]]:
    noise = np.random.default_rng((seed, 2 + prior))
    grain = Grain.drawn(noise, HEAD_GRID.pixel, 0.55)
    pose = head_pose(prior=prior)
    slices = head_slices(_head(seed), pose, stack.heights, stack.thickness, bleed=not prior)
    for canvas in slices:
        yield canvas.z, head_artefacts(canvas, grain, noise)


def chest_pose(*, prior: bool) -> Pose:
    """How the chest lay: a little differently each time."""
    if prior:
        return Pose(yaw=-0.8, shift=(-2.0, 0.0, 1.5))
    return Pose(yaw=1.0, shift=(1.0, 0.0, 0.0))


def chest_ct(
    request: PhantomRequest, seed: int, *, prior: bool = False, stack: Stack = CHEST_STACK
) -> Iterator[Dataset]:
    """Make a chest CT with contrast: a spiculated nodule in the right upper lobe, growing."""
    technique = Technique(
        body_part="CHEST",
        series_description="Chest 5.0 soft, synthetic",
        kernel="B31f",
        window=(40, 400),
        kvp=120,
        milliamperes=190,
        pixel=CHEST_GRID.pixel,
        thickness=stack.thickness,
        spacing=stack.spacing,
        corner=(-CHEST_GRID.pixel * MATRIX / 2, -CHEST_GRID.pixel * MATRIX / 2),
        contrast="SYNTHETIC",
    )
    return as_images(request, technique, _chest_volume(seed, stack, prior=prior))


def _chest_volume(seed: int, stack: Stack, *, prior: bool) -> Iterator[tuple[float, Field]]:
    noise = np.random.default_rng((seed, 12 + prior))
    grain = Grain.drawn(noise, CHEST_GRID.pixel, 0.45)
    pose = chest_pose(prior=prior)
    size = NODULE_BEFORE if prior else NODULE_NOW
    slices = chest_slices(_chest(seed), pose, stack.heights, stack.thickness, nodule=size)
    for canvas in slices:
        yield canvas.z, chest_artefacts(canvas, grain, noise)


@lru_cache(maxsize=2)
def _head(seed: int) -> Head:
    return Head.grown(np.random.default_rng((seed, 1)))


@lru_cache(maxsize=2)
def _chest(seed: int) -> Chest:
    return Chest.grown(np.random.default_rng((seed, 11)))
