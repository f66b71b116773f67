"""What a person sees of a held object: a frame in its own size, suggested boxes, cleaned text."""

from collections.abc import Iterator

from pydicom import Dataset

from confrere.files.folder import BlobStore
from confrere.imaging.confidentiality import Options
from confrere.imaging.deid_model import Box, Held
from confrere.imaging.deidentifying import deidentify, patient_of
from confrere.imaging.elements import encoding_of
from confrere.imaging.fenced import PICTURE, SHARED, job_of
from confrere.imaging.lettered import lettered
from confrere.imaging.pixels import map_pixels
from confrere.imaging.plain import open_plain
from confrere.imaging.pseudonyms import Pseudonyms
from confrere.imaging.released import read_whole
from confrere.imaging.rendering import Look
from confrere.imaging.risks import known_boxes, uncovered
from confrere.imaging.syntaxes import is_video, served
from confrere.kernel.errors import DomainError


def picture(blobs: BlobStore, held: Held, number: int) -> bytes:
    """Make a PNG of frame `number`, counted from 1; raises Invalid or NotFound."""
    syntax = served(held.transfer_syntax)
    with open_plain(blobs, held.digest, held.transfer_syntax) as stream:
        encoding = encoding_of(syntax)
        pixels = map_pixels(stream, encoding, video=is_video(syntax))
        job = job_of(PICTURE, stream, pixels, syntax, number, Look("image/png"))
    return SHARED.run(job)


def suggested(blobs: BlobStore, held: Held) -> tuple[Box, ...]:
    """Say where text is burned in by rule or seems to be, for a person to accept or mend."""
    if not held.rows:
        return ()
    try:
        known = known_boxes(read_whole(blobs, held.digest, held.transfer_syntax))
    except DomainError:
        return ()
    return (*known, *uncovered(lettered(blobs, held.digest, held.transfer_syntax), known))


def words(blobs: BlobStore, held: Held, options: Options) -> str:
    """Give a report's text as it would leave: cleaned. Empty where there is none to show."""
    try:
        data = read_whole(blobs, held.digest, held.transfer_syntax)
        # the text does not depend on the key
        deidentify(data, options, Pseudonyms(b"\0" * 32, patient_of(data)))
    except (DomainError, ValueError, TypeError, AttributeError):
        return ""
    return "\n".join(_lines(data))


def _lines(data: Dataset) -> Iterator[str]:
    for item in data.get("ContentSequence") or ():
        name = item.get("ConceptNameCodeSequence")
        title = str(name[0].get("CodeMeaning") or "") if name else ""
        for word in ("TextValue", "PersonName", "DateTime", "Date", "UID"):
            if item.get(word):
                yield f"{title}: {item.get(word)}"
        for code in item.get("ConceptCodeSequence") or ():
            yield f"{title}: {code.get('CodeMeaning') or ''}"
        yield from _lines(item)
