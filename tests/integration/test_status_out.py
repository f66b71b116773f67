"""A site's own system is told who reads: what, in which order, once, and to whom."""

import socket
from collections.abc import Iterator
from datetime import timedelta

import hl7
import pytest
from hl7apy.parser import parse_message
from sqlalchemy import Connection

from confrere.database.engine import transaction
from confrere.delivery import service as delivery
from confrere.delivery.model import DEAD, REPLACED, SENT, TRIES_BEFORE_DEAD, WAITING
from confrere.kernel.errors import Conflict
from confrere.network import service as network
from confrere.reading import service as reading
from confrere.reading.model import FINAL, PRELIMINARY
from confrere.wiring import exams, results
from confrere.worklist import claims
from confrere.worklist import service as worklist
from tests.acceptance.foreign import ForeignInbox, foreign_listener
from tests.database import Databases
from tests.integration.beside_house import (
    LEASE,
    TEXT,
    claim,
    complete,
    look,
    receive,
    settle,
    told,
    world_told,
)
from tests.integration.world import NOW, build, order_message

MINUTE = timedelta(minutes=1)


def field(message: bytes, segment: str, number: int) -> str:
    """A field as python-hl7 reads it."""
    return str(hl7.parse(message.decode()).segment(segment)[number])


def statuses(conn: Connection) -> list[tuple[str, str]]:
    return [(field(m.content, "ORC", 5), field(m.content, "OBR", 25)) for m in told(conn)]


def test_a_read_from_claim_to_final_is_told_step_by_step(conn: Connection) -> None:
    world = world_told(conn)
    item = complete(conn, world)
    assert settle(conn, NOW) == 0, "what nobody reads needs no message"
    taken, hold = claim(conn, item, world.neuro)
    settle(conn, NOW + MINUTE)
    claims.release(conn, item.id, world.neuro, hold.token, NOW + 2 * MINUTE)
    settle(conn, NOW + 2 * MINUTE)
    _, hold = claim(conn, worklist.get(conn, item.id), world.neuro, NOW + 3 * MINUTE)
    settle(conn, NOW + 3 * MINUTE)
    directory = network.directory(conn, NOW)
    reading.sign(conn, hold, TEXT, PRELIMINARY, directory, NOW + 4 * MINUTE)
    settle(conn, NOW + 4 * MINUTE)
    reading.sign(conn, hold, TEXT, FINAL, directory, NOW + 5 * MINUTE)
    assert look(conn, NOW + 5 * MINUTE) == 1, "what is final is told at once"
    assert statuses(conn) == [("IP", "I"), ("SC", "S"), ("IP", "I"), ("IP", "P"), ("CM", "F")]
    assert settle(conn, NOW + 6 * MINUTE) == 0
    assert taken.held_at == NOW


def test_the_message_is_what_foreign_parsers_read(conn: Connection) -> None:
    world = world_told(conn)
    claim(conn, complete(conn, world), world.neuro)
    settle(conn, NOW)
    (sent,) = told(conn)
    read = parse_message(sent.content.decode(), find_groups=False)
    assert read.msh.msh_9.value == "ORM^O01^ORM_O01"
    assert (read.msh.msh_3.value, read.msh.msh_5.value) == ("CONFRERE", "RIS")
    assert read.orc.orc_1.value == "SC"
    assert (read.orc.orc_2.value, read.orc.orc_3.value) == ("PLM100", "FLM100")
    assert read.orc.orc_9.value == "20261124150000+0000"
    assert read.obr.obr_18.value == "LM100"
    npi = network.reader(conn, world.neuro, NOW).npi
    assert read.obr.obr_32.value == f"{npi}&Novak&Nina&&&&&&NPI"
    assert read.pid.pid_3.value == "M1^^^LMH-MRN^MR"
    assert len(read.msh.msh_10.value) == 20


def test_a_claim_given_back_within_seconds_is_not_told(conn: Connection) -> None:
    world = world_told(conn)
    item = complete(conn, world)
    look(conn, NOW)
    _, hold = claim(conn, item, world.neuro)
    look(conn, NOW + timedelta(seconds=1))
    claims.release(conn, item.id, world.neuro, hold.token, NOW + timedelta(seconds=2))
    look(conn, NOW + timedelta(seconds=2))
    claim(conn, worklist.get(conn, item.id), world.neuro, NOW + timedelta(seconds=3))
    for second in range(3, 12):
        look(conn, NOW + timedelta(seconds=second))
    assert statuses(conn) == [("IP", "I")]


def test_a_lapsed_and_a_recalled_hold_are_told(conn: Connection) -> None:
    world = world_told(conn)
    item, _ = claim(conn, complete(conn, world), world.neuro)
    settle(conn, NOW)
    later = NOW + LEASE + MINUTE
    assert claims.free_lapsed(conn, later) == 1
    settle(conn, later)
    held, _ = claim(conn, worklist.get(conn, item.id), world.neuro, later + MINUTE)
    settle(conn, later + MINUTE)
    assert claims.recall(conn, held, later + 2 * MINUTE)
    settle(conn, later + 2 * MINUTE)
    assert statuses(conn) == [("IP", "I"), ("SC", "S"), ("IP", "I"), ("SC", "S")]


