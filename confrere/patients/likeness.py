"""How alike two words are. Pure.

Jaro-Winkler as in Winkler, "String comparator metrics and enhanced decision rules in the
Fellegi-Sunter model of record linkage" (1990); one slip of the pen as in Damerau (CACM 1964;7:171).
"""

import unicodedata

_PREFIX, _SCALE = 4, 0.1


def plain(text: str) -> str:
    """Fold case and accents, keep letters and digits, join words by one space."""
    folded = unicodedata.normalize("NFKD", text.casefold())
    kept = "".join(c if c.isalnum() else " " for c in folded if not unicodedata.combining(c))
    return " ".join(kept.split())


def jaro_winkler(one: str, other: str) -> float:
    """Return the likeness of two words, 0 to 1."""
    likeness = _jaro(one, other)
    common = 0
    for a, b in zip(one[:_PREFIX], other[:_PREFIX], strict=False):
        if a != b:
            break
        common += 1
    return likeness + common * _SCALE * (1 - likeness)


def _jaro(one: str, other: str) -> float:
    if one == other:
        return 1.0 if one else 0.0
    reach = max(len(one), len(other)) // 2 - 1
    taken = [False] * len(other)
    mine: list[str] = []
    for at, letter in enumerate(one):
        for place in range(max(0, at - reach), min(len(other), at + reach + 1)):
            if not taken[place] and other[place] == letter:
                taken[place] = True
                mine.append(letter)
                break
    if not mine:
        return 0.0
    theirs = [letter for letter, used in zip(other, taken, strict=True) if used]
    swapped = sum(a != b for a, b in zip(mine, theirs, strict=True)) / 2
    met = len(mine)
    return (met / len(one) + met / len(other) + (met - swapped) / met) / 3


def one_slip(one: str, other: str) -> bool:
    """Say whether one letter was changed, left out or added, or two neighbours swapped."""
    if one == other or abs(len(one) - len(other)) > 1:
        return False
    start = 0
    while start < min(len(one), len(other)) and one[start] == other[start]:
        start += 1
    a, b = one[start:], other[start:]
    if len(a) == len(b):
        swapped = len(a) > 1 and a[0] == b[1] and a[1] == b[0] and a[2:] == b[2:]
        return a[1:] == b[1:] or swapped
    longer, shorter = (a, b) if len(a) > len(b) else (b, a)
    return longer[1:] == shorter
