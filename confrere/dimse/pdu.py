"""Protocol data units of the DICOM upper layer (PS3.8 section 9.3): bytes to values and back.

Pure. Every length is checked against the bytes present.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from confrere.imaging.part10 import IMPLEMENTATION_CLASS, IMPLEMENTATION_VERSION

ASSOCIATE_RQ, ASSOCIATE_AC, ASSOCIATE_RJ, P_DATA, RELEASE_RQ, RELEASE_RP, ABORT = range(1, 8)

APPLICATION_CONTEXT = "1.2.840.10008.3.1.1.1"

HEADER = struct.Struct(">BxI")  # PDU type, length of what follows
FRAGMENT = struct.Struct(">IBB")  # PDV item length, presentation context, control header
ITEM = struct.Struct(">BxH")
# Item types (PS3.8 section 9.3.2, annex D; PS3.7 annex D.3.3)
APPLICATION_ITEM, PROPOSED_ITEM, ANSWERED_ITEM = 0x10, 0x20, 0x21
ABSTRACT_ITEM, TRANSFER_ITEM, USER_ITEM = 0x30, 0x40, 0x50
MAX_LENGTH_ITEM, CLASS_ITEM, ROLE_ITEM, VERSION_NAME_ITEM = 0x51, 0x52, 0x54, 0x55
CONTEXT_HEADER = 4  # id and three bytes before a presentation context's own items
SMALLEST_PDU = 128  # below it even a C-ECHO answer would fall apart into crumbs
FIXED_PART = 68  # of an A-ASSOCIATE-RQ, before its items
_UINT32 = 4
_ROLE_FIXED = 4  # length of the UID before it, two role bytes after it

COMMAND, LAST = 1, 2  # bits of the message control header (PS3.8 E.2)


class Malformed(Exception):
    """The peer's bytes break PS3.8; `reason` is the A-ABORT reason of PS3.8 9.3.8."""

    def __init__(self, message: str, reason: int) -> None:
        super().__init__(message)
        self.reason = reason


NOT_SPECIFIED, UNRECOGNISED_PDU, UNEXPECTED_PDU = 0, 1, 2
UNRECOGNISED_PARAMETER, UNEXPECTED_PARAMETER, INVALID_PARAMETER = 4, 5, 6


@dataclass(frozen=True, slots=True)
class ProposedContext:
    """One presentation context of an A-ASSOCIATE-RQ (PS3.8 9.3.2.2)."""

    id: int
    abstract_syntax: str
    transfer_syntaxes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Role:
    """SCP/SCU role selection for one SOP class, seen from the requestor (PS3.7 D.3.3.4)."""

    scu: bool
    scp: bool


@dataclass(frozen=True, slots=True)
class AssociateRequest:
    """A parsed A-ASSOCIATE-RQ; `fixed` keeps the bytes that the answer must echo."""

    version: int
    called_aet: str
    calling_aet: str
    fixed: bytes
    application_context: str = ""
    contexts: tuple[ProposedContext, ...] = ()
    roles: dict[str, Role] = field(default_factory=dict)
    max_pdu: int = 16 * 1024  # 0: no limit
    implementation_version: str = ""


@dataclass(frozen=True, slots=True)
class AnsweredContext:
    """One presentation context of an A-ASSOCIATE-AC; results of PS3.8 table 9-18."""

    id: int
    result: int
    transfer_syntax: str


ACCEPTANCE, USER_REJECTION, NO_REASON = 0, 1, 2
ABSTRACT_SYNTAX_NOT_SUPPORTED, TRANSFER_SYNTAXES_NOT_SUPPORTED = 3, 4


def items(data: bytes, start: int = 0) -> Iterator[tuple[int, bytes]]:
    """Yield (type, value) of the items in `data`; raises Malformed on a lying length."""
    at, end = start, len(data)
    while at < end:
        if end - at < ITEM.size:
            raise Malformed("item header is cut short", INVALID_PARAMETER)
        kind, length = ITEM.unpack_from(data, at)
        at += ITEM.size
        if length > end - at:
            raise Malformed("item is longer than its PDU", INVALID_PARAMETER)
        yield kind, data[at : at + length]
        at += length


def parse_associate_request(body: bytes, max_contexts: int) -> AssociateRequest:
    """Parse the body (after the 6-byte header) of an A-ASSOCIATE-RQ (PS3.8 table 9-11)."""
    if len(body) < FIXED_PART:
        raise Malformed("A-ASSOCIATE-RQ is cut short", INVALID_PARAMETER)
    application_context = ""
    contexts: dict[int, ProposedContext] = {}
    user = b""
    for kind, value in items(body, FIXED_PART):
        if kind == APPLICATION_ITEM:
            application_context = _text(value)
        elif kind == PROPOSED_ITEM:
            context = _context(value)
            if context.id in contexts or len(contexts) == max_contexts:
                raise Malformed("presentation contexts repeat", INVALID_PARAMETER)
            contexts[context.id] = context
        elif kind == USER_ITEM:
            user = value
    if not contexts:
        raise Malformed("no presentation context is proposed", INVALID_PARAMETER)
    max_pdu, version_name, roles = _user_information(user)
    return AssociateRequest(
        version=int.from_bytes(body[0:2], "big"),
        called_aet=_text(body[4:20]),
        calling_aet=_text(body[20:36]),
        fixed=body[4:FIXED_PART],
        application_context=application_context,
        contexts=tuple(contexts.values()),
        roles=roles,
        max_pdu=max_pdu,
        implementation_version=version_name,
    )


