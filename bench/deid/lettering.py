"""How often burned-in text is found, and how often something else is taken for it.

PYTHONPATH=. python bench/deid/lettering.py FOLDER

Each image of a folder of DICOM files (of a multi-frame one the middle frame) is searched as it
is, and where it is grey and no ultrasound, again with a line of print written over it, at a
place drawn by chance, in three sizes.
"""

import random
import sys
import time
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from PIL import Image, ImageDraw, ImageFont

from confrere.imaging.lettering import text_boxes

LINES = ("OKAFOR MIRIAM", "M123456 12.04.1962", "Doe^Jane", "Smith, J. 1962")
SIZES = (10, 14, 20)
SMALLEST, LARGEST = 200, 3_000_000
Array = np.ndarray[Any, Any]


def main(folder: Path) -> None:
    """Print the counts."""
    warnings.simplefilter("ignore")
    dice = random.Random(1)
    total, flagged = Counter[str](), Counter[str]()
    written, found = Counter[int](), Counter[int]()
    took = []
    for path in sorted(folder.rglob("*")):
        modality, frame = read(path)
        if frame is None:
            continue
        start = time.perf_counter()
        total[modality] += 1
        flagged[modality] += bool(text_boxes(frame))
        took.append(1000 * (time.perf_counter() - start))
        if frame.ndim == 3 or min(frame.shape) < SMALLEST or modality == "US":
            continue
        for size in SIZES:
            written[size] += 1
            found[size] += bool(text_boxes(over(frame, dice, size)))
    print("flagged as they are:", {m: f"{flagged[m]} of {n}" for m, n in sorted(total.items())})
    print("found where written:", {f"{s} px": f"{found[s]} of {written[s]}" for s in SIZES})
    print(f"ms an image: {np.mean(took):.1f}, most {max(took):.0f}")


def read(path: Path) -> tuple[str, Array | None]:
    """Read one frame; None for what is no picture that pydicom decodes."""
    try:
        data = pydicom.dcmread(path)
        if not 0 < int(data.get("Rows", 0)) * int(data.get("Columns", 0)) <= LARGEST:
            return "", None
        frames = data.pixel_array
    except Exception:  # noqa: BLE001 - the folder holds broken files too
        return "", None
    if int(data.get("NumberOfFrames") or 1) > 1:
        frames = frames[len(frames) // 2]
    return str(data.get("Modality") or "?"), frames if frames.ndim in (2, 3) else None


def over(frame: Array, dice: random.Random, size: int) -> Array:
    """Write a line over a picture, at its brightest value."""
    layer = Image.new("L", frame.shape[::-1])
    high, wide = frame.shape
    at = (dice.randint(2, max(3, wide - 160)), dice.randint(2, high - 40))
    ImageDraw.Draw(layer).text(at, dice.choice(LINES), 255, ImageFont.load_default(size))
    share = np.asarray(layer) / 255
    return frame * (1 - share) + float(frame.max()) * share


if __name__ == "__main__":
    main(Path(sys.argv[1]))
