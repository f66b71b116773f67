"""DIMSE command sets (PS3.7 section 6.3): implicit VR little endian, group 0000 only. Pure."""

import re
import struct
from collections.abc import Iterable
from dataclasses import dataclass

from confrere.dimse.pdu import INVALID_PARAMETER, Malformed

# Command fields (PS3.7 table E.1-1)
C_STORE_RQ, C_GET_RQ, C_FIND_RQ, C_MOVE_RQ, C_ECHO_RQ = 0x0001, 0x0010, 0x0020, 0x0021, 0x0030
C_CANCEL_RQ = 0x0FFF
N_EVENT_REPORT_RQ, N_SET_RQ, N_ACTION_RQ, N_CREATE_RQ = 0x0100, 0x0120, 0x0130, 0x0140
RESPONSE = 0x8000  # bit that turns a request's field into its response's

# Element numbers in group 0000 (PS3.7 table E.1-1)
GROUP_LENGTH, AFFECTED_CLASS, COMMAND_FIELD = 0x0000, 0x0002, 0x0100
MESSAGE_ID, MESSAGE_ID_RESPONDED_TO, PRIORITY = 0x0110, 0x0120, 0x0700
DATA_SET_TYPE, STATUS, ERROR_COMMENT, AFFECTED_INSTANCE = 0x0800, 0x0900, 0x0902, 0x1000
EVENT_TYPE, ACTION_TYPE, ERROR_ID = 0x1002, 0x1008, 0x0903
REQUESTED_CLASS, REQUESTED_INSTANCE = 0x0003, 0x1001  # of N-SET, N-GET, N-ACTION

NO_DATA_SET = 0x0101
MAX_UID = 64

_US = 2  # bytes of an US value
_ELEMENT = struct.Struct("<HHI")
_UID = re.compile(r"[0-9]+(?:\.[0-9]+)*")


@dataclass(frozen=True, slots=True)
class Command:
    """One parsed command set: element number in group 0000 to raw value."""

    elements: dict[int, bytes]

    def number(self, element: int, default: int | None = None) -> int:
        """Return an US value; raises Malformed when it is absent and has no default."""
        value = self.elements.get(element)
        if value is None and default is not None:
            return default
        if value is None or len(value) != _US:
            raise Malformed(f"command element {element:04X} is malformed", INVALID_PARAMETER)
        return int.from_bytes(value, "little")

    def text(self, element: int) -> str:
        """Return an UI, AE or LO value without its padding; empty when absent."""
        return self.elements.get(element, b"").decode("latin-1").rstrip(" \0")

    @property
    def field(self) -> int:
        """What is asked (PS3.7 table E.1-1)."""
        return self.number(COMMAND_FIELD)

    @property
    def has_data_set(self) -> bool:
        """Whether a data set follows."""
        return self.number(DATA_SET_TYPE) != NO_DATA_SET


def parse(data: bytes) -> Command:
    """Parse a whole command set; raises Malformed on lying lengths or foreign groups."""
    elements: dict[int, bytes] = {}
    at, end = 0, len(data)
    while at < end:
        if end - at < _ELEMENT.size:
            raise Malformed("command set is cut short", INVALID_PARAMETER)
        group, element, length = _ELEMENT.unpack_from(data, at)
        at += _ELEMENT.size
        if group or length > end - at or element in elements:
            raise Malformed("command set is malformed", INVALID_PARAMETER)
        elements[element] = data[at : at + length]
        at += length
    return Command(elements)


def encode(elements: dict[int, int | str]) -> bytes:
    """Build a command set; numbers become US, texts are padded to even length."""
    body = b"".join(_encoded(element, elements[element]) for element in sorted(elements))
    return _ELEMENT.pack(0, GROUP_LENGTH, 4) + struct.pack("<I", len(body)) + body


def _encoded(element: int, value: int | str) -> bytes:
    if isinstance(value, int):
        raw = struct.pack("<H", value)
    else:
        raw = value.encode("ascii", "replace")
        if len(raw) % 2:
            raw += b" " if element == ERROR_COMMENT else b"\0"
    return _ELEMENT.pack(0, element, len(raw)) + raw


def response(
    request: Command,
    status: int,
    comment: str = "",
    *,
    data_set: bool = False,
    further: Iterable[tuple[int, int | str]] = (),
) -> bytes:
    """Build the response command set to `request` (PS3.7 9.3, 10.3): same message and instance.

    What a request calls "requested" class and instance, its response calls "affected".
    """
    elements: dict[int, int | str] = {
        COMMAND_FIELD: request.field | RESPONSE,
        MESSAGE_ID_RESPONDED_TO: request.number(MESSAGE_ID),
        DATA_SET_TYPE: 1 if data_set else NO_DATA_SET,
        STATUS: status,
    }
    for affected, requested in (
        (AFFECTED_CLASS, REQUESTED_CLASS),
        (AFFECTED_INSTANCE, REQUESTED_INSTANCE),
    ):
        uid = request.text(affected) or request.text(requested)
        if is_uid(uid):
            elements[affected] = uid
    if comment:
        elements[ERROR_COMMENT] = printable(comment)
    return encode(elements | dict(further))


def is_uid(text: str) -> bool:
    """Digits and dots, at most 64 characters (PS3.5 9.1); leading zeros are let pass."""
    return len(text) <= MAX_UID and _UID.fullmatch(text) is not None


def printable(text: str, longest: int = 64) -> str:
    """`text` as a LO value: at most 64 characters, ASCII, no backslash or control character."""
    kept = "".join(c if " " <= c <= "~" and c != "\\" else "?" for c in text)
    return kept[:longest].rstrip()
