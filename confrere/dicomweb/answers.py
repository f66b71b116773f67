"""Search results and store responses as DICOM JSON (PS3.18 annexes F and I). Pure."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from json.encoder import encode_basestring as quoted
from operator import attrgetter
from typing import Any

from confrere.imaging.attributes import ATTRIBUTES, Attribute, Level
from confrere.imaging.model import Found
from confrere.imaging.syntaxes import served

Json = dict[str, Any]
URL = ""  # in place of a member: the result's own address
# returned without asking (PS3.18 tables 10.6.3-3 to 10.6.3-5); issuer is ours, because a
# patient ID says nothing without it
USUAL = frozenset(
    {one.hex for one in ATTRIBUTES}
    - {"00080080", "00081030", "00083002", "00080021", "00080031", "00180015"}
)


def results(found: Iterable[Found], level: Level, extra: frozenset[str], base: str) -> bytes:
    """Write search results; `extra` names tags to add, or "all"."""
    members = _members(level, extra)
    return b"[" + ",".join(_result(one, level, members, base) for one in found).encode() + b"]"


@dataclass(frozen=True, slots=True)
class _Member:
    """How one attribute of every result is written."""

    head: str  # its tag and VR, the object still open
    of: int  # the level that it is read from
    value: Callable[[Any], Any]
    text: Callable[[Any], str]


@lru_cache(maxsize=64)
def _members(level: Level, extra: frozenset[str]) -> tuple[_Member | str, ...]:
    """What each result holds, in the order of tags; URL stands for its own address."""
    members: dict[str, _Member | str] = {
        "00080005": '"00080005":{"vr":"CS","Value":["ISO_IR 192"]}',
        "00080056": '"00080056":{"vr":"CS","Value":["ONLINE"]}',
        "00081190": URL,
    }
    for one in ATTRIBUTES:
        if one.level <= level and (one.hex in USUAL or one.hex in extra or "all" in extra):
            head = f'"{one.hex}":{{"vr":"{one.vr}"'
            members[one.hex] = _Member(head, one.level, attrgetter(one.column), _text_of(one))
    return tuple(members[tag] for tag in sorted(members))


def _text_of(one: Attribute) -> Callable[[Any], str]:
    if one.vr == "PN":
        return _name
    if one.keyword == "AvailableTransferSyntaxUID":
        return lambda value: quoted(served(value))
    if one.column == "modalities":
        return lambda value: ",".join(map(quoted, value))
    return str if one.vr in ("IS", "US") else quoted


def _result(found: Found, level: Level, members: tuple[_Member | str, ...], base: str) -> str:
    levels = (found.study, found.series, found.instance)
    pieces = []
    for member in members:
        if isinstance(member, str):
            pieces.append(
                member or f'"00081190":{{"vr":"UR","Value":["{_url(found, level, base)}"]}}'
            )
            continue
        value = member.value(levels[member.of])
        # an empty value has no Value (PS3.18 F.2.5)
        empty = value is None or value in ("", ())
        pieces.append(member.head + ("}" if empty else f',"Value":[{member.text(value)}]}}'))
    return "{" + ",".join(pieces) + "}"


def _name(value: str) -> str:
    groups = zip(("Alphabetic", "Ideographic", "Phonetic"), value.split("="), strict=False)
    return "{" + ",".join(f'"{key}":{quoted(text)}' for key, text in groups if text) + "}"


def _url(found: Found, level: Level, base: str) -> str:
    url = f"{base}/studies/{found.study.study_uid}"
    if level >= Level.SERIES and found.series:
        url += f"/series/{found.series.series_uid}"
    if level is Level.INSTANCE and found.instance:
        url += f"/instances/{found.instance.sop_uid}"
    return url


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of one part of a store request."""

    sop_class: str = ""
    sop_uid: str = ""
    study_uid: str = ""
    series_uid: str = ""
    failure: int = 0  # failure reason (0008,1197); zero is success
    because: str = ""  # why it failed, for a person; without patient data


# failure reasons (PS3.18 table I.2-2; those it does not list are the C-STORE statuses of
# PS3.7 annex C). Nothing is coerced here, so no instance ever has a warning reason.
PROCESSING_FAILURE = 0x0110  # 272
DUPLICATE = 0x0111  # 273: other bytes are filed under this UID; the same bytes are a success
CLASS_NOT_SUPPORTED = 0x0122  # 290: no class of stored objects
NOT_AUTHORIZED = 0x0124  # 292
OUT_OF_RESOURCES = 0xA700  # 42752
NOT_ITS_CLASS = 0xA900  # 43264: the data set is not what its meta or the address say
CANNOT_UNDERSTAND = 0xC000  # 49152
SYNTAX_NOT_SUPPORTED = 0xC122  # 49442: a private syntax, which nobody else can read
MOST_TOLD = 5
UNQUOTED = str.maketrans({'"': "'", "\\": "/", "\r": " ", "\n": " "})


def store_response(parts: list[Stored], base: str) -> tuple[int, bytes]:
    """Write the response to a store request and its HTTP status (PS3.18 table 10.5.3-1)."""
    good = [part for part in parts if not part.failure]
    bad = [part for part in parts if part.failure and part.sop_uid]
    other = [part for part in parts if part.failure and not part.sop_uid]
    answer: Json = {}
    studies = {part.study_uid for part in good}
    if len(studies) == 1:
        answer["00081190"] = {"vr": "UR", "Value": [f"{base}/studies/{studies.pop()}"]}
    for tag, members in (("00081198", bad), ("00081199", good), ("0008119A", other)):
        if members:
            items = [_reference(part, base) for part in members]
            answer[tag] = {"vr": "SQ", "Value": items}
    status = 409 if not good else 202 if bad or other else 200
    return status, json.dumps(answer, separators=(",", ":")).encode()


def _reference(part: Stored, base: str) -> Json:
    item: Json = {}
    if part.sop_class:
        item["00081150"] = {"vr": "UI", "Value": [part.sop_class]}
    if part.sop_uid:
        item["00081155"] = {"vr": "UI", "Value": [part.sop_uid]}
    if part.failure:
        item["00081197"] = {"vr": "US", "Value": [part.failure]}
    else:
        place = f"studies/{part.study_uid}/series/{part.series_uid}/instances/{part.sop_uid}"
        item["00081190"] = {"vr": "UR", "Value": [f"{base}/{place}"]}
    return item


def told(parts: list[Stored]) -> dict[str, str]:
    """Write the reasons as a Warning header for people: codes alone help nobody (RFC 7234 5.5)."""
    reasons = dict.fromkeys(part.because for part in parts if part.failure and part.because)
    texts = [one.translate(UNQUOTED)[:200] for one in list(reasons)[:MOST_TOLD]]
    lines = [f'299 confrere: "{one.encode("ascii", "replace").decode()}"' for one in texts]
    return {"Warning": ", ".join(lines)} if lines else {}
