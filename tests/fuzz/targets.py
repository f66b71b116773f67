"""What is fuzzed: every reader of bytes that come before anybody is trusted.

Each target takes any bytes and returns, or raises an exception that is a bug. What a target
may answer with, it checks itself: our own refusals are no bugs, everything else is.
"""

import contextlib
import io
import zlib
from collections.abc import Callable

from confrere.dicomweb import multipart
from confrere.dimse import command, commitment, identifier, pdu, performed, syntaxes
from confrere.dimse.identifier import CHARACTER_SET, Value
from confrere.dimse.key_matching import asked_of, fits
from confrere.dimse.negotiation import negotiate
from confrere.dimse.pdu import Malformed
from confrere.dimse.service import Admission
from confrere.imaging.head import NeedMore, read_head
from confrere.imaging.part10 import part10_prefix, split_part10
from confrere.imaging.plain import inflate, to_little
from confrere.imaging.query_retrieve import plan_find, plan_retrieve
from confrere.imaging.whole import check_whole
from confrere.kernel.errors import Invalid
from tests.fuzz.services import SERVICES, converse

Target = Callable[[bytes], None]
SYNTAXES = (
    syntaxes.IMPLICIT_LE, syntaxes.EXPLICIT_LE, syntaxes.EXPLICIT_BE, "1.2.840.10008.1.2.4.90",
)  # fmt: skip
MAX_CONTEXTS = 128
ITEM = {0x00100010: Value("PN", "Doe^Jane"), 0x00100020: Value("LO", "M1")}


def request(data: bytes) -> None:
    """An A-ASSOCIATE-RQ: read, negotiated and answered, or malformed."""
    try:
        asked = pdu.parse_associate_request(data, MAX_CONTEXTS)
    except Malformed:
        return
    agreed = negotiate(asked, Admission(), SERVICES)
    answered = [one.id for one in agreed.answers]
    assert answered == [one.id for one in asked.contexts]
    said = pdu.associate_accept(asked, agreed.answers, agreed.roles, 131072)
    kind, length = pdu.HEADER.unpack_from(said)
    assert (kind, length) == (pdu.ASSOCIATE_AC, len(said) - pdu.HEADER.size)
    inside = [kind for kind, _ in pdu.items(said[pdu.HEADER.size :], pdu.FIXED_PART)]
    assert inside.count(pdu.ANSWERED_ITEM) == len(answered)


def command_set(data: bytes) -> None:
    """A command set: read and answered, or malformed."""
    try:
        asked = command.parse(data)
        said = command.response(asked, 0xC000, "why\\not\n")
        answered = command.parse(said)
        assert answered.number(command.STATUS) == 0xC000
        assert asked.has_data_set in (True, False)
    except Malformed:
        return


def query(data: bytes) -> None:
    """An identifier: read, planned, matched and answered, or invalid; the first byte is the syntax."""
    syntax = SYNTAXES[data[0] % 2] if data else SYNTAXES[0]
    try:
        keys = identifier.parse(data[1:], syntax)
    except Invalid:
        return
    fits(ITEM, keys)
    wanted = keys.get(CHARACTER_SET, Value("CS")).text
    identifier.encode(
        asked_of({**ITEM, 0x00081030: Value("LO", "Müller")}, keys), syntax, wanted
    )
    texts = {tag: value.text for tag, value in keys.items() if value.vr != "SQ"}
    level = texts.get(0x00080052, "STUDY").strip()
    for plan in (plan_find, plan_retrieve):
        for root in ("PATIENT", "STUDY"):
            with contextlib.suppress(Invalid):
                plan(root, level, texts)


