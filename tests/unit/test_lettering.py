"""Letters burned into a picture are found; what is drawn by nature is not."""

from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from confrere.imaging.lettering import text_boxes
from confrere.imaging.risks import uncovered

Array = np.ndarray[Any, Any]


def anatomy(seed: int = 3, size: int = 256) -> Array:
    """Soft ellipses with noise, 12 bits."""
    dice = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size]
    picture = np.zeros((size, size))
    for _ in range(12):
        cx, cy, rx, ry = (
            dice.uniform(0.2, 0.8, 2).tolist() + dice.uniform(0.03, 0.3, 2).tolist()
        )
        inside = ((x / size - cx) / rx) ** 2 + ((y / size - cy) / ry) ** 2 < 1
        picture += inside * dice.uniform(100, 900)
    return (picture + dice.normal(0, 30, picture.shape)).clip(0, 4095)


def written(picture: Array, text: str, at: tuple[int, int], size: float, *, black: bool = False
            ) -> Array:  # fmt: skip
    layer = Image.new("L", picture.shape[::-1])
    ImageDraw.Draw(layer).text(at, text, fill=255, font=ImageFont.load_default(size))
    share = np.asarray(layer) / 255
    end = picture.min() if black else picture.max()
    return picture * (1 - share) + end * share


@pytest.mark.parametrize("size", [14, 18, 28])
@pytest.mark.parametrize("text", ["OKAFOR MIRIAM", "M123456 12.04.62"])
def test_a_name_or_number_over_an_image_is_found_where_it_stands(text: str, size: int) -> None:
    boxes = text_boxes(written(anatomy(), text, (8, 12), size))
    assert boxes
    x, y, wide, high = max(boxes, key=lambda one: one[2])
    assert x < 20
    assert 0 <= y < 12 + size
    assert wide > 3 * size
    assert high < 3 * size


def test_dark_letters_on_a_bright_ground_are_found() -> None:
    bright = np.full((120, 300), 3000.0) + np.random.default_rng(1).normal(0, 40, (120, 300))
    assert text_boxes(written(bright, "OKAFOR^MIRIAM", (10, 40), 20, black=True))


def test_colours_are_searched_too() -> None:
    colour = np.zeros((100, 300, 3), np.uint8)
    colour[..., 1] = (
        written(np.zeros((100, 300)) + np.eye(100, 300), "DOE JANE", (9, 9), 20) * 250
    )
    assert text_boxes(colour)


@pytest.mark.parametrize("seed", range(12))
def test_anatomy_is_no_text(seed: int) -> None:
    assert text_boxes(anatomy(seed)) == ()


def test_noise_bars_dots_and_nothing_are_no_text() -> None:
    dice = np.random.default_rng(2)
    grid = np.zeros((200, 200))
    grid[::20], grid[:, ::20] = 1, 1
    for picture in (
        np.zeros((64, 64)), np.full((64, 64), np.nan), np.full((1, 1), 7.0),
        dice.normal(0, 1, (512, 512)), dice.integers(0, 2, (300, 300)).astype(float), grid,
    ):  # fmt: skip
        assert text_boxes(picture) == ()


def test_what_is_blacked_out_anyway_needs_no_eyes() -> None:
    banner = ((0, 0, 100, 20),)
    assert uncovered(((5, 5, 30, 10), (5, 50, 30, 10)), banner) == ((5, 50, 30, 10),)
