"""A reading task as a UPS workitem in DICOM JSON, and matching of search keys. Pure.

Source: PS3.4 table CC.2.5-3; PS3.18 section 11 and annex F.
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from confrere.kernel.errors import Invalid, NotFound
from confrere.kernel.ids import ItemId
from confrere.orders.priorities import AT_ONCE, ROUTINE
from confrere.worklist.model import Item, State

Json = dict[str, Any]
UPS_PUSH = "1.2.840.10008.5.1.4.34.6.1"
SCHEDULED, IN_PROGRESS, COMPLETED, CANCELED = (
    "SCHEDULED", "IN PROGRESS", "COMPLETED", "CANCELED",
)  # fmt: skip
STATES = {
    State.WAITING: SCHEDULED,
    State.OFFERED: SCHEDULED,
    State.HELD: IN_PROGRESS,
    State.PRELIMINARY: IN_PROGRESS,
    State.FINAL: COMPLETED,
    State.EXTERNAL: CANCELED,  # nobody here signed it
    State.CANCELLED: CANCELED,
}
REQUEST = ("0040A370", "00080050")
# what can be searched: keyword to its place
KEYS = {
    "SOPInstanceUID": ("00080018",),
    "ProcedureStepState": ("00741000",),
    "ScheduledProcedureStepPriority": ("00741200",),
    "ProcedureStepLabel": ("00741204",),
    "WorklistLabel": ("00741202",),
    "InputReadinessState": ("00404041",),
    "ScheduledProcedureStepStartDateTime": ("00404005",),
    "ExpectedCompletionDateTime": ("00404011",),
    "PatientName": ("00100010",),
    "PatientID": ("00100020",),
    "PatientBirthDate": ("00100030",),
    "ReferencedRequestSequence.AccessionNumber": REQUEST,
}
RANGED = ("00404005", "00404011", "00100030")


def uid_of(item: ItemId) -> str:
    """The workitem's UID (PS3.5 section B.2)."""
    return f"2.25.{item.int}"


def item_of(uid: str) -> ItemId:
    """The exam that a workitem UID names; NotFound for any other UID."""
    if not re.fullmatch(r"2\.25\.(0|[1-9][0-9]{0,38})", uid) or int(uid[5:]) >= 1 << 128:
        raise NotFound("no such workitem: only those of the search exist")
    return ItemId(UUID(int=int(uid[5:])))


def workitem(item: Item, study_uid: str, base: str, *, withheld: bool) -> Json:
    """Write one exam; `withheld` leaves out all that tells whose it is."""
    made: Json = {}
    _put(made, "00080005", "CS", "ISO_IR 192")
    _put(made, "00080016", "UI", UPS_PUSH)
    _put(made, "00080018", "UI", uid_of(item.id))
    _put(made, "00404005", "DT", _instant(item.began_at))
    _put(made, "00404010", "DT", _instant(item.updated_at))
    _put(made, "00404011", "DT", _instant(item.due_at))
    _put(made, "00404018", "SQ", _code("110005", "Interpretation"))
    _put(made, "00404041", "CS", "READY" if item.images_complete else "INCOMPLETE")
    _put(made, "00741000", "CS", STATES[item.state])
    _put(made, "00741200", "CS", _priority(item))
    _put(made, "00741202", "LO", item.site_name)
    _put(made, "00741204", "LO", item.description)
    if item.held_name:
        name: Json = {}
        _put(name, "00404037", "PN", {"Alphabetic": item.held_name})
        made["00741216"] = _sequence({"00404035": _sequence(name)})
    if not withheld:
        _patient(made, item, study_uid, base)
    return dict(sorted(made.items()))


def _patient(made: Json, item: Item, study_uid: str, base: str) -> None:
    birth = f"{item.birth_date:%Y%m%d}" if item.birth_date else ""
    name = {"Alphabetic": item.patient_name.replace(", ", "^", 1)}
    _put(made, "00100010", "PN", name if item.patient_name else "")
    _put(made, "00100020", "LO", item.mrn)
    _put(made, "00100030", "DA", birth)
    _put(made, "00100040", "CS", item.sex)
    requests = []
    for accession in item.accessions:
        request: Json = {}
        _put(request, "00080050", "SH", accession)
        _put(request, "0020000D", "UI", study_uid)
        requests.append(request)
    made["0040A370"] = _sequence(*requests)
    if study_uid:
        place, source = {}, {}  # type: Json, Json
        _put(source, "00081190", "UR", f"{base}/studies/{study_uid}")
        _put(place, "0020000D", "UI", study_uid)
        _put(place, "0040E020", "CS", "DICOM")
        place["0040E025"] = _sequence(source)
        made["00404021"] = _sequence(place)


def _put(made: Json, tag: str, vr: str, value: Any) -> None:
    made[tag] = {"vr": vr, "Value": [value]} if value else {"vr": vr}


def _sequence(*members: Json) -> Json:
    return {"vr": "SQ", "Value": list(members)} if members else {"vr": "SQ"}


def _code(value: str, meaning: str) -> Json:
    made: Json = {}
    for tag, vr, text in (
        ("00080100", "SH", value), ("00080102", "SH", "DCM"), ("00080104", "LO", meaning),
    ):  # fmt: skip
        _put(made, tag, vr, text)
    return made


def _instant(at: datetime | None) -> str:
    return f"{at.astimezone(UTC):%Y%m%d%H%M%S}+0000" if at else ""


def _priority(item: Item) -> str:
    if item.priority in AT_ONCE:
        return "HIGH"
    return "LOW" if item.priority == ROUTINE else "MEDIUM"


def matcher(pairs: Iterable[tuple[str, str]]) -> list[tuple[tuple[str, ...], str]]:
    """Read search keys, by keyword or tag; raises Invalid naming one that can't be searched."""
    known = {name.lower(): path for name, path in KEYS.items()}
    known |= {".".join(path).lower(): path for path in KEYS.values()}
    known["accessionnumber"] = known["00080050"] = REQUEST
    found = []
    for name, value in pairs:
        if name.lower() not in known:
            shown = re.sub(r"[^0-9A-Za-z._-]", "?", name[:64])
            raise Invalid(f"workitems can't be searched by {shown}: leave it out", shown)
        found.append((known[name.lower()], value))
    return found


def matches(made: Json, keys: Iterable[tuple[tuple[str, ...], str]]) -> bool:
    """Say whether a workitem has all these keys; an empty one matches all (PS3.4 C.2.2.2)."""
    return all(_has(made, path, wanted) for path, wanted in keys if wanted)


def _has(made: Json, path: tuple[str, ...], wanted: str) -> bool:
    values = made.get(path[0], {}).get("Value", [])
    if len(path) > 1:
        return any(_has(one, path[1:], wanted) for one in values)
    texts = [one["Alphabetic"] if isinstance(one, dict) else str(one) for one in values]
    if path[0] in RANGED:
        first, dash, last = wanted.partition("-")
        return any(
            first <= one[: len(first)] and (not last or one[: len(last)] <= last)
            if dash
            else one.startswith(wanted)
            for one in texts
        )
    either = wanted.split(",") if path[0] in ("00080018", "00741000") else [wanted]
    return any(_alike(one, text) for one in either for text in texts)


def _alike(pattern: str, text: str) -> bool:
    parts = (".*" if c == "*" else "." if c == "?" else re.escape(c) for c in pattern[:128])
    simple = re.sub(r"(\.\*)+", ".*", "".join(parts))
    return re.fullmatch(simple, text, re.IGNORECASE) is not None
