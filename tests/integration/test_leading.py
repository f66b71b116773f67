"""One dispatcher leads: a second waits, and one that was cut off decides nothing more."""

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from confrere import dispatcher
from confrere.database.engine import transaction
from confrere.kernel.errors import Conflict
from confrere.settings import load
from confrere.wiring.house import House, open_house
from confrere.worklist import leading
from confrere.worklist.dispatch import Dispatcher
from tests.database import Databases, boot
from tests.integration.test_rounds import exam
from tests.integration.world import NOW, build


@pytest.fixture
def house(fresh: Databases, tmp_path: Path) -> Iterator[House]:
    settings = replace(
        load({"CONFRERE_HOME": str(tmp_path)}), database_url=fresh.url("confrere_app"),
        database_system_url=fresh.url("confrere_system"),
    )  # fmt: skip
    made = replace(open_house(settings, pool=1, system_pool=6), now=lambda: NOW)
    yield made
    made.close()


def lead(house: House) -> int:
    with transaction(house.system, frozenset()) as conn:
        return leading.lead(conn)


def test_a_round_of_one_that_leads_no_more_changes_nothing(house: House) -> None:
    with transaction(house.system, frozenset()) as conn:
        world = build(conn)
        item = exam(conn, world)
    first, second = lead(house), lead(house)
    with pytest.raises(Conflict, match="another dispatcher leads"):
        dispatcher.turn(house, Dispatcher(), first)
    with transaction(house.system, frozenset()) as conn:
        state = "select state from items where id = :item"
        assert conn.execute(sa.text(state), {"item": item}).scalar_one() == "waiting"
    assert dispatcher.turn(house, Dispatcher(), second) == 1


def test_who_takes_over_waits_for_the_round_that_is_under_way(house: House) -> None:
    first, order = lead(house), []
    with transaction(house.system, frozenset()) as conn:
        leading.still_leads(conn, first)
        thread = threading.Thread(target=lambda: (lead(house), order.append("took over")))
        thread.start()
        time.sleep(0.2)
        order.append("round ended")
    thread.join(10)
    assert order == ["round ended", "took over"]


def test_of_two_dispatchers_the_other_goes_on_when_one_is_cut_off(
    house: House, fresh: Databases
) -> None:
    stops = [threading.Event(), threading.Event()]
    threads = [
        threading.Thread(
            target=dispatcher.lead_until, args=(house, house.settings.database_system_url, stop)
        )
        for stop in stops
    ]
    with transaction(house.system, frozenset()) as conn:
        world = build(conn)
    for thread in threads:
        thread.start()
    try:
        offered(house, exam_in(house, world))
        with boot(fresh.socket) as conn:  # whoever holds the lock loses the connection
            conn.execute(
                "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' "
                "and classid = 0 and objid = %s and granted", (dispatcher.LOCK,),
            )  # fmt: skip
        offered(house, exam_in(house, world))
    finally:
        for stop in stops:
            stop.set()
        for thread in threads:
            thread.join(10)
    with transaction(house.system, frozenset()) as conn:
        each = sa.text("select count(*) from decisions group by item_id")
        assert set(conn.execute(each).scalars()) == {1}


def exam_in(house: House, world: object) -> object:
    with transaction(house.system, frozenset()) as conn:
        conn.execute(sa.text("update items set finished_at = now()"))
        return exam(conn, world)  # type: ignore[arg-type]


def offered(house: House, item: object) -> None:
    until = time.monotonic() + 15
    while time.monotonic() < until:
        with transaction(house.system, frozenset()) as conn:
            query = sa.text("select state from items where id = :item")
            if conn.execute(query, {"item": item}).scalar_one() == "offered":
                return
        time.sleep(0.05)
    raise AssertionError("nobody dispatched")
