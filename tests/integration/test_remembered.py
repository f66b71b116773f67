"""The directory is kept while nothing changes, and for nobody else than who may see it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

from sqlalchemy import Connection

from confrere.database.engine import transaction
from confrere.network import rostering, signing
from confrere.network import service as network
from confrere.network.model import Directory
from confrere.network.presence import Presence
from confrere.network.signing import By
from tests.database import Databases
from tests.integration.world import NOW, build

THREADS = 4


def test_it_is_the_same_object_until_something_changes_or_it_grows_old(
    conn: Connection,
) -> None:
    world = build(conn)
    first = network.directory(conn, NOW)
    assert network.directory(conn, NOW + timedelta(seconds=30)) is first
    assert network.directory(conn, NOW + timedelta(seconds=61)) is not first
    rostering.sign_on(conn, world.neuro, NOW)
    found = network.directory(conn, NOW + timedelta(seconds=62))
    assert found.readers[world.neuro].presence(NOW) is Presence.SIGNED_ON
    signing.suspend(conn, world.agreement, By(world.owner, "Olga"), "staffing", NOW)
    found = network.directory(conn, NOW + timedelta(seconds=62))
    assert found.agreements[0].state == "suspended"


def test_what_was_taken_back_is_not_remembered(fresh: Databases) -> None:
    with transaction(fresh.system, frozenset()) as conn:
        world = build(conn)
    with fresh.system.connect() as undone:
        rostering.sign_on(undone, world.neuro, NOW)
        seen = network.directory(undone, NOW)
        assert seen.readers[world.neuro].presence(NOW) is Presence.SIGNED_ON
        undone.rollback()
    with transaction(fresh.system, frozenset()) as conn:
        rostering.sign_on(conn, world.general, NOW)  # the number is the same again
        found = network.directory(conn, NOW)
    assert found.readers[world.neuro].presence(NOW) is not Presence.SIGNED_ON


def test_each_group_has_its_own(fresh: Databases) -> None:
    with transaction(fresh.system, frozenset()) as conn:
        world = build(conn)
    with transaction(fresh.app, frozenset({world.owner})) as conn:
        assert len(network.directory(conn, NOW).agreements) == 1
    with transaction(fresh.app, frozenset()) as conn:
        assert network.directory(conn, NOW).agreements == ()


def test_of_many_who_ask_at_once_one_loads_for_all(fresh: Databases) -> None:
    with transaction(fresh.system, frozenset()) as conn:
        build(conn)
    gate = Barrier(THREADS)

    def ask(_: int) -> Directory:
        with transaction(fresh.system, frozenset()) as conn:
            gate.wait(10)
            return network.directory(conn, NOW)

    with ThreadPoolExecutor(THREADS) as pool:
        found = list(pool.map(ask, range(THREADS)))
    assert len({id(one) for one in found}) == 1
