"""How a name sounds, so that one is found that was heard and not spelt. Pure.

American Soundex as the National Archives state it (archives.gov/research/census/soundex): the
first letter and three digits for the consonants that follow; letters of one code beside each
other, or with h or w between them, count once. Marks above letters and what is no letter are
left out first. `SQL` says the same to the database, which keeps the keys.
"""

import re

_MARKED = "àáâãäåçèéêëìíîïñòóôõöøùúûüýÿšžß"
_BARE = "aaaaaaceeeeiiiinoooooouuuuyyszs"
_LETTERS = "aeiouyhwbfpvcgjkqsxzdtlmnr"
_CODES = "00000000111122222222334556"
_FOLD = str.maketrans(_MARKED, _BARE)
_CODE = str.maketrans(_LETTERS, _CODES)
_DIGITS = 3


def sound(name: str) -> str:
    """Return the key of a name, like `R163`; empty for one without a letter a to z."""
    word = re.sub("[^a-z]", "", name.lower().translate(_FOLD))
    if not word:
        return ""
    heard = word[0] + re.sub("[hw]", "", word[1:])
    codes = re.sub(r"(.)\1+", r"\1", heard.translate(_CODE))[1:].replace("0", "")
    return word[0].upper() + codes[:_DIGITS].ljust(_DIGITS, "0")


def first_word(names: str) -> str:
    """The first of several given names."""
    return names.strip().partition(" ")[0]


def sql(expression: str) -> str:
    """Write `sound` of an SQL expression, of immutable functions only."""
    word = f"regexp_replace(translate(lower({expression}), '{_MARKED}', '{_BARE}'), '[^a-z]', '', 'g')"
    heard = f"left({word}, 1) || translate(substr({word}, 2), 'hw', '')"
    codes = (
        f"regexp_replace(translate({heard}, '{_LETTERS}', '{_CODES}'), '(.)\\1+', '\\1', 'g')"
    )
    digits = f"rpad(left(replace(substr({codes}, 2), '0', ''), {_DIGITS}), {_DIGITS}, '0')"
    return f"case when {word} = '' then '' else upper(left({word}, 1)) || {digits} end"
