"""Make a picture of one frame: decode, window, eight bits, PNG or JPEG.

Source: PS3.3 C.11.2 (VOI LUT), PS3.18 section 8.3.5.1 (rendered query parameters).
"""

from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.multival import MultiValue
from pydicom.pixels.decoders.base import get_decoder
from pydicom.pixels.processing import apply_color_lut, apply_modality_lut, apply_voi_lut
from pydicom.uid import UID

from confrere.imaging.syntaxes import NATIVE, is_video
from confrere.kernel.errors import Invalid

MOST_SAMPLES = 1 << 28  # of one frame: refuses a flood before any decoding
LARGEST_SIDE = 8192
Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Look:
    """How to show a frame. A window is centre and width in output units; None: as stored."""

    media: str = "image/jpeg"  # or image/png
    window: tuple[float, float] | None = None
    viewport: tuple[int, int] | None = None  # fits into columns x rows, never enlarged
    quality: int = 90


def render(head: Dataset, syntax: str, content: bytes, number: int, look: Look) -> bytes:
    """Make a picture of frame `number`, whose bytes are `content`.

    Raises Invalid when it can't be decoded.
    """
    frame, photometric = decode(head, syntax, content)
    picture = Image.fromarray(_eight_bits(frame, head, photometric, number, look))
    width, height = look.viewport or (LARGEST_SIDE, LARGEST_SIDE)
    picture.thumbnail((min(width, LARGEST_SIDE), min(height, LARGEST_SIDE)))
    out = BytesIO()
    if look.media == "image/png":
        picture.save(out, "PNG")
    else:
        picture.save(out, "JPEG", quality=look.quality)
    return out.getvalue()


def decode(head: Dataset, syntax: str, content: bytes) -> tuple[Array, str]:
    """Decode one frame as rows x columns, or rows x columns x samples, and its colours.

    YBR comes as RGB. `content` are this frame's bytes. Raises Invalid.
    """
    if is_video(syntax):
        raise Invalid("video has no single frames; play the object itself")
    sides = (head.get("Rows") or 0, head.get("Columns") or 0, head.get("SamplesPerPixel") or 1)
    if not all(isinstance(side, int) for side in sides) or np.prod(sides) > MOST_SAMPLES:
        raise Invalid("the image is too large to be shown; view it in a workstation", "Rows")
    head.NumberOfFrames = 1
    head.file_meta = FileMetaDataset()
    head.file_meta.TransferSyntaxUID = UID(syntax)
    for keyword in ("ExtendedOffsetTable", "ExtendedOffsetTableLengths"):
        if keyword in head:
            del head[keyword]
    if syntax in NATIVE:
        head.PixelData = content + b"\0" * (len(content) % 2)
    else:
        head.PixelData = encapsulate([content])
        head["PixelData"].is_undefined_length = True
    try:
        frame, told = get_decoder(UID(syntax)).as_array(head, index=0, raw=False)
    except Exception as error:
        raise Invalid("this frame can't be decoded; view it in a workstation") from error
    return frame, str(told["photometric_interpretation"])


def _eight_bits(
    frame: Array, head: Dataset, photometric: str, number: int, look: Look
) -> Array:
    if photometric == "PALETTE COLOR":
        return _scaled(apply_color_lut(frame, head))
    if frame.ndim == 3:  # noqa: PLR2004 - rows, columns, samples
        return _scaled(frame)
    change = _of_frame(head, number, "PixelValueTransformationSequence", "RescaleSlope")
    slope = float(change.get("RescaleSlope") or 1)
    values = frame * slope + float(change.get("RescaleIntercept") or 0)
    if head.get("ModalityLUTSequence"):
        values = apply_modality_lut(frame, head).astype(np.float64)
    view = _of_frame(head, number, "FrameVOILUTSequence", "WindowCenter")
    window = look.window or _window(view)
    if window is None and head.get("VOILUTSequence"):
        values = apply_voi_lut(values.astype(frame.dtype), head).astype(np.float64)
    grey = _windowed(values, window)
    return 255 - grey if photometric == "MONOCHROME1" else grey


def _windowed(values: Array, window: tuple[float, float] | None) -> Array:
    """Apply the linear window function of PS3.3 C.11.2.1.2; without one, the whole range."""
    if window is None:
        low, high = float(values.min()), float(values.max())
    else:
        centre, width = window[0] - 0.5, max(window[1] - 1, 1e-9)
        low, high = centre - width / 2, centre + width / 2
    return (
        (np.clip((values - low) / max(high - low, 1e-9), 0, 1) * 255).round().astype(np.uint8)
    )


def _of_frame(head: Dataset, number: int, group: str, keyword: str) -> Dataset:
    """Find where an enhanced image keeps a frame's values; the head of an ordinary one.

    Source: PS3.3 C.7.6.16 (multi-frame functional groups).
    """
    frames = head.get("PerFrameFunctionalGroupsSequence") or []
    own = list(frames[number - 1 : number])
    for place in (*own, *(head.get("SharedFunctionalGroupsSequence") or [])):
        for item in place.get(group) or []:
            if keyword in item:
                return Dataset(item)
    return head


def _window(view: Dataset) -> tuple[float, float] | None:
    """Return the first window that is given, if it can be used."""
    pair = []
    for keyword in ("WindowCenter", "WindowWidth"):
        value = view.get(keyword)
        first = value[0] if isinstance(value, MultiValue) and value else value
        if not isinstance(first, int | float):
            return None
        pair.append(float(first))
    return (pair[0], pair[1]) if pair[1] >= 1 else None


def _scaled(colour: Array) -> Array:
    if colour.dtype == np.uint8:
        return colour
    top = float(colour.max()) or 1.0
    if colour.dtype.kind == "u":
        top = float(np.iinfo(colour.dtype).max)
    return (colour / top * 255).clip(0, 255).astype(np.uint8)
