"""An order's priority in the codes of HL7 table 0485, whatever words the sender uses."""

from dataclasses import dataclass

_CODES = {
    "S": ("S", "STAT", "EMERGENCY", "EMERGENT", "E"),
    "A": ("A", "ASAP", "URGENT", "URG", "U"),
    "R": ("R", "ROUTINE", "ROUT", "RTN", "NORMAL", "N"),
    "P": ("P", "PREOP", "PRE-OP"),
    "C": ("C", "CALLBACK"),
    "T": ("T", "TIMING CRITICAL", "TS", "TM", "TH", "TD", "TW", "TL"),
    "PRN": ("PRN", "AS NEEDED"),
}
_BY_WORD = {word: code for code, words in _CODES.items() for word in words}


@dataclass(frozen=True, slots=True)
class Priority:
    """`code` of table 0485, empty when the sender's word is not known; `raw` as sent."""

    code: str = ""
    raw: str = ""


def read_priority(raw: str) -> Priority:
    """Look a sender's word up; an unknown one keeps its raw text for a person to map."""
    return Priority(_BY_WORD.get(" ".join(raw.upper().split()), ""), raw)
