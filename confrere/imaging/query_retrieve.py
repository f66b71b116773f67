"""The query/retrieve information models: what an identifier asks of the index. Pure.

Hierarchical as PS3.4 C.4.1.2.1: the unique keys of the levels above must be given, as one
value for C-FIND. Source: PS3.4 sections C.2.2.2, C.3 and C.6, tables C.6-1 to C.6-5.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from confrere.imaging.attributes import BY_NAME, Attribute, Level
from confrere.imaging.matching import AnyOf, Match, is_uid, match
from confrere.imaging.model import Found
from confrere.kernel.errors import Invalid

PATIENT, STUDY, SERIES, IMAGE = "PATIENT", "STUDY", "SERIES", "IMAGE"
_LEVELS = {
    PATIENT: Level.STUDY,
    STUDY: Level.STUDY,
    SERIES: Level.SERIES,
    IMAGE: Level.INSTANCE,
}
_UNIQUE = {
    PATIENT: BY_NAME["PatientID"],
    STUDY: BY_NAME["StudyInstanceUID"],
    SERIES: BY_NAME["SeriesInstanceUID"],
    IMAGE: BY_NAME["SOPInstanceUID"],
}
_OF_PATIENT = frozenset(
    BY_NAME[word].tag
    for word in (
        "PatientName",
        "PatientID",
        "IssuerOfPatientID",
        "PatientBirthDate",
        "PatientSex",
    )
)
# what an identifier holds that is no key: level, character set, offset from UTC, retrieve AE,
# availability
NO_KEYS = frozenset((0x00080005, 0x00080052, 0x00080054, 0x00080056, 0x00080201))


@dataclass(frozen=True, slots=True)
class Plan:
    """What to search and what to answer with."""

    name: str  # PATIENT, STUDY, SERIES or IMAGE
    level: Level
    matches: tuple[Match, ...]
    returned: tuple[Attribute, ...]
    unsupported: bool  # a key was to match that is not indexed (status FF01)


def plan_find(model: str, level: str, keys: Mapping[int, str]) -> Plan:
    """Read a C-FIND identifier; `model` is PATIENT or STUDY, the root.

    Raises Invalid naming the field.
    """
    above = _above(model, level)
    matches: list[Match] = [_single(_UNIQUE[one], keys) for one in above]
    able = {a.tag: a for a in _answerable(level)}
    known = [able[tag] for tag in keys if tag in able]
    done = {_UNIQUE[one].tag for one in above}
    asked = (match(a, keys[a.tag]) for a in known if a.tag not in done)
    matches += [wanted for wanted in asked if wanted is not None]
    unsupported = any(
        text.strip("*") and tag not in able and tag not in NO_KEYS for tag, text in keys.items()
    )
    unique = [_UNIQUE[one] for one in (*above, level)]
    returned = {a.tag: a for a in (*known, *unique)}
    return Plan(level, _LEVELS[level], tuple(matches), tuple(returned.values()), unsupported)


def plan_retrieve(model: str, level: str, keys: Mapping[int, str]) -> Plan:
    """Read a C-MOVE or C-GET identifier: unique keys only, lists of UIDs at its own level.

    Raises Invalid naming the field. Source: PS3.4 C.4.2.2.1, C.4.3.2.1.
    """
    above = _above(model, level)
    matches = [_single(_UNIQUE[one], keys) for one in above]
    own = _UNIQUE[level]
    text = keys.get(own.tag, "")
    wanted = _single(own, keys) if level == PATIENT else match(own, text)
    if not isinstance(wanted, AnyOf):
        raise Invalid(f"{own.keyword}: say which to retrieve", own.keyword)
    return Plan(level, _LEVELS[level], (*matches, wanted), (), unsupported=False)


def _above(model: str, level: str) -> tuple[str, ...]:
    order = (PATIENT, STUDY, SERIES, IMAGE) if model == PATIENT else (STUDY, SERIES, IMAGE)
    if level not in order:
        raise Invalid(f"QueryRetrieveLevel is one of {', '.join(order)}", "QueryRetrieveLevel")
    return order[: order.index(level)]


def _answerable(level: str) -> Iterable[Attribute]:
    if level == PATIENT:
        return (a for a in BY_NAME.values() if a.tag in _OF_PATIENT)
    return (a for a in BY_NAME.values() if a.level <= _LEVELS[level])


def _single(attribute: Attribute, keys: Mapping[int, str]) -> AnyOf:
    """Take a unique key of a level above: one value, nothing else."""
    text = keys.get(attribute.tag, "").strip()
    if attribute.vr == "UI" and not is_uid(text):
        raise Invalid(
            f"{attribute.keyword}: give the one UID above this level", attribute.keyword
        )
    if not text or (attribute.vr != "UI" and set("*?\\") & set(text)):
        raise Invalid(
            f"{attribute.keyword}: give the one value above this level", attribute.keyword
        )
    return AnyOf(attribute, (text,))


def value_of(found: Found, attribute: Attribute) -> str:
    """The text of an attribute of one result; several values are parted by backslashes."""
    holder = (found.study, found.series, found.instance)[attribute.level]
    value = getattr(holder, attribute.column)
    if isinstance(value, tuple):
        return "\\".join(value)
    return "" if value is None else str(value)
