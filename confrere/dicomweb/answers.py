"""Search results and store responses as DICOM JSON (PS3.18 annexes F and I). Pure."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from confrere.imaging.attributes import ATTRIBUTES, Attribute, Level
from confrere.imaging.model import Found
from confrere.imaging.syntaxes import served

Json = dict[str, Any]
# returned without asking (PS3.18 tables 10.6.3-3 to 10.6.3-5); issuer is ours, because a
# patient ID says nothing without it
USUAL = frozenset(
    {one.hex for one in ATTRIBUTES}
    - {"00080080", "00081030", "00083002", "00080021", "00080031", "00180015"}
)


def results(found: Iterable[Found], level: Level, extra: frozenset[str], base: str) -> bytes:
    """Write search results; `extra` names tags to add, or "all"."""
    shown = [
        one
        for one in ATTRIBUTES
        if one.level <= level and (one.hex in USUAL or one.hex in extra or "all" in extra)
    ]
    rows = [_result(one, level, shown, base) for one in found]
    return json.dumps(rows, separators=(",", ":"), ensure_ascii=False).encode()


def _result(found: Found, level: Level, shown: list[Attribute], base: str) -> Json:
    answer: Json = {
        "00080005": {"vr": "CS", "Value": ["ISO_IR 192"]},
        "00080056": {"vr": "CS", "Value": ["ONLINE"]},
        "00081190": {"vr": "UR", "Value": [_url(found, level, base)]},
    }
    of_level = {
        Level.STUDY: found.study,
        Level.SERIES: found.series,
        Level.INSTANCE: found.instance,
    }
    for one in shown:
        answer[one.hex] = attribute(one, getattr(of_level[one.level], one.column))
    return dict(sorted(answer.items()))


def attribute(one: Attribute, value: Any) -> Json:
    """Write one attribute; empty values have no Value."""
    if value in (None, "", ()):
        return {"vr": one.vr}
    if one.vr == "PN":
        return {"vr": "PN", "Value": [_name(value)]}
    if one.keyword == "AvailableTransferSyntaxUID":
        value = served(value)
    return {"vr": one.vr, "Value": list(value) if isinstance(value, tuple) else [value]}


def _name(value: str) -> Json:
    groups = zip(("Alphabetic", "Ideographic", "Phonetic"), value.split("="), strict=False)
    return {key: text for key, text in groups if text}


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
    warning: int = 0  # warning reason (0008,1196)


PROCESSING_FAILURE = 0x0110
NOT_AUTHORIZED = 0x0124
OUT_OF_RESOURCES = 0xA700
CANNOT_UNDERSTAND = 0xC000
ALREADY_EXISTS = 45070  # other bytes are filed under this UID


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
    warned = any(part.warning for part in good)
    status = 409 if not good else 202 if bad or other or warned else 200
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
        if part.warning:
            item["00081196"] = {"vr": "US", "Value": [part.warning]}
    return item
