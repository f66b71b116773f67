"""What a reader claimed, from what, and declined: kept, and behind the group's wall."""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

from sqlalchemy import Connection

from confrere.database.engine import transaction
from confrere.kernel.ids import ReaderId
from confrere.network import service as network
from confrere.worklist import claims
from confrere.worklist import service as worklist
from confrere.worklist.declining import decline
from confrere.worklist.taking import Chose, Offers
from tests.database import Databases
from tests.integration.test_worklist import offered
from tests.integration.world import NOW, World, build

LEASE, DAY = timedelta(minutes=30), timedelta(days=1)
SINCE, UNTIL = NOW - DAY, NOW + DAY


def chosen(conn: Connection, world: World) -> dict[ReaderId, Chose]:
    return worklist.chosen(conn, world.partner, SINCE, UNTIL)


def test_a_claim_in_turn_and_one_out_of_turn_are_kept_as_such(conn: Connection) -> None:
    world = build(conn)
    item = offered(conn, world)
    twin = network.reader(conn, world.neuro, NOW)
    rita = network.add_reader(
        conn, replace(twin, id=ReaderId(uuid4()), name="Rowe, Rita", npi="")
    )
    directory = network.directory(conn, NOW)
    first = claims.claim(conn, item, directory.readers[rita], directory, NOW, LEASE)
    assert first.hold_token
    claims.claim(conn, first, directory.readers[rita], directory, NOW, LEASE)  # renews
    back = claims.release(conn, item.id, rita, first.hold_token, NOW)
    again = worklist.get(conn, back.id)
    claims.claim(conn, again, directory.readers[world.neuro], directory, NOW, LEASE)
    found = chosen(conn, world)
    (out,) = found[rita].took
    assert (out.in_turn, out.open_count, out.rate) == (False, 1, 0.85 / 8)
    (other,) = found[world.neuro].took
    assert (other.in_turn, found[world.neuro].offered) == (False, 1)


def test_offers_and_declines_between_groups_are_counted_by_pair(conn: Connection) -> None:
    world = build(conn)
    item = offered(conn, world)
    pair = (world.owner, world.partner)
    assert worklist.offers_between(conn, world.owner, SINCE, UNTIL) == {pair: Offers(1, 0, 1)}
    neuro = network.reader(conn, world.neuro, NOW)
    decline(conn, item, neuro, "busy", "", NOW)
    assert worklist.offers_between(conn, world.owner, SINCE, UNTIL)[pair].not_taken == 1
    assert worklist.declined_by(conn, world.partner, SINCE, UNTIL) == {world.owner: 1}
    assert worklist.declined_by(conn, world.owner, SINCE, UNTIL) == {}
    assert worklist.offers_between(conn, world.owner, UNTIL, UNTIL + DAY) == {}


def test_the_wall_shows_a_readers_choices_to_their_own_group_alone(fresh: Databases) -> None:
    with transaction(fresh.system, frozenset()) as conn:
        world = build(conn)
        item = offered(conn, world)
    with transaction(fresh.app, frozenset({world.partner})) as conn:
        directory = network.directory(conn, NOW)
        neuro = directory.readers[world.neuro]
        taken = claims.claim(conn, worklist.get(conn, item.id), neuro, directory, NOW, LEASE)
        decline(conn, taken, neuro, "technical", "", NOW, taken.hold_token)
    for group, seen in ((world.partner, 1), (world.owner, 0)):
        with transaction(fresh.app, frozenset({group})) as conn:
            found = chosen(conn, world)
            assert sum(len(one.took) for one in found.values()) == seen
            assert sum(len(one.declined) for one in found.values()) == seen
            assert sum(worklist.declined_by(conn, world.partner, SINCE, UNTIL).values()) == seen
