"""A site whose clock is two hours off: noticed, told with a remedy, and never a due time."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import Connection

from confrere.database.engine import transaction
from confrere.delivery import service as delivery
from confrere.kernel.principal import Role
from confrere.network import service as network
from confrere.orders import service as orders
from confrere.web import peers_page
from confrere.wiring import exams
from confrere.worklist import service as worklist
from confrere.worklist.model import WRONG_CLOCK, Item
from tests.integration.beside_house import complete, receive, status
from tests.integration.lists_house import House, lists_house
from tests.integration.world import NOW, World, build, order_message

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def ahead(control: str = "AHEAD") -> bytes:
    """Complete at 16:50 UTC, says a system whose clock is two hours ahead; it is 15:00."""
    raw = order_message(status="CM", control=control)
    return raw.replace(b"202611240850", b"202611241050").replace(
        b"202611240900", b"202611241100"
    )


def item_of(conn: Connection, world: World, at: timedelta) -> Item:
    order = orders.search(conn, 1, accession="LM100")[0]
    exams.order_changed(conn, order.id, NOW + at)
    return worklist.of_exam(conn, world.owner, None, [order.id])[0]


def test_a_due_time_never_rests_on_a_completion_in_the_future(conn: Connection) -> None:
    world = build(conn)
    receive(conn, world, ahead())
    item = item_of(conn, world, timedelta())
    assert (item.clock_at, item.due_at) == (NOW, NOW + 30 * MINUTE)
    assert WRONG_CLOCK in item.flags
    assert "clock is ahead" in item.clock_source
    receive(conn, world, ahead("AGAIN"), NOW + 10 * MINUTE)
    assert item_of(conn, world, 10 * MINUTE).clock_at == NOW, "heard again changes nothing"
    times = orders.told_times(conn, world.site, NOW - HOUR, NOW + HOUR)
    assert [(one.said_at - one.heard_at) for one in times] == [110 * MINUTE], "as it was told"


def test_a_right_time_that_follows_is_taken(conn: Connection) -> None:
    world = build(conn)
    receive(conn, world, ahead())
    right = order_message(status="CM", control="RIGHT").replace(
        b"202611240900-0600||ORM", b"202611241101-0600||ORM"
    )
    receive(conn, world, right, NOW + 5 * MINUTE)
    item = item_of(conn, world, 5 * MINUTE)
    assert item.clock_at == NOW - 10 * MINUTE
    assert WRONG_CLOCK not in item.flags


def test_a_steady_skew_is_measured_for_each_sender(conn: Connection) -> None:
    world = build(conn)
    for n in range(8):
        at = NOW + n * MINUTE
        receive(conn, world, status("IP", at=at + 2 * HOUR), at, control=f"S{n}")
    skew = delivery.skews(conn)[world.hl7]
    assert skew.median == 2 * HOUR
    assert skew.is_off


@pytest.fixture
def house(postgres_socket: str, template: str) -> Iterator[House]:
    with lists_house(postgres_socket, template, [peers_page.router]) as made:
        yield made


def test_the_peers_page_warns_with_a_remedy(house: House) -> None:
    with transaction(house.made.system, frozenset()) as conn:
        complete(conn, house.world)
        for n in range(8):
            at = NOW + n * MINUTE
            receive(conn, house.world, status("IP", at=at + 2 * HOUR), at, control=f"S{n}")
        assert network.peers(conn)
    page = house.signed_in(Role.IT_ENGINEER).get("/network/peers").text
    assert "2 h ahead of ours, steadily: that is a time zone" in page
    other = house.signed_in(Role.IT_ENGINEER, house.world.partner).get("/network/peers").text
    assert "ahead of ours" not in other
