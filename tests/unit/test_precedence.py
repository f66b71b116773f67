"""The order of a list is the dispatcher's own order, exam by exam."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from confrere.kernel.ids import ItemId
from confrere.network.model import Directory, Group
from confrere.network.presence import Shift
from confrere.network.routing_settings import EVENNESS_FIRST, RoutingSettings
from confrere.worklist.judging import Judging
from confrere.worklist.model import Item
from confrere.worklist.pooling import Hour, Look
from confrere.worklist.precedence import precedence
from tests.unit.cases import ABLE, HOSPITAL, NOW, OWNER, item

OWN = replace(
    ABLE, group=OWNER, certificates=frozenset({"neuro"}),
    shifts=(Shift(NOW - timedelta(hours=1), NOW + timedelta(hours=8)),),
)  # fmt: skip
WHO = Directory(
    {OWNER: Group(OWNER, "OWN", "Lakeshore", "America/Chicago")}, {HOSPITAL.id: HOSPITAL},
    {OWN.id: OWN}, (),
)  # fmt: skip
EVEN = replace(WHO, routing={OWNER: RoutingSettings(first=EVENNESS_FIRST)})
LIMITS = {"inpatient": 240, "routine": 1440}
exams = st.lists(
    st.tuples(
        st.sampled_from(sorted(LIMITS)), st.integers(1, 1400), st.sampled_from([4, 8, 15]),
        st.booleans(),
    ),
    min_size=1, max_size=12,
)  # fmt: skip


def made(drawn: list[tuple[str, int, int, bool]]) -> list[Item]:
    return [
        item(
            id=ItemId(UUID(int=100 + n)),
            priority=level,
            minutes=minutes,
            advanced=advanced,
            due_at=NOW + timedelta(minutes=min(left, LIMITS[level])),
            patient=None,
        )
        for n, (level, left, minutes, advanced) in enumerate(drawn)
    ]


@given(exams, st.booleans())
def test_a_list_is_in_the_order_in_which_the_pool_would_give(
    drawn: list[tuple[str, int, int, bool]], even: bool
) -> None:
    directory, waiting = EVEN if even else WHO, made(drawn)
    look = Look(waiting, directory, Judging(directory, NOW), Hour(), NOW)
    best = look.pool.best(look.at, OWN.id, len(waiting))
    weights = precedence(waiting, OWN, directory, NOW)
    assert [round(weights[one], 6) for one in best] == sorted(
        (round(weight, 6) for weight in weights.values()), reverse=True
    )


def test_what_has_no_clock_comes_last_and_a_stat_first() -> None:
    stat = item(id=ItemId(UUID(int=1)), priority="stat", due_at=NOW + timedelta(minutes=29))
    waits = item(id=ItemId(UUID(int=2)), due_at=None)
    late = item(id=ItemId(UUID(int=3)), priority="ed", due_at=NOW - timedelta(hours=3))
    weights = precedence([waits, late, stat], None, WHO, NOW)
    assert sorted(weights, key=weights.__getitem__) == [waits.id, late.id, stat.id]
