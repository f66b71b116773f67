"""Take identifiers out of free text: those the data set itself tells, and what looks like one.

Pure. Text can name a person in ways that no rule knows: what was cleaned is therefore still
held for a person's eyes where the text is long (structured reports).
"""

import re
from collections.abc import Iterable

GONE = "[removed]"
SHORTEST = 3
_LOOKS = re.compile(
    r"""
    \b[\w.+-]+@[\w-]+\.[\w.-]+\b                                   # mail
    | \bhttps?://\S+                                               # address
    | \b\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}\b                          # dates
    | \b(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\b
    | \b\d{1,2}[ ]?(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?,?[ ]?\d{2,4}\b
    | \b(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?[ ]\d{1,2},?[ ]\d{2,4}\b
    | (?:\+?\d{1,3}[ .-])?\(?\d{3}\)?[ .-]\d{3,4}[ .-]?\d{3,4}\b   # telephone
    | \b\d{3}-\d{2}-\d{4}\b                                        # social security
    | \b(?:dr|mr|mrs|ms|miss|prof|doctor|herr|frau)\.?[ ][A-Z][\w'-]+(?:[ ][A-Z][\w'-]+)?
    | \b(?:mrn|acc(?:ession)?|pid|id|ssn|dob)\b[ ]*(?:no\.?|number|\#)?[ :=#]*[\w-]*\d[\w-]*
    | \b[A-Z]{0,4}\d{6,}\b                                         # long numbers
    """,
    re.VERBOSE | re.IGNORECASE,
)
_PARTS = re.compile(r"[\s^=,;/_]+")


def identifiers(values: Iterable[str]) -> tuple[str, ...]:
    """List what must not be seen again: whole values and the words of names, longest first."""
    found: set[str] = set()
    for value in values:
        whole = value.strip().strip("^")
        words = {whole, whole.replace("^", " "), *_PARTS.split(whole)}
        found |= {word for word in words if len(word) >= SHORTEST}
    return tuple(sorted(found, key=lambda one: (-len(one), one)))


def pattern_of(known: tuple[str, ...]) -> re.Pattern[str] | None:
    """Make one pattern that finds any of them as a whole word, in any case."""
    if not known:
        return None
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, known))})(?!\w)", re.IGNORECASE)


def without(text: str, known: re.Pattern[str] | None) -> str:
    """Take out the known identifiers only."""
    return known.sub(GONE, text) if known else text


def cleaned(text: str, known: re.Pattern[str] | None) -> str:
    """Take out the known identifiers and whatever looks like one."""
    return _LOOKS.sub(GONE, without(text, known))
