"""Black out boxes of a picture, and bits above the stored ones where overlays hide.

Whatever was compressed is decoded and stored uncompressed: nothing of what was under a box
can remain in a codec's neighbouring blocks.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian

from confrere.imaging.risks import Box
from confrere.imaging.syntaxes import NATIVE, is_video
from confrere.kernel.errors import Invalid

MOST_BYTES = 512 << 20
_OVERLAY_GROUPS = range(0x6000, 0x6020, 2)
_BIT_POSITION, _OVERLAY_DATA = 0x0102, 0x3000
Array = np.ndarray[Any, Any]


def blackout(data: Dataset, syntax: str, boxes: Sequence[Box]) -> str:
    """Black out the boxes in every frame, in place; return the syntax it is stored in now.

    Boxes are clipped to the picture. Raises Invalid where the pixels can't be decoded.
    """
    if not boxes:
        return syntax
    frames = _decoded(data, syntax)
    black = _black(data)
    for x, y, width, height in boxes:
        left, top = max(0, x), max(0, y)
        frames[:, top : max(0, y + height), left : max(0, x + width)] = black
    _store(data, frames)
    return str(ExplicitVRLittleEndian) if syntax not in NATIVE else syntax


def drop_hidden_bits(data: Dataset, syntax: str) -> bool:
    """Clear bits outside those stored where an overlay may lie in them; say whether.

    Source: PS3.5 8.1.1 (retired use of unused bits), PS3.3 C.9.2 (overlay bit position).
    """
    embedded = any(
        data.get((group, _BIT_POSITION)) is not None
        and (group, _OVERLAY_DATA) not in data
        and data[group, _BIT_POSITION].value
        for group in _OVERLAY_GROUPS
    )
    allocated, stored = int(data.get("BitsAllocated") or 0), int(data.get("BitsStored") or 0)
    if not embedded or allocated not in (8, 16) or stored >= allocated or syntax not in NATIVE:
        return False
    high = int(data.get("HighBit") or stored - 1)
    mask = ((1 << stored) - 1) << (high - stored + 1)
    words = np.frombuffer(data.PixelData, f"<u{allocated // 8}") & mask
    data.PixelData = words.astype(f"<u{allocated // 8}").tobytes()
    return True


def _decoded(data: Dataset, syntax: str) -> Array:
    """Return frames x rows x columns (x samples), decoded within bounds."""
    sides = [
        int(data.get(word) or 1)
        for word in ("NumberOfFrames", "Rows", "Columns", "SamplesPerPixel")
    ]
    if int(np.prod(sides)) * (int(data.get("BitsAllocated") or 8) // 8) > MOST_BYTES:
        raise Invalid("this object is too large to be cleaned here", "PixelData")
    if is_video(syntax) or "PixelData" not in data:
        raise Invalid("video and float pixels can't be cleaned here", "PixelData")
    if data.get("PhotometricInterpretation") == "YBR_FULL_422" and syntax in NATIVE:
        raise Invalid("subsampled colours can't be cleaned here", "PixelData")
    try:
        data.file_meta = FileMetaDataset()
        data.file_meta.TransferSyntaxUID = UID(syntax)
        if syntax not in NATIVE:
            data.decompress(generate_instance_uid=False)
        data.pixel_array_options(raw=True)
        frames = np.array(data.pixel_array)
    except Exception as error:
        raise Invalid("the pixels can't be decoded: reject this object", "PixelData") from error
    return frames if sides[0] > 1 else frames[np.newaxis]


def _black(data: Dataset) -> Any:
    """The stored value that shows as black."""
    kind = str(data.get("PhotometricInterpretation") or "")
    stored, signed = int(data.get("BitsStored") or 8), bool(data.get("PixelRepresentation"))
    low, high = (
        (-(1 << stored - 1), (1 << stored - 1) - 1) if signed else (0, (1 << stored) - 1)
    )
    if kind.startswith("YBR"):
        return (0, 1 << stored - 1, 1 << stored - 1)
    if kind == "PALETTE COLOR":
        return _darkest(data)
    return (
        high
        if kind == "MONOCHROME1"
        else low
        if int(data.get("SamplesPerPixel") or 1) == 1
        else 0
    )


def _darkest(data: Dataset) -> int:
    total: Array | int = 0
    descriptor = data.RedPaletteColorLookupTableDescriptor
    for colour in ("Red", "Green", "Blue"):
        raw = data.get(f"{colour}PaletteColorLookupTableData")
        if raw is None:
            return int(descriptor[1])
        # eight-bit tables may be packed as bytes or, wrongly but often, as words
        packed = len(raw) // 2 < (int(descriptor[0]) or 1 << 16)
        width = np.dtype("u1") if packed else np.dtype("<u2")
        total = total + np.frombuffer(raw, width).astype(np.int64)
    return int(np.argmin(total)) + int(descriptor[1])


def _store(data: Dataset, frames: Array) -> None:
    if frames.ndim == 4 and data.get("PlanarConfiguration"):  # noqa: PLR2004 - and samples
        frames = frames.transpose(0, 3, 1, 2)
    little = frames.astype(frames.dtype.newbyteorder("<"), copy=False)
    raw = np.ascontiguousarray(little).tobytes()
    data.PixelData = raw + b"\0" * (len(raw) % 2)
    data["PixelData"].VR = "OW" if int(data.BitsAllocated) > 8 else "OB"  # noqa: PLR2004 - bits
