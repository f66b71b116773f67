"""The index says nothing of chance, and something of choosing by pay for the minute."""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import combinations
from statistics import fmean, pvariance
from uuid import UUID

import pytest

from confrere.analytics.cherry_picking import index, picking, quarters
from confrere.kernel.ids import ItemId
from confrere.network.model import Directory
from confrere.worklist.taking import Chose, Declined, Offers, Took, claim_made, open_to, rate_of
from tests.unit.cases import ABLE, AGREEMENT, HOSPITAL, NOW, READER, SITE, item

AT = datetime(2026, 11, 1, tzinfo=UTC)
RATES = [0.05, 0.08, 0.1, 0.12, 0.2, 0.25]


def took(n: int, rate: float | None, **more: object) -> Took:
    return Took(ItemId(UUID(int=n)), AT, True, rate, **more)  # type: ignore[arg-type]


def declined(n: int, rate: float | None, reason: str = "busy") -> Declined:
    return Declined(ItemId(UUID(int=n)), AT, reason, rate)


def split(chosen: set[int], rates: list[float]) -> tuple[list[Took], list[Declined]]:
    return (
        [took(n, rates[n]) for n in sorted(chosen)],
        [declined(n, rates[n]) for n in range(len(rates)) if n not in chosen],
    )


@pytest.mark.parametrize("size", [1, 2, 4, 5])
def test_over_all_choices_by_lot_the_index_is_nought_and_its_spread_exact(size: int) -> None:
    found = [index(*split(set(c), RATES), ()) for c in combinations(range(len(RATES)), size)]
    values = [one.value for one in found if one]
    assert len(values) == len(found)
    assert fmean(values) == pytest.approx(0, abs=1e-12)
    half = (found[0].high - found[0].low) / 2 if found[0] else 0
    assert pvariance(values) == pytest.approx((half / 1.959963984540054) ** 2)


def test_claims_out_of_turn_are_compared_with_what_was_open() -> None:
    open_mean, open_variance = fmean(RATES), pvariance(RATES)
    made = [
        took(n, rate, open_count=6, open_mean=open_mean, open_variance=open_variance)
        for n, rate in enumerate([0.25] * 16)
    ]
    found = index([], [], made)
    assert found is not None
    assert found.value == pytest.approx((0.25 - open_mean) * 60)
    half = 1.959963984540054 * (open_variance / 16) ** 0.5 * 60
    assert (found.low, found.high) == pytest.approx((found.value - half, found.value + half))
    assert found.beyond_chance
    assert found.choices == 16


def test_who_chooses_by_lot_is_called_a_chooser_one_time_in_twenty() -> None:
    dice, beyond = random.Random(7), 0
    for _ in range(1000):
        rates = [dice.uniform(0.05, 0.3) for _ in range(40)]
        chosen = set(dice.sample(range(40), 28))
        found = index(*split(chosen, rates), ())
        beyond += bool(found and found.beyond_chance)
    assert 30 <= beyond <= 70


def test_who_declines_the_lowest_paid_is_seen() -> None:
    rates = [n / 200 for n in range(1, 31)]
    found = index(*split(set(range(10, 30)), rates), ())
    assert found is not None
    assert found.value > 0
    assert found.beyond_chance


def test_nothing_is_said_where_there_was_nothing_to_choose() -> None:
    assert index([took(n, 0.1) for n in range(20)], [], []) is None
    alone = took(1, 0.2, open_count=1, open_mean=0.2, open_variance=0.0)
    assert index([], [], [alone]) is None
    assert index([took(1, None)], [declined(2, None)], []) is None


def test_with_fewer_than_eleven_choices_nothing_is_said() -> None:
    few = picking(Chose(12, tuple(took(n, 0.1) for n in range(9)), (declined(50, 0.3),)))
    assert (few.few, few.index, few.quarters, few.decided) == (True, None, None, 10)
    more = picking(Chose(12, tuple(took(n, 0.1) for n in range(10)), (declined(50, 0.3),)))
    assert (more.few, more.decided) == (False, 11)
    assert more.index is not None


def test_a_claim_that_ended_in_a_decline_counts_as_the_decline() -> None:
    claim = took(1, 0.1)
    later = replace(declined(1, 0.1, "technical"), at=AT + timedelta(minutes=5))
    found = picking(Chose(1, (claim,), (later,)))
    assert (found.taken, found.declined, found.reasons) == (0, 1, {"technical": 1})
    again = replace(claim, at=AT + timedelta(hours=1))
    assert picking(Chose(1, (again,), (later,))).taken == 1


def test_quarters_hold_every_decided_offer_once_the_lowest_paid_first() -> None:
    rates = [n / 100 for n in range(1, 17)]
    found = quarters(*split(set(range(4, 16)), rates))
    assert found is not None
    shares = [one.declined for one in found]
    assert [one.part for one in shares if one] == [4, 0, 0, 0]
    assert sum(one.of for one in shares if one) == 16
    assert found[0].low == pytest.approx(0.6)
    assert found[3].high == pytest.approx(9.6)
    same = quarters([took(1, 0.1), took(2, 0.1)], [])
    assert same is not None
    assert [one.declined.of if one.declined else 0 for one in same] == [2, 0, 0, 0]
    assert quarters([took(1, None)], []) is None


def test_what_is_open_to_a_reader_is_what_the_rules_and_the_lists_allow() -> None:
    directory = Directory({}, {SITE: HOSPITAL}, {READER: ABLE}, (AGREEMENT,))
    mine = item(id=ItemId(UUID(int=31)), wrvu=Decimal("0.9"), minutes=9)
    others = [
        item(id=ItemId(UUID(int=32)), subspecialty="breast"),
        item(id=ItemId(UUID(int=33)), kind="addendum"),
        item(id=ItemId(UUID(int=34)), images_complete=False),
    ]
    assert open_to(ABLE, [mine, *others], directory, NOW) == [mine]
    second = item(id=ItemId(UUID(int=35)), wrvu=Decimal("2.7"), minutes=9)
    kept = claim_made(second, ABLE, [mine, second], NOW)
    assert (kept["in_turn"], kept["open_count"]) == (False, 2)
    assert kept["open_mean"] == pytest.approx(0.2)
    assert kept["open_variance"] == pytest.approx(0.01)
    turn = claim_made(replace(mine, offered_to=READER), ABLE, [], NOW)
    assert (turn["in_turn"], turn["open_count"], turn["open_mean"]) == (True, 0, None)
    assert rate_of(item(wrvu=None)) is None


def test_what_was_offered_and_not_taken_is_never_negative() -> None:
    assert Offers(5, 3).not_taken == 2
    assert Offers(1, 4).not_taken == 0
