"""What de-identification does with each attribute: PS3.15 annex E, Table E.1-1. Pure.

The table's edition, and where each column was taken from, stand at the head of
`confidentiality.tsv`; `attribute_types.tsv` resolves the combined actions by the attribute's
Type in the IOD (PS3.15 E.1.1, note to Table E.1-1a).
"""

from dataclasses import asdict, dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files

from confrere.kernel.errors import Invalid

EDITION = "DICOM PS3.15 2026c"
CURVES, OVERLAYS = 0x50, 0x60  # groups 50xx and 60xx
_SHORT = "1.2.840.10008.5.1.4"


class Action(StrEnum):
    """The action codes of Table E.1-1a."""

    DUMMY = "D"
    EMPTY = "Z"
    REMOVE = "X"
    KEEP = "K"
    CLEAN = "C"
    UID = "U"


@dataclass(frozen=True, slots=True)
class Options:
    """The options of PS3.15 E.3; without any, the Basic Profile alone."""

    pixels: bool = True  # Clean Pixel Data
    faces: bool = False  # Clean Recognizable Visual Features
    graphics: bool = False
    content: bool = False  # Clean Structured Content
    descriptors: bool = False
    full_dates: bool = False
    modified_dates: bool = False
    patient: bool = False  # Retain Patient Characteristics
    device: bool = False
    institution: bool = False
    uids: bool = False
    private: bool = False  # Retain Safe Private

    def __post_init__(self) -> None:
        if self.full_dates and self.modified_dates:
            raise Invalid("choose full dates or modified dates, not both", "dates")

    @property
    def chosen(self) -> frozenset[str]:
        """The names of the options that are on."""
        return frozenset(name for name, on in asdict(self).items() if on)


# CID 7050: code value and meaning, in the order of E.3
CODES = {
    "pixels": ("113101", "Clean Pixel Data Option"),
    "faces": ("113102", "Clean Recognizable Visual Features Option"),
    "graphics": ("113103", "Clean Graphics Option"),
    "content": ("113104", "Clean Structured Content Option"),
    "descriptors": ("113105", "Clean Descriptors Option"),
    "full_dates": ("113106", "Retain Longitudinal Temporal Information Full Dates Option"),
    "modified_dates": (
        "113107",
        "Retain Longitudinal Temporal Information Modified Dates Option",
    ),
    "patient": ("113108", "Retain Patient Characteristics Option"),
    "device": ("113109", "Retain Device Identity Option"),
    "uids": ("113110", "Retain UIDs Option"),
    "private": ("113111", "Retain Safe Private Option"),
    "institution": ("113112", "Retain Institution Identity Option"),
}
BASIC = ("113100", "Basic Application Confidentiality Profile")


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of the table."""

    keyword: str
    basic: str  # an action code, or several joined by /
    options: dict[str, str]


@cache
def table() -> dict[str, Rule]:
    """Read Table E.1-1 by tag, eight hexadecimal digits."""
    found = {}
    for line in _lines("confidentiality.tsv"):
        tag, keyword, basic, *options = line.split("\t")
        codes = {}
        for one in " ".join(options).split():
            name, _, code = one.partition("=")
            codes[name] = code
        found[tag] = Rule(keyword, basic, codes)
    return found


@cache
def _types() -> dict[tuple[str, str], str]:
    found = {}
    for line in _lines("attribute_types.tsv"):
        tag, kind, classes = line.split("\t")
        for name in classes.split():
            found[tag, _SHORT + name if name.startswith(".") else name] = kind
    return found


def _lines(name: str) -> list[str]:
    text = files("confrere.imaging").joinpath(name).read_text(encoding="utf-8")
    return [line for line in text.splitlines() if not line.startswith("#")]


def action_of(
    tag: int, vr: str, options: frozenset[str], sop_class: str = "", *, nested: bool = False
) -> Action | None:
    """Say what is done with an attribute; None where the table does not list it.

    Options change what the Basic Profile says. Where two speak, dates follow the date option
    (a device's calibration date too), else keeping goes before cleaning.
    """
    if tag >> 24 in (CURVES, OVERLAYS):
        return Action.REMOVE  # "clean" as well: a bitmap can't be cleaned, only left out
    rule = table().get(f"{tag:08X}")
    if rule is None:
        return None
    said = {name: code for name, code in rule.options.items() if name in options}
    if vr in ("DA", "DT", "TM") and "modified_dates" in said:
        return Action(said["modified_dates"])
    if said:
        return Action.KEEP if "K" in said.values() else Action.CLEAN
    return _resolved(rule.basic, f"{tag:08X}", sop_class, nested=nested)


def _resolved(basic: str, tag: str, sop_class: str, *, nested: bool) -> Action:
    """Choose among joined codes by the attribute's Type: 1 a dummy, 2 empty, 3 removed.

    Where the Type is not known - a nested attribute, an unknown SOP class - what keeps the
    object valid whatever the Type is chosen.
    """
    if "/" not in basic:
        return Action(basic)
    codes = basic.replace("*", "").split("/")
    if codes[-1] == "U":
        return Action.UID
    kind = None if nested else _types().get((tag, sop_class))
    wanted = {"3": ("X", "Z", "D"), "2": ("Z", "D")}.get(kind or "", ("D", "Z"))
    return Action(next(code for code in wanted if code in codes))
