"""Read frames of stored objects; where they lie is remembered."""

import threading
from collections import OrderedDict

from confrere.files.folder import BlobStore
from confrere.imaging.datasets import read_head
from confrere.imaging.elements import encoding_of
from confrere.imaging.encoding import MADE, encode
from confrere.imaging.fenced import NATIVE_FRAME, PICTURE, SHARED, Fence, Job, job_of
from confrere.imaging.made import Made
from confrere.imaging.model import Instance
from confrere.imaging.pixels import PixelMap, map_pixels, read_frame
from confrere.imaging.plain import open_plain
from confrere.imaging.rendering import Look, decode
from confrere.imaging.syntaxes import NATIVE, is_video, served

REMEMBERED = 1024  # objects
LONGEST_REMEMBERED = 50_000  # frames of one object


class Frames:
    """Frames of a blob store. Safe to share among threads."""

    def __init__(self, blobs: BlobStore, fence: Fence = SHARED) -> None:
        self._blobs = blobs
        self._fence = fence
        self._made = Made(blobs.root / "made")
        self._known: OrderedDict[bytes, PixelMap] = OrderedDict()
        self._lock = threading.Lock()

    def map(self, instance: Instance) -> PixelMap:
        """Find where an object's frames lie; raises NotFound, Invalid."""
        with self._lock:
            known = self._known.get(instance.digest)
            if known is not None:
                self._known.move_to_end(instance.digest)
                return known
        syntax = served(instance.transfer_syntax)
        with open_plain(self._blobs, instance.digest, instance.transfer_syntax) as stream:
            found = map_pixels(stream, encoding_of(syntax), video=is_video(syntax))
        if len(found.frames) <= LONGEST_REMEMBERED:
            with self._lock:
                self._known[instance.digest] = found
                while len(self._known) > REMEMBERED:
                    self._known.popitem(last=False)
        return found

    def stored(self, instance: Instance, number: int) -> bytes:
        """Read a frame as it is stored, little endian when native."""
        where = self.map(instance)
        with open_plain(self._blobs, instance.digest, instance.transfer_syntax) as stream:
            return read_frame(stream, where, number)

    def native(self, instance: Instance, number: int) -> bytes:
        """Return a frame uncompressed; raises Invalid when it can't be decoded."""
        if served(instance.transfer_syntax) in NATIVE:
            return self.stored(instance, number)
        return self._fence.run(self._job(NATIVE_FRAME, instance, number))

    def encodable(self, instance: Instance) -> frozenset[str]:
        """Say into which syntaxes the frames can be encoded: grey ones that are native."""
        pixels = (instance.rows or 0) * (instance.columns or 0)
        if served(instance.transfer_syntax) not in NATIVE or not pixels:
            return frozenset()
        return (
            MADE if self.map(instance).frame_bits in (8 * pixels, 16 * pixels) else frozenset()
        )

    def encoded(self, instance: Instance, number: int, syntax: str) -> bytes:
        """Return a frame in one of the `encodable` syntaxes, kept once made; raises Invalid."""

        def make() -> bytes:
            where, own = self.map(instance), served(instance.transfer_syntax)
            with open_plain(self._blobs, instance.digest, instance.transfer_syntax) as stream:
                head = read_head(stream, encoding_of(own), loaded=True)
                return encode(decode(head, own, read_frame(stream, where, number))[0], syntax)

        return self._made.get(instance.digest, number, syntax, make=make)

    def picture(self, instance: Instance, number: int, look: Look) -> bytes:
        """Make a picture of a frame; raises Invalid when it can't be decoded."""
        return self._fence.run(self._job(PICTURE, instance, number, look))

    def _job(self, act: str, instance: Instance, number: int, look: Look | None = None) -> Job:
        syntax, where = served(instance.transfer_syntax), self.map(instance)
        with open_plain(self._blobs, instance.digest, instance.transfer_syntax) as stream:
            return job_of(act, stream, where, syntax, number, look)