def modality(data: bytes) -> None:
    """What a modality tells of a step, and asks to be kept."""
    syntax = SYNTAXES[data[0] % 2] if data else SYNTAXES[0]
    with contextlib.suppress(Invalid):
        values = identifier.parse(data[1:], syntax, most=1 << 21, levels=performed.MAX_LEVELS)
        for zone in ("America/Chicago", "Asia/Tokyo"):
            with contextlib.suppress(Invalid):
                performed.read_step("1.2.3", values, zone)
            with contextlib.suppress(Invalid):
                performed.read_change(values, zone)
        with contextlib.suppress(Invalid):
            wanted = commitment.read(values)
            refused = {wanted.references[0][1]: 0x0110}
            _, said = commitment.answer_to("1.2", wanted.references, refused, "CONFRERE")
            identifier.encode(said, syntax)


def head(data: bytes) -> None:
    """The head of a data set; the first byte chooses the transfer syntax."""
    syntax = SYNTAXES[data[0] % len(SYNTAXES)] if data else SYNTAXES[0]
    body = data[1:]
    found: object = None
    with contextlib.suppress(Invalid):
        found = read_head(body, syntax, complete=True)
    for cut in (len(body) // 3, len(body) - 1, len(body)):
        with contextlib.suppress(Invalid, NeedMore):
            early = read_head(body[:cut], syntax)
            # what is read from the first bytes is what the whole says
            assert early == found
    whole = _whole(body, syntax)
    if whole and syntax == syntaxes.EXPLICIT_BE:
        out = io.BytesIO()
        to_little(io.BytesIO(body), out)
        assert len(out.getvalue()) == len(body)
        assert _whole(out.getvalue(), syntaxes.EXPLICIT_LE)


def _whole(body: bytes, syntax: str) -> bool:
    """The walk over bytes and over a file agree whether a data set is whole."""
    said = []
    for source in (body, io.BytesIO(body)):
        try:
            check_whole(source, syntax)
            said.append("")
        except Invalid as error:
            said.append(error.field or "")
    assert said[0] == said[1]
    return not said[0]


def file(data: bytes) -> None:
    """A file: split where its data set begins, and joined again."""
    try:
        meta, start = split_part10(data)
    except (Invalid, NeedMore):
        return
    assert 132 < start <= len(data)
    with contextlib.suppress(UnicodeEncodeError):
        texts = (meta.sop_class, meta.sop_instance, meta.transfer_syntax, meta.source_aet)
        if all(len(one.encode("ascii")) < 65 for one in texts):
            again, begin = split_part10(part10_prefix(*texts) + b"\x08\0")
            assert again == meta
            assert begin > 132


def deflated(data: bytes) -> None:
    """A deflated data set: inflated within bounds, or invalid."""
    out = io.BytesIO()
    with contextlib.suppress(Invalid):
        inflate(io.BytesIO(data), out)
    assert len(out.getvalue()) <= (65 << 20) + (1 << 20)


def parts(data: bytes) -> None:
    """A multipart body in pieces: the same parts however it is cut."""
    at_once, pieces = _parts(data, len(data) or 1), _parts(data, 7)
    assert None in (at_once, pieces) or at_once == pieces


def _parts(data: bytes, size: int) -> list[bytes] | None:
    reader, found = multipart.Reader("b"), list[bytes]()
    try:
        for at in range(0, len(data), size):
            for event in reader.feed(data[at : at + size]):
                if isinstance(event, multipart.Began):
                    found.append(repr(event.headers).encode())
                elif isinstance(event, multipart.Piece):
                    found[-1] += event.data
        reader.finish()
    except Invalid:
        return None
    return found


def association(data: bytes) -> None:
    """A whole association on a socket: whatever comes, it ends for a reason and nothing is half."""
    because, shelf = converse(data)
    assert because not in {"", "our own failure"}, because
    assert shelf.begun == shelf.ended


TARGETS: dict[str, Target] = {
    one.__name__: one
    for one in (request, command_set, query, modality, head, file, deflated, parts, association)
}


def packed(data: bytes) -> bytes:
    """Deflate as PS3.5 A.5 does."""
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()
