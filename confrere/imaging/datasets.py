"""Read a stored data set's head with pydicom, and write it as DICOM JSON.

Source: PS3.18 annex F. Large binary values are left where they are: the JSON points at them.
"""

import base64
import logging
import warnings
from typing import Any, BinaryIO

import pydicom.config
from pydicom import Dataset
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.filereader import read_dataset
from pydicom.tag import BaseTag

from confrere.imaging.elements import PIXEL_DATA, Encoding
from confrere.imaging.layout import element_at
from confrere.imaging.pixels import DOUBLE_PIXELS, FLOAT_PIXELS
from confrere.kernel.errors import Invalid, NotFound

# what pydicom warns about it quotes: values of patients, which belong in no log
pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE
logging.getLogger("pydicom").setLevel(logging.CRITICAL)
warnings.filterwarnings("ignore", category=UserWarning, module=r"pydicom\.")

INLINE = 4096  # bytes of a binary value that are written into the JSON
BINARY = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN"})
PIXEL_TAGS = {PIXEL_DATA: "OW", FLOAT_PIXELS: "OF", DOUBLE_PIXELS: "OD"}
Json = dict[str, Any]


def read_head(stream: BinaryIO, encoding: Encoding, *, loaded: bool = False) -> Dataset:
    """Parse the data set up to its pixel data; long values stay in the stream unless `loaded`.

    Raises Invalid.
    """
    stream.seek(0)
    try:
        return read_dataset(
            stream,
            encoding.implicit,
            not encoding.big,
            stop_when=lambda tag, _vr, _length: tag in PIXEL_TAGS,
            defer_size=None if loaded else INLINE,
        )
    except RecursionError:
        raise Invalid("sequences are nested too deeply; flatten them") from None
    except Exception as error:
        raise Invalid("the data set can't be parsed; have the object sent again") from error


def metadata(stream: BinaryIO, encoding: Encoding, url: str) -> Json:
    """Write a stored object's attributes as DICOM JSON; `url` is the instance's own."""
    head = read_head(stream, encoding)
    pixels = element_at(stream, stream.tell(), encoding)  # reading stopped there
    try:
        answer = _members(head, stream, f"{url}/bulkdata")
    except RecursionError:
        raise Invalid("sequences are nested too deeply; flatten them") from None
    if pixels and pixels.tag in PIXEL_TAGS:
        vr = pixels.vr.decode() or PIXEL_TAGS[pixels.tag]
        uri = f"{url}/bulkdata/{pixels.tag:08X}"
        answer[f"{pixels.tag:08X}"] = {"vr": vr, "BulkDataURI": uri}
    return answer


def bulk_value(stream: BinaryIO, encoding: Encoding, path: str) -> tuple[int, int] | bytes:
    """Find a binary value by its path, `TAG` or `TAG/item/TAG`...

    Returns offset and length of a value at the top, the value itself below; raises NotFound.
    """
    head = read_head(stream, encoding)
    *above, last = path.split("/")
    try:
        for tag, item in zip(above[::2], above[1::2], strict=True):
            head = head[int(tag, 16)].value[int(item)]
        element = head.get_item(BaseTag(int(last, 16)), keep_deferred=True)
    except (ValueError, KeyError, IndexError, TypeError, AttributeError):
        element = None
    if element is None:
        raise NotFound("this object has no such bulk data")
    if not above and isinstance(element, RawDataElement) and element.value is None:
        return element.value_tell, element.length
    value = element.value
    vr = str(element.VR or _usual(element.tag))
    if not isinstance(value, bytes) or not BINARY & set(vr.split(" or ")):
        raise NotFound("this attribute is not bulk data")
    return value


def _members(dataset: Dataset, stream: BinaryIO | None, url: str) -> Json:
    answer: Json = {}
    for tag in sorted(dataset.keys()):
        name = f"{int(tag):08X}"
        if name[4:] == "0000":
            continue  # group lengths say nothing about the values here
        raw = dataset.get_item(tag, keep_deferred=True)
        if isinstance(raw, RawDataElement) and raw.value is None and raw.length > INLINE:
            vr = str(raw.VR or _usual(tag))
            if vr in BINARY:
                answer[name] = {"vr": vr, "BulkDataURI": f"{url}/{name}"}
                continue
            _load(dataset, raw, stream)
        answer[name] = _member(dataset, tag, f"{url}/{name}")
    if "00080005" in answer:
        answer["00080005"] = {"vr": "CS", "Value": ["ISO_IR 192"]}
    return answer


def _load(dataset: Dataset, raw: RawDataElement, stream: BinaryIO | None) -> None:
    """Read a long value that is not binary, such as a report's text."""
    if stream is None:
        raise Invalid("a nested value is missing; have the object sent again")
    stream.seek(raw.value_tell)
    dataset[raw.tag] = raw._replace(value=stream.read(raw.length))


def _member(dataset: Dataset, tag: BaseTag, url: str) -> Json:
    """Write one attribute; a value that breaks its type's rules is left out, not guessed."""
    try:
        element = dataset[tag]
        if element.VR == "SQ":
            items = enumerate(element.value)
            inner = [_members(item, None, f"{url}/{number}") for number, item in items]
            return {"vr": "SQ", "Value": inner} if inner else {"vr": "SQ"}
        if isinstance(element.value, bytes):
            return _binary(element, url)
        return element.to_json_dict(None, 0)
    except RecursionError:
        raise
    except Exception:  # noqa: BLE001 - pydicom raises what the value's converter raises
        raw = dataset.get_item(tag, keep_deferred=True)
        vr = getattr(raw, "VR", None) or _usual(tag)
        return {"vr": str(vr)}


def _binary(element: DataElement, url: str) -> Json:
    vr = element.VR if element.VR in BINARY else "OW" if "OW" in element.VR else "UN"
    if len(element.value) > INLINE:
        return {"vr": vr, "BulkDataURI": url}
    if not element.value:
        return {"vr": vr}
    return {"vr": vr, "InlineBinary": base64.b64encode(element.value).decode()}


def _usual(tag: BaseTag) -> str:
    try:
        return dictionary_VR(tag).split(" or ")[-1]
    except KeyError:
        return "UN"
