"""Read the outside of a message: enough to acknowledge it, whatever its inside. Never raises."""

from dataclasses import dataclass, replace

from confrere.hl7.charset import choose_encoding
from confrere.hl7.escape import Delimiters, read_delimiters
from confrere.hl7.parse import Segment, strip_frame
from confrere.kernel.errors import Invalid

LARGEST_HEADER = 16 * 1024
_PARTS = 3


@dataclass(frozen=True, slots=True)
class Envelope:
    """What MSH says. Parties are HD parts: namespace, universal id, its type.

    `readable` is False when there is no usable MSH; then everything is empty. `batch` tells
    that the bytes start with FHS or BHS, of which parties and control id are then taken.
    """

    sending_application: tuple[str, ...] = ()
    sending_facility: tuple[str, ...] = ()
    receiving_application: tuple[str, ...] = ()
    receiving_facility: tuple[str, ...] = ()
    message_type: str = ""
    trigger: str = ""
    control_id: str = ""
    processing: tuple[str, ...] = ()
    version: str = ""
    readable: bool = False
    batch: bool = False


UNREADABLE = Envelope()


def read_envelope(raw: bytes) -> Envelope:
    """Read MSH from the first 16 KiB, without looking at any other segment."""
    head = strip_frame(raw[:LARGEST_HEADER])
    if head[:3] not in {b"MSH", b"FHS", b"BHS"}:
        return UNREADABLE
    line = head.split(b"\r", 1)[0].split(b"\n", 1)[0]
    try:
        delimiters = read_delimiters(line.decode("iso8859-1"))
    except Invalid:
        return UNREADABLE
    if head[:3] == b"MSH":
        return _message(line, delimiters)
    batch = Segment("BHS", line.decode(choose_encoding((line,), "")), delimiters, "utf-8")
    return _envelope(batch, control_id=_text(batch, 11), batch=True)


def _message(line: bytes, delimiters: Delimiters) -> Envelope:
    declared = Segment("MSH", line.decode("iso8859-1"), delimiters, "iso8859-1").text(18)
    encoding = choose_encoding((line,), declared)
    msh = Segment("MSH", line.decode(encoding), delimiters, encoding)
    return replace(
        _envelope(msh, control_id=_text(msh, 10), batch=False),
        message_type=_text(msh, 9).upper(),
        trigger=_text(msh, 9, 2).upper(),
        processing=tuple(_text(msh, 11, n) for n in (1, 2)),
        version=_text(msh, 12),
    )


def _envelope(header: Segment, control_id: str, *, batch: bool) -> Envelope:
    return Envelope(
        sending_application=_party(header, 3),
        sending_facility=_party(header, 4),
        receiving_application=_party(header, 5),
        receiving_facility=_party(header, 6),
        control_id=control_id,
        readable=True,
        batch=batch,
    )


def _party(header: Segment, field: int) -> tuple[str, ...]:
    return tuple(_text(header, field, n) for n in range(1, _PARTS + 1))


def _text(header: Segment, field: int, component: int = 1) -> str:
    return header.text(field, component).strip()
