"""Matching of keys against items that lie in memory, as a worklist's do (PS3.4 C.2.2.2). Pure."""

import re

from confrere.dimse.identifier import Identifier, Value

_LONGEST_PATTERN = 256
_RANGES = frozenset(("DA", "TM", "DT"))
_NO_WILDCARDS = frozenset(("DA", "TM", "DT", "UI", "US", "UL", "SS", "SL", "FL", "FD", "AT"))
_NO_KEYS = frozenset((0x00080005, 0x00080201))


def fits(item: Identifier, keys: Identifier) -> bool:
    """Say whether all keys fit; a key of an attribute that the item lacks fits if it is empty."""
    return all(
        _fits(item.get(tag, Value(key.vr)), key)
        for tag, key in keys.items()
        if tag not in _NO_KEYS
    )


def _fits(value: Value, key: Value) -> bool:
    if not _asks_one(key):
        return True
    if key.items:  # sequence matching: one item must fit (C.2.2.2.6)
        return any(fits(item, key.items[0]) for item in value.items)
    if key.vr == "UI":
        return value.text in key.text.split("\\")
    if key.vr in _RANGES and "-" in key.text:
        return _within(value.text, key.text, key.vr)
    if key.vr == "TM":
        return value.text.startswith(key.text)
    each = value.text.split("\\")
    return any(_same(one, key) for one in each)


def _asks_one(key: Value) -> bool:
    """Whether it is not universal matching (C.2.2.2.3)."""
    if key.items:
        return any(_asks_one(one) for one in key.items[0].values())
    return bool(key.text.strip("*"))


def _within(text: str, key: str, vr: str) -> bool:
    low, _, high = (part.strip() for part in key.partition("-"))
    if vr != "DA" and high:
        high += ":"  # sorts behind every digit: 0900 holds all of that minute
    return bool(text) and (not low or text >= low) and (not high or text <= high)


def _same(text: str, key: Value) -> bool:
    wanted = key.text
    if key.vr == "PN":  # case, and trailing empty components, do not tell names apart
        text, wanted = text.casefold().rstrip("^="), wanted.casefold().rstrip("^=")
    if key.vr in _NO_WILDCARDS or not set("*?") & set(wanted):
        return text == wanted
    return _pattern(wanted[:_LONGEST_PATTERN], text)


def _pattern(pattern: str, text: str) -> bool:
    """Greedy matching with one place to return to: linear steps for each star, never more."""
    at = here = 0
    star, mark = -1, 0
    pattern = re.sub(r"\*+", "*", pattern)
    while at < len(text):
        if here < len(pattern) and pattern[here] == "*":
            star, mark = here, at
            here += 1
        elif here < len(pattern) and pattern[here] in ("?", text[at]):
            at, here = at + 1, here + 1
        elif star >= 0:
            mark += 1
            at, here = mark, star + 1
        else:
            return False
    return pattern[here:] in ("", "*")


def asked_of(item: Identifier, keys: Identifier) -> Identifier:
    """Only what was asked for; an empty sequence key asks for all of its items."""
    found: dict[int, Value] = {}
    for tag, key in keys.items():
        if tag in _NO_KEYS:
            continue
        value = item.get(tag, Value(key.vr))
        if key.items and key.items[0]:
            value = Value("SQ", items=tuple(asked_of(one, key.items[0]) for one in value.items))
        found[tag] = value
    return found
