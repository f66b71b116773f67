"""Read what orders and documents say beside the exam: allergies, notes, embedded papers.

Source: HL7 v2.5.1 sections 3.4.6 (AL1), 7.4.2 (OBX), 9.6 (TXA), 2.A.24 (ED).
"""

import binascii
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass

from confrere.chart.model import Allergy, note_kind
from confrere.hl7.datatypes import prose, read_coded, value
from confrere.hl7.groups import OrderGroup, order_groups
from confrere.hl7.orders import AccessionSource, read_accession, read_number
from confrere.hl7.parse import Message, Segment
from confrere.kernel.errors import Invalid

TITLES = {
    "RQ": "Requisition",
    "WS": "Worksheet",
    "CN": "Consultation",
    "DI": "Imaging document",
}
_YES = frozenset({"", "1", "Y", "YES", "DONE", "OK", "TRUE"})


@dataclass(frozen=True, slots=True)
class Document:
    """One document of an MDM: embedded papers, or text. `accessions` are where it may belong."""

    title: str
    accessions: tuple[str, ...]
    papers: tuple[bytes, ...]
    text: str


def read_allergies(message: Message) -> tuple[Allergy, ...]:
    """Read every AL1 that names a substance."""
    source = value(message.header, 3)
    found = []
    for al1 in message.all("AL1"):
        coded = read_coded(al1, 3)
        if substance := coded.text or coded.code:
            found.append(Allergy(
                substance, coded.code, value(al1, 4), prose(al1, 5), source
            ))  # fmt: skip
    return tuple(found)


def read_notes(group: OrderGroup) -> Iterator[tuple[str, str]]:
    """Read the kind and words of each OBX of an order that is a note, QC or a protocol."""
    for obx in group.all("OBX"):
        coded = read_coded(obx, 3)
        kind = note_kind(coded.code, coded.text)
        words = prose(obx, 5)
        if kind == "qc done":
            if words.upper() in _YES:
                yield kind, ""
            elif words.upper() not in {"N", "NO", "0", "FALSE"}:
                yield kind, words
        elif kind and words:
            yield kind, words


def read_document(message: Message) -> Document:
    """Read an MDM^T02 and its like: TXA, and what the OBX hold.

    Raises Invalid when there is no TXA, nothing in it, or what cannot be decoded.
    """
    txa = message.first("TXA")
    if txa is None:
        raise Invalid("the document message must hold TXA", "TXA")
    papers, lines = [], []
    for obx in message.all("OBX"):
        kind = value(obx, 2).upper()
        if kind == "ED":
            papers.append(_embedded(obx))
        elif kind in ("TX", "FT"):
            lines.append(prose(obx, 5))
    if not papers and not any(lines):
        raise Invalid("the document holds neither an embedded file (ED) nor text", "OBX-5")
    return Document(_title(message, txa), _accessions(message, txa), tuple(papers),
                    "\n".join(lines).strip())  # fmt: skip


def _embedded(obx: Segment) -> bytes:
    if value(obx, 5, 4).upper() != "BASE64":
        raise Invalid("an embedded document must be Base64: OBX-5.4", "OBX-5")
    text = "".join(obx.text(5, component=5).split())
    try:
        content = b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Invalid(
            "the embedded document is no valid Base64: send it again", "OBX-5"
        ) from None
    if not content:
        raise Invalid("the embedded document is empty: send it again", "OBX-5")
    return content


def _title(message: Message, txa: Segment) -> str:
    obx = message.first("OBX")
    coded = read_coded(obx, 3)
    kind = value(txa, 2)
    return coded.text or value(txa, 16) or TITLES.get(kind, kind) or "Document"


def _accessions(message: Message, txa: Segment) -> tuple[str, ...]:
    found = []
    for group in order_groups(message):
        placer, filler = read_number(group, 2), read_number(group, 3)
        found.append(read_accession(group, AccessionSource.AUTOMATIC, placer, filler))
    found += [value(txa, 15), value(txa, 14)]
    return tuple(dict.fromkeys(filter(None, found)))
