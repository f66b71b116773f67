"""Private attributes: all go, but those that PS3.15 Table E.3.10-1 calls safe may stay."""

from functools import cache
from importlib.resources import files

from pydicom import Dataset
from pydicom.tag import BaseTag

_FIRST_OF_BLOCK = 0x1000


@cache
def _safe() -> frozenset[tuple[str, int, int]]:
    text = files("confrere.imaging").joinpath("safe_private.tsv").read_text(encoding="utf-8")
    lines = [one.split("\t") for one in text.splitlines() if not one.startswith("#")]
    return frozenset((one[0], int(one[1], 16), int(one[2], 16)) for one in lines)


@cache
def _vrs() -> dict[tuple[str, int, int], str]:
    text = files("confrere.imaging").joinpath("safe_private.tsv").read_text(encoding="utf-8")
    lines = [one.split("\t") for one in text.splitlines() if not one.startswith("#")]
    return {(one[0], int(one[1], 16), int(one[2], 16)): one[3] for one in lines}


def drop_unsafe(data: Dataset, *, keep: bool) -> int:
    """Remove private attributes, with `keep` all but the safe ones; return how many went.

    A safe one stays only where its stored VR is the listed one or unknown (implicit VR), so
    that a text can't pass as a number.
    """
    private = [tag for tag in list(data.keys()) if BaseTag(tag).is_private]
    kept: set[tuple[int, int]] = set()
    gone = 0
    for tag in private:
        if tag.element < _FIRST_OF_BLOCK:
            continue
        block = (tag.group, tag.element >> 8)
        if keep and _is_safe(data, tag):
            kept.add(block)
        else:
            del data[tag]
            gone += 1
    for tag in private:
        if tag.element < _FIRST_OF_BLOCK and (tag.group, tag.element) not in kept:
            del data[tag]
            gone += 1
    return gone


def _is_safe(data: Dataset, tag: BaseTag) -> bool:
    creator = data.get(BaseTag(tag.group << 16 | tag.element >> 8))
    if creator is None:
        return False
    name = (str(creator.value).strip(), tag.group, tag.element & 0xFF)
    return name in _safe() and _vrs()[name] == data[tag].VR
