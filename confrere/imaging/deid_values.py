"""What stands in a value's place, by its VR, and how a value's parts are changed."""

import re
from collections.abc import Callable, Iterator

from pydicom import Dataset
from pydicom.dataelem import DataElement
from pydicom.multival import MultiValue

from confrere.imaging.pseudonyms import NO_DATE, NO_MOMENT, NO_TIME

TEXTS = frozenset({"LO", "SH", "ST", "LT", "UT", "UC", "UR", "AE"})
PROSE = frozenset({"ST", "LT", "UT", "UC"})
DATES = frozenset({"DA", "TM", "DT"})
WORD = "REMOVED"
OLDEST = 89  # years; 45 CFR 164.514(b)(2)(i)(C): older ages are one category
_DUMMIES: dict[str, object] = {
    **dict.fromkeys(("LO", "SH", "ST", "LT", "UT", "UC", "AE", "CS", "PN"), WORD),
    "DA": NO_DATE, "TM": NO_TIME, "DT": NO_MOMENT, "AS": "000Y", "DS": "0", "IS": "0",
    "UR": "http://removed.invalid",
    **dict.fromkeys(("US", "SS", "UL", "SL", "UV", "SV"), 0),
    **dict.fromkeys(("FL", "FD"), 0.0),
}  # fmt: skip
_AGE = re.compile(r"(\d{3})Y")


def dummy(vr: str) -> object:
    """A value that says nothing and fits the VR."""
    return _DUMMIES.get(vr, b"\0\0")


def young(age: str) -> str:
    """Write an age of 90 years or more as 090Y."""
    found = _AGE.fullmatch(age.strip())
    return "090Y" if found and int(found[1]) > OLDEST else age


def changed(element: DataElement, change: Callable[[str], str]) -> object:
    """Change each of an element's values."""
    if isinstance(element.value, MultiValue | list):
        return [change(str(one)) for one in element.value]
    return change(str(element.value)) if element.value not in (None, "") else element.value


def words_of(data: Dataset, tags: frozenset[int], shortest: int) -> Iterator[str]:
    """Give every person's name in a data set, and the values of `tags`, nested ones too.

    Values of `tags` that are shorter than `shortest` are left out.
    """
    for element in data:
        if element.VR == "SQ":
            for item in element.value:
                yield from words_of(item, tags, shortest)
            continue
        if element.VR != "PN" and element.tag not in tags:
            continue
        values = element.value if isinstance(element.value, MultiValue) else [element.value]
        for one in values:
            if element.VR == "PN" or len(str(one or "")) >= shortest:
                yield str(one or "")