def _context(value: bytes) -> ProposedContext:
    if len(value) < CONTEXT_HEADER or value[0] % 2 == 0:
        raise Malformed("presentation context is malformed", INVALID_PARAMETER)
    abstract, transfers = "", []
    for kind, text in items(value, CONTEXT_HEADER):
        if kind == ABSTRACT_ITEM:
            abstract = _text(text)
        elif kind == TRANSFER_ITEM:
            transfers.append(_text(text))
    return ProposedContext(value[0], abstract, tuple(transfers))


def _user_information(value: bytes) -> tuple[int, str, dict[str, Role]]:
    max_pdu, version_name, roles = 16 * 1024, "", {}
    for kind, sub in items(value):
        if kind == MAX_LENGTH_ITEM and len(sub) == _UINT32:
            max_pdu = int.from_bytes(sub, "big")
        elif kind == VERSION_NAME_ITEM:
            version_name = _text(sub[:16])
        elif kind == ROLE_ITEM:
            length = int.from_bytes(sub[:2], "big")
            if len(sub) != length + _ROLE_FIXED:
                raise Malformed("role selection is malformed", INVALID_PARAMETER)
            roles[_text(sub[2:-2])] = Role(scu=sub[-2] == 1, scp=sub[-1] == 1)
    # 0x53, 0x56, 0x57, 0x58 (window, extended and common extended negotiation, identity) may be
    # left unanswered: that means "not negotiated" (PS3.7 D.3.3).
    if 0 < max_pdu < SMALLEST_PDU:
        raise Malformed("maximum length is too small to answer", INVALID_PARAMETER)
    return max_pdu, version_name, roles


def _text(value: bytes) -> str:
    """Latin-1 never fails; what is not a UID or AE title is refused where it is compared."""
    return value.decode("latin-1").strip(" \0")


def _item(kind: int, value: bytes) -> bytes:
    return ITEM.pack(kind, len(value)) + value


def associate_accept(
    request: AssociateRequest,
    contexts: tuple[AnsweredContext, ...],
    roles: dict[str, Role],
    max_pdu: int,
) -> bytes:
    """Build the A-ASSOCIATE-AC that answers `request` (PS3.8 table 9-17)."""
    answered = b"".join(
        _item(
            ANSWERED_ITEM,
            bytes((c.id, 0, c.result, 0)) + _item(TRANSFER_ITEM, c.transfer_syntax.encode()),
        )
        for c in contexts
    )
    selected = b"".join(
        _item(
            ROLE_ITEM, struct.pack(">H", len(uid)) + uid.encode() + bytes((role.scu, role.scp))
        )
        for uid, role in roles.items()
    )
    user = (
        _item(MAX_LENGTH_ITEM, struct.pack(">I", max_pdu))
        + _item(CLASS_ITEM, IMPLEMENTATION_CLASS.encode())
        + selected
        + _item(VERSION_NAME_ITEM, IMPLEMENTATION_VERSION.encode())
    )
    body = b"\0\1\0\0" + request.fixed + _item(APPLICATION_ITEM, APPLICATION_CONTEXT.encode())
    body += answered + _item(USER_ITEM, user)
    return HEADER.pack(ASSOCIATE_AC, len(body)) + body


def associate_reject(result: int, source: int, reason: int) -> bytes:
    """Build an A-ASSOCIATE-RJ (PS3.8 table 9-21)."""
    return HEADER.pack(ASSOCIATE_RJ, 4) + bytes((0, result, source, reason))


def release_reply() -> bytes:
    """Build an A-RELEASE-RP (PS3.8 table 9-25)."""
    return HEADER.pack(RELEASE_RP, 4) + bytes(4)


def abort(reason: int) -> bytes:
    """Build a provider's A-ABORT (PS3.8 table 9-26)."""
    return HEADER.pack(ABORT, 4) + bytes((0, 0, 2, reason))


def p_data(context: int, payload: bytes, *, command: bool, max_pdu: int) -> bytes:
    """Cut one command or data set into P-DATA-TF PDUs of at most `max_pdu` bytes (0: no limit)."""
    room = (max_pdu or 128 * 1024) - FRAGMENT.size
    kind = COMMAND if command else 0
    out = []
    for at in range(0, max(len(payload), 1), room):
        part = payload[at : at + room]
        last = LAST if at + room >= len(payload) else 0
        out.append(HEADER.pack(P_DATA, len(part) + FRAGMENT.size))
        out.append(FRAGMENT.pack(len(part) + 2, context, kind | last))
        out.append(part)
    return b"".join(out)
