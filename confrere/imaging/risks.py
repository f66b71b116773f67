"""What in an object may show who the patient is though its attributes are clean.

Whatever is said here goes to a person's eyes before it leaves; some of it can't leave at all.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from pydicom import Dataset

from confrere.imaging.confidentiality import Options

Box = tuple[int, int, int, int]  # x, y, width, height in pixels

_CLASS = "1.2.840.10008.5.1.4.1.1."
SECONDARY = (_CLASS + "7",)
DOCUMENTS = (_CLASS + "104.",)
REPORTS = (_CLASS + "88.",)
KEY_OBJECTS = _CLASS + "88.59"
ULTRASOUND = frozenset({"US", "IVUS"})
SCREENS = frozenset({"SC", "OT", "DG", "SD"})
SCREEN_WORDS = ("SCREEN", "DOSE REPORT", "DOSE_INFO", "REPORT")
PHOTOS = frozenset({"XC", "ES", "GM", "OP", "DMS"})
VOLUMES = frozenset({"CT", "MR", "PT", "NM"})
HEAD = ("HEAD", "BRAIN", "SKULL", "FACE", "ORBIT", "SINUS", "NECK", "CRANI", "KOPF", "NEURO")
VIDEO = ("1.2.840.10008.1.2.4.10",)


@dataclass(frozen=True, slots=True)
class Risk:
    """One reason to look. `fatal`: the object can't be cleaned here and stays."""

    code: str
    why: str
    fatal: bool = False


def risks(data: Dataset, options: Options, syntax: str = "") -> tuple[Risk, ...]:
    """List why a person must look at an object before it leaves; empty: nobody needs to."""
    sop_class, modality = str(data.get("SOPClassUID") or ""), str(data.get("Modality") or "")
    found = []
    if sop_class.startswith(DOCUMENTS) or "EncapsulatedDocument" in data:
        found.append(
            Risk("document", "an encapsulated document can't be cleaned here", fatal=True)
        )
    if sop_class.startswith(REPORTS) and sop_class != KEY_OBJECTS and options.content:
        found.append(Risk("report", "a structured report keeps text that was cleaned by rule"))
    if not has_pixels(data):
        return tuple(found)
    if syntax.startswith(VIDEO):
        found.append(Risk("video", "video can't be cleaned here", fatal=True))
    if str(data.get("BurnedInAnnotation") or "").upper() == "YES":
        found.append(Risk("burned in", "the device says that text is burned into the picture"))
    found += _of_pictures(data, options, sop_class, modality)
    if modality in PHOTOS:
        found.append(Risk("photograph", "a photograph or endoscopy may show a person"))
    if options.faces and modality in VOLUMES and shows_head(data):
        found.append(Risk("face", "the face can be made from images of the head"))
    return tuple(found)


def _of_pictures(data: Dataset, options: Options, sop_class: str, modality: str) -> list[Risk]:
    found = []
    if not options.pixels and known_boxes(data):
        found.append(
            Risk("not cleaned", "text is burned in here by rule, and pixels are not cleaned")
        )
    if _is_screen(data, sop_class, modality):
        found.append(Risk("screen", "a secondary capture or scan may show anything"))
    if modality in ULTRASOUND and not known_boxes(data):
        found.append(
            Risk("ultrasound", "ultrasound without known regions shows text as a rule")
        )
    return found


def uncovered(boxes: Sequence[Box], covered: Sequence[Box]) -> tuple[Box, ...]:
    """Return the boxes that do not lie within one that is blacked out anyway."""
    return tuple(
        (x, y, wide, high)
        for x, y, wide, high in boxes
        if not any(
            a <= x and b <= y and x + wide <= a + c and y + high <= b + d
            for a, b, c, d in covered
        )
    )


def has_pixels(data: Dataset) -> bool:
    """Say whether there is a picture."""
    return any(word in data for word in ("PixelData", "FloatPixelData", "DoubleFloatPixelData"))


def shows_head(data: Dataset) -> bool:
    """Say whether body part or descriptions name the head."""
    words = ("BodyPartExamined", "StudyDescription", "SeriesDescription", "ProtocolName")
    said = " ".join(str(data.get(word) or "") for word in words).upper()
    return any(word in said for word in HEAD)


def known_boxes(data: Dataset) -> tuple[Box, ...]:
    """Say where text is burned in by rule: outside ultrasound regions, or by the device.

    Source: PS3.3 C.8.5.5 (US region calibration); `burned_in.tsv`. Empty: not known.
    """
    outside = _outside_regions(data)
    return outside or _by_device(data)


def _is_screen(data: Dataset, sop_class: str, modality: str) -> bool:
    kind = " ".join(str(one) for one in data.get("ImageType") or ()).upper()
    said = f"{kind} {str(data.get('SeriesDescription') or '').upper()}"
    return (
        sop_class.startswith(SECONDARY)
        or modality in SCREENS
        or bool(data.get("ConversionType"))
        or any(word in said for word in SCREEN_WORDS)
    )


def _outside_regions(data: Dataset) -> tuple[Box, ...]:
    rows, columns = int(data.get("Rows") or 0), int(data.get("Columns") or 0)
    spans = []
    for region in data.get("SequenceOfUltrasoundRegions") or ():
        corners = [
            region.get(f"RegionLocation{name}") for name in ("MinX0", "MinY0", "MaxX1", "MaxY1")
        ]
        if all(isinstance(one, int) for one in corners):
            spans.append(corners)
    if not spans or not rows or not columns:
        return ()
    left, top = min(one[0] for one in spans), min(one[1] for one in spans)
    right, bottom = max(one[2] for one in spans) + 1, max(one[3] for one in spans) + 1
    if (
        left >= right
        or top >= bottom
        or right > columns
        or bottom > rows
        or (left, top) < (0, 0)
    ):
        return ()
    boxes = (
        (0, 0, columns, top),
        (0, bottom, columns, rows - bottom),
        (0, top, left, bottom - top),
        (right, top, columns - right, bottom - top),
    )
    return tuple(box for box in boxes if box[2] > 0 and box[3] > 0)


@cache
def _devices() -> tuple[tuple[str, ...], ...]:
    text = files("confrere.imaging").joinpath("burned_in.tsv").read_text(encoding="utf-8")
    return tuple(tuple(one.split("\t")) for one in text.splitlines() if not one.startswith("#"))


def _by_device(data: Dataset) -> tuple[Box, ...]:
    """Find the boxes of a device and picture size."""
    size = (str(data.get("Rows") or ""), str(data.get("Columns") or ""))
    maker = str(data.get("Manufacturer") or "").lower()
    model = str(data.get("ManufacturerModelName") or "").lower()
    found: list[Box] = []
    for kind, part, name, rows, columns, boxes in _devices():
        fits = kind in ("", data.get("Modality")) and part in maker and name in model
        if fits and (rows, columns) == size:
            for box in boxes.split():
                x, y, width, height = map(int, box.split(","))
                found.append((x, y, width, height))
    return tuple(dict.fromkeys(found))