def test_a_cancelled_order_is_told_as_taken_off_the_list(conn: Connection) -> None:
    world = world_told(conn)
    item, _ = claim(conn, complete(conn, world), world.neuro)
    settle(conn, NOW)
    receive(conn, world, order_message(status="CA", control="CANCEL"), NOW + MINUTE)
    exams.order_changed(conn, item.orders[0], NOW + MINUTE)
    look(conn, NOW + MINUTE)
    assert statuses(conn)[-1] == ("CA", "X")


def test_nothing_is_told_until_the_site_asks_for_it(conn: Connection) -> None:
    world = build(conn)
    item, hold = claim(conn, complete(conn, world), world.neuro)
    assert settle(conn, NOW) == 0
    network.send_status_to(conn, world.site, world.results, NOW + MINUTE)
    assert settle(conn, NOW + MINUTE) == 1, "what is held already is told"
    reading.sign(conn, hold, TEXT, FINAL, network.directory(conn, NOW), NOW + 2 * MINUTE)
    assert look(conn, NOW + 2 * MINUTE) == 1
    network.send_status_to(conn, world.site, None, NOW + 3 * MINUTE)
    network.send_status_to(conn, world.site, world.results, NOW + 4 * MINUTE)
    assert settle(conn, NOW + 4 * MINUTE) == 0, "what was over before is not told"
    assert item.orders


def test_a_newer_status_takes_the_place_of_one_that_waits(conn: Connection) -> None:
    world = world_told(conn)
    item, hold = claim(conn, complete(conn, world), world.neuro)
    settle(conn, NOW)

    def silent(_: object) -> tuple[str, str]:
        raise ConnectionRefusedError("nobody listens")

    for n in range(TRIES_BEFORE_DEAD):
        delivery.deliver_next(
            conn, world.results, silent, NOW + (n + 1) * timedelta(hours=1), 0
        )
    (dead,) = told(conn, DEAD)
    claims.release(conn, item.id, world.neuro, hold.token, NOW + MINUTE)
    settle(conn, NOW + MINUTE)
    assert [m.state for m in told(conn)] == [REPLACED, WAITING]
    with pytest.raises(Conflict, match="newer status"):
        delivery.send_again(conn, dead.id, NOW)


@pytest.fixture
def inbox() -> Iterator[ForeignInbox]:
    with foreign_listener() as made:
        yield made


def test_over_the_wire_a_later_status_never_overtakes_an_earlier_one(
    fresh: Databases, inbox: ForeignInbox
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        nobody = gone.getsockname()[1]
    with transaction(fresh.system, frozenset()) as conn:
        world = build(conn, results_port=nobody)
        network.send_status_to(conn, world.site, world.results, NOW - timedelta(hours=1))
        item, hold = claim(conn, complete(conn, world), world.neuro)
        settle(conn, NOW)
        peer = network.peer(conn, world.results)

    def deliver(port: int, at: timedelta) -> None:
        with transaction(fresh.system, frozenset()) as conn:
            there = network.Peer(
                **{n: getattr(peer, n) for n in peer.__slots__} | {"port": port}
            )
            delivery.deliver_next(
                conn, peer.id, lambda m: results.transmit(there, m), NOW + at, 0
            )

    deliver(nobody, 4 * MINUTE)
    with transaction(fresh.system, frozenset()) as conn:
        directory = network.directory(conn, NOW)
        reading.sign(conn, hold, TEXT, FINAL, directory, NOW + 5 * MINUTE)
        look(conn, NOW + 5 * MINUTE)
        assert [m.state for m in told(conn)] == [REPLACED, WAITING]
    for n in range(6, 9):
        deliver(inbox.port, n * MINUTE)
    assert [str(m.segment("ORC")[5]) for m in inbox.messages] == ["CM"]
    with transaction(fresh.system, frozenset()) as conn:
        assert [m.state for m in told(conn)] == [REPLACED, SENT]
        assert item.id


def test_a_status_on_its_way_is_left_alone_and_leaves_first(
    fresh: Databases, inbox: ForeignInbox
) -> None:
    with transaction(fresh.system, frozenset()) as conn:
        world = build(conn, results_port=inbox.port)
        network.send_status_to(conn, world.site, world.results, NOW - timedelta(hours=1))
        item, hold = claim(conn, complete(conn, world), world.neuro)
        settle(conn, NOW)
        peer = network.peer(conn, world.results)

    def signed_meanwhile(_: object) -> tuple[str, str]:
        with transaction(fresh.system, frozenset()) as other:
            directory = network.directory(other, NOW)
            reading.sign(other, hold, TEXT, FINAL, directory, NOW + 5 * MINUTE)
            look(other, NOW + 5 * MINUTE)
        return "AE", "the line broke"

    with transaction(fresh.system, frozenset()) as conn:
        delivery.deliver_next(conn, peer.id, signed_meanwhile, NOW + 5 * MINUTE, 0)
        assert [m.state for m in told(conn)] == [WAITING, WAITING]
    for n in range(6, 9):
        with transaction(fresh.system, frozenset()) as conn:
            delivery.deliver_next(
                conn, peer.id, lambda m: results.transmit(peer, m), NOW + n * MINUTE, 0
            )
    assert [str(m.segment("ORC")[5]) for m in inbox.messages] == ["IP", "CM"]
    assert item.id
