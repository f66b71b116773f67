"""Train the weights on the collaborative's own demographics, with Splink (an extra dependency).

Splink estimates how often strangers agree from pairs drawn at random, and how often one
person's records do by expectation maximisation over blocked pairs (Linacre et al., "Splink",
IJPDS 2022;7:3). It judges each pair by the very levels that matching uses, so that a trained
weight means online what it meant in training. No name but common ones leaves the training.
"""

import json
import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import date
from functools import lru_cache
from typing import Any

import duckdb
from splink import DuckDBAPI, Linker, SettingsCreator, block_on
from splink.comparison_library import CustomComparison

from confrere.kernel.errors import Invalid
from confrere.patients.comparing import LEVELS, compare, first, names
from confrere.patients.model import Demographics
from confrere.patients.weights import DEFAULT, Pair, Weights

log = logging.getLogger(__name__)

FEWEST = 1000  # records; with fewer there is nothing to learn from
FEWEST_BEARERS = 11  # a name that fewer bear tells of a person, and is not kept
MOST_NAMES = 2000
FLOOR_BEARERS = 0.5  # what a name not listed counts with, in bearers of the fewest
# each session learns all but the fields that it blocks on; together they learn all of them
SESSIONS = (("birth_date",), ("family", "given"), ("phone",), ("national_last4",))
FEWEST_SHARED = 100  # pairs that a session needs to learn from
PAIRS = 2e5  # judged one by one here: a minute or two
LEAST = 1e-6


def train(said: Sequence[Demographics], seed: int = 1, most_pairs: float = PAIRS) -> Weights:
    """Estimate the weights of these records, which name no version yet.

    Raises Invalid for fewer than `FEWEST`, or where nothing can be learnt. Levels that are not
    seen often enough keep what was shipped.
    """
    if len(said) < FEWEST:
        raise Invalid(
            f"training takes {FEWEST} real records at least, there are {len(said)}: the weights "
            "in use serve until then"
        )
    linker = _linker(said)
    linker.training.estimate_u_using_random_sampling(max_pairs=most_pairs, seed=seed)
    if not sum(_learns(linker, fields, most_pairs) for fields in _sessions(said)):
        raise Invalid("too few of these records are of one person: nothing can be learnt")
    model = linker.misc.save_model_to_json()
    learnt = {one["output_column_name"]: _pairs(one) for one in model["comparisons"]}
    frequencies, floor = _frequencies(said)
    return Weights(learnt, frequencies=frequencies, floor=floor)


def _learns(linker: Linker, fields: Sequence[str], most_pairs: float) -> bool:
    """Run a session; False where it ended in shares of nothing, and taught nothing.

    Splink refuses a probability that underflows: a level that no pair of the session shows.
    """
    try:
        linker.training.estimate_parameters_using_expectation_maximisation(
            block_on(*fields), max_pairs=most_pairs
        )
    except ValueError as error:
        log.info("a session by %s taught nothing: %s", ", ".join(fields), error)
        return False
    return True


def _sessions(said: Sequence[Demographics]) -> list[tuple[str, ...]]:
    """The sessions for which the records have enough that is known, and shared."""
    possible: list[tuple[str, ...]] = []
    for fields in SESSIONS:
        known = (tuple(getattr(one, f) for f in fields) for one in said)
        shared = Counter(values for values in known if all(values))
        if sum(count - 1 for count in shared.values()) >= FEWEST_SHARED:
            possible.append(fields)
    return possible


def _linker(said: Sequence[Demographics]) -> Linker:
    connection = duckdb.connect()
    connection.create_function("agrees", agrees, ["VARCHAR"] * 5, "VARCHAR")
    columns = {
        "unique_id": [str(n) for n in range(len(said))],
        "whole": [
            json.dumps(asdict(replace(one, further=frozenset())), default=str) for one in said
        ],
        **{f: [str(getattr(one, f) or "").lower() or None for one in said] for f in LEVELS},
    }
    chosen = ", ".join(f"unnest(?::varchar[]) as {name}" for name in columns)
    connection.execute(f"create table records as select {chosen}", list(columns.values()))
    settings = SettingsCreator(
        link_type="dedupe_only",
        comparisons=[_comparison(field) for field in LEVELS],
        retain_intermediate_calculation_columns=False,
    )
    return Linker(DuckDBAPI(connection).register("records"), settings, log_level="ERROR")


def _comparison(field: str) -> CustomComparison:
    # the field's own columns are named for Splink, which leaves out what a session blocks on
    level = f"agrees('{field}', whole_l, whole_r, {field}_l, {field}_r)"
    levels: list[Any] = [
        {"sql_condition": f"{field}_l is null or {field}_r is null or {level} = ''",
         "label_for_charts": "absent", "is_null_level": True},
    ]  # fmt: skip
    levels += [
        {"sql_condition": f"{level} = '{name}'", "label_for_charts": name}
        for name in LEVELS[field][:-1]
    ]
    levels.append({"sql_condition": "ELSE", "label_for_charts": LEVELS[field][-1]})
    return CustomComparison(levels, output_column_name=field)


def agrees(field: str, one: str, other: str, _mine: str, _theirs: str) -> str:
    """Name the level on which two records agree in a field; empty where one lacks it."""
    return _levels(one, other).get(field, "")


@lru_cache(maxsize=200_000)
def _levels(one: str, other: str) -> dict[str, str]:
    return {found.field: found.level for found in compare(_read(one), _read(other))}


@lru_cache(maxsize=100_000)
def _read(text: str) -> Demographics:
    data = json.loads(text)
    born, _ = data.pop("birth_date"), data.pop("further")
    return Demographics(**data, birth_date=date.fromisoformat(born) if born else None)


def _pairs(comparison: dict[str, Any]) -> dict[str, Pair]:
    shipped = DEFAULT.pairs[comparison["output_column_name"]]
    learnt = dict(shipped)
    for level in comparison["comparison_levels"]:
        m, u = level.get("m_probability"), level.get("u_probability")
        if not level.get("is_null_level") and m and u:
            learnt[level["label_for_charts"]] = (max(m, LEAST), max(u, LEAST))
    return learnt


def _frequencies(said: Sequence[Demographics]) -> tuple[dict[str, dict[str, float]], float]:
    shares = {}
    for field, fold in (("family", names), ("given", first)):
        counted = Counter(word for one in said if (word := fold(getattr(one, field))))
        total = sum(counted.values())
        shares[field] = {
            word: count / total
            for word, count in counted.most_common(MOST_NAMES)
            if count >= FEWEST_BEARERS
        }
    return shares, FLOOR_BEARERS * FEWEST_BEARERS / len(said)
