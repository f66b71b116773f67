"""Where letters seem to be burned into a stored object: in its first, middle and last frame."""

import json

from confrere.files.folder import BlobStore
from confrere.imaging.elements import encoding_of
from confrere.imaging.fenced import LETTERS, SHARED, job_of
from confrere.imaging.pixels import map_pixels
from confrere.imaging.plain import open_plain
from confrere.imaging.risks import Box
from confrere.imaging.syntaxes import is_video, served
from confrere.kernel.errors import DomainError


def lettered(blobs: BlobStore, digest: bytes, syntax: str) -> tuple[Box, ...]:
    """Find boxes for a person to look at. None where there are no pixels, or none to decode.

    Pixels that can't be decoded can't be shown either, and are left out where they must be
    blacked out.
    """
    own = served(syntax)
    found: dict[Box, None] = {}
    try:
        with open_plain(blobs, digest, syntax) as stream:
            pixels = map_pixels(stream, encoding_of(own), video=is_video(own))
            for number in sorted({1, (pixels.count + 1) // 2, pixels.count}):
                job = job_of(LETTERS, stream, pixels, own, number)
                for x, y, wide, high in json.loads(SHARED.run(job)):
                    found[int(x), int(y), int(wide), int(high)] = None
    except (DomainError, ValueError, TypeError):
        pass
    return tuple(found)
