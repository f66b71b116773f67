"""A kept message as lines that a person can read. Pure."""

from dataclasses import dataclass
from io import BytesIO

from pydicom import dcmread

LONGEST_LINE = 2000  # characters; an embedded PDF is one line of megabytes
MOST_LINES = 500


@dataclass(frozen=True, slots=True)
class Segment:
    """One segment: its name, the rest of it, and how many characters are left out."""

    name: str
    text: str
    left_out: int


def segments(content: bytes) -> list[Segment]:
    """Split a message at its segment ends (HL7 v2.5.1 section 2.5); CR, LF and CRLF count."""
    lines = [line for line in _text(content).replace("\n", "\r").split("\r") if line.strip()]
    return [
        Segment(line[:3], line[3:LONGEST_LINE], max(0, len(line) - LONGEST_LINE))
        for line in lines[:MOST_LINES]
    ]


def elements(content: bytes) -> list[Segment]:
    """Name the elements of a DICOM message (a data set in explicit little endian), in order."""
    lines = str(dcmread(BytesIO(content), force=True)).split("\n")
    return [
        Segment(line[:12], line[12:LONGEST_LINE], max(0, len(line) - LONGEST_LINE))
        for line in lines[:MOST_LINES]
    ]


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("latin-1")  # every byte is a character of it
