"""Frames of an exam as pictures, made here from the bytes that wait: no workstation is needed."""

import threading
from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
from pydicom import Dataset
from pydicom.multival import MultiValue

from confrere.files.folder import BlobStore
from confrere.gateway.model import Image
from confrere.imaging.datasets import read_head
from confrere.imaging.elements import encoding_of
from confrere.imaging.fenced import NATIVE_FRAME, PICTURE, SHARED, job_of
from confrere.imaging.pixels import PixelMap, map_pixels
from confrere.imaging.plain import open_plain
from confrere.imaging.rendering import Look
from confrere.imaging.syntaxes import is_video, served
from confrere.kernel.errors import DomainError, NotFound

REMEMBERED = 2048  # objects whose frames' places are remembered
MOST_FRAMES = 20_000  # of one exam's stack


@dataclass(frozen=True, slots=True)
class Stack:
    """A series: its label, the numbers of its first and last frame in the exam, its window."""

    label: str
    first: int
    count: int
    window: tuple[float, float] | None  # centre, width; None: colour, or nothing to be shown


class Pictures:
    """Makes pictures; safe to use from many threads. At most two are made at once."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs
        self._lock = threading.Lock()
        self._known: OrderedDict[bytes, PixelMap] = OrderedDict()
        self._making = threading.BoundedSemaphore(2)  # the doors go first

    def stacks(self, images: list[Image]) -> list[Stack]:
        """The series of an exam, in order; what has no pixels takes no part."""
        found: list[Stack] = []
        shown = frames_of(images)
        for number, (image, _) in enumerate(shown):
            if found and shown[number - 1][0].series_uid == image.series_uid:
                last = found[-1]
                found[-1] = Stack(last.label, last.first, last.count + 1, last.window)
            else:
                label = image.series or f"Series {len(found) + 1}"
                found.append(Stack(label, number, 1, self._window(image)))
        return found

    def picture(
        self, images: list[Image], number: int, window: tuple[float, float] | None
    ) -> bytes:
        """Make a PNG of frame `number` of the exam, from 0; raises NotFound, Invalid."""
        shown = frames_of(images)
        if not 0 <= number < len(shown):
            raise NotFound("this exam has no such image")
        image, frame = shown[number]
        syntax = served(image.syntax)
        with open_plain(self._blobs, image.digest, image.syntax) as stream:
            look = Look("image/png", window)
            job = job_of(PICTURE, stream, self._map(image), syntax, frame, look)
        with self._making:
            return SHARED.run(job)

    def _map(self, image: Image) -> PixelMap:
        with self._lock:
            known = self._known.get(image.digest)
        if known is not None:
            return known
        syntax = served(image.syntax)
        with open_plain(self._blobs, image.digest, image.syntax) as stream:
            found = map_pixels(stream, encoding_of(syntax), video=is_video(syntax))
        with self._lock:
            self._known[image.digest] = found
            while len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        return found

    def _window(self, image: Image) -> tuple[float, float] | None:
        """The window to begin with: as stored, else all that the first frame holds."""
        syntax = served(image.syntax)
        try:
            with open_plain(self._blobs, image.digest, image.syntax) as stream:
                head = read_head(stream, encoding_of(syntax), loaded=True)
                pair = [_first(head.get(name)) for name in ("WindowCenter", "WindowWidth")]
                if pair[0] is not None and pair[1] is not None and pair[1] >= 1:
                    return pair[0], pair[1]
                if head.get("SamplesPerPixel") != 1:
                    return None
                job = job_of(NATIVE_FRAME, stream, self._map(image), syntax, 1)
            with self._making:
                return _range(head, SHARED.run(job))
        except DomainError:
            return None


def frames_of(images: list[Image]) -> list[tuple[Image, int]]:
    """All frames of an exam in order: the image, and the frame's number in it from 1."""
    found = [(one, number) for one in images for number in range(1, one.frames + 1)]
    return found[:MOST_FRAMES]


def _first(value: object) -> float | None:
    one = value[0] if isinstance(value, MultiValue) and value else value
    return float(one) if isinstance(one, int | float) else None


def _range(head: Dataset, frame: bytes) -> tuple[float, float] | None:
    """The window that holds all values of a grey frame, in output units (PS3.3 C.11.1)."""
    pixels = (head.get("Rows") or 0) * (head.get("Columns") or 0)
    kind = "i" if head.get("PixelRepresentation") else "u"
    if not pixels or len(frame) % pixels or len(frame) // pixels not in (1, 2, 4):
        return None
    values = np.frombuffer(frame, f"<{kind}{len(frame) // pixels}")
    slope = float(head.get("RescaleSlope") or 1)
    low, high = float(values.min()), float(values.max())
    middle = (low + high) / 2 * slope + float(head.get("RescaleIntercept") or 0)
    return middle, max(1.0, (high - low) * abs(slope))
