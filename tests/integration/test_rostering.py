"""Rosters in PostgreSQL: signing on at the server's time, own shifts only, offers that follow."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.exc import ProgrammingError

from confrere.database.engine import transaction
from confrere.kernel.errors import Conflict, Invalid, NotFound
from confrere.kernel.principal import Role
from confrere.network import rostering
from confrere.network import service as network
from confrere.network.presence import Presence, Shift
from confrere.network.rosters import RosterSettings
from confrere.web import duty_page, worklist_page
from confrere.worklist import service as worklist
from confrere.worklist.dispatch import dispatch
from tests.database import Databases
from tests.integration.lists_house import HTMX, House, lists_house
from tests.integration.test_worklist import offered
from tests.integration.world import NOW, build


@pytest.fixture(scope="module")
def house(postgres_socket: str, template: str) -> Iterator[House]:
    routers = [worklist_page.router, duty_page.router]
    with lists_house(postgres_socket, template, routers) as made:
        yield made


def test_an_offer_follows_the_readers_presence(conn: Connection) -> None:
    world = build(conn)
    item = offered(conn, world)
    for act, minutes, to in (
        ("pause", 1, None), ("resume", 2, world.neuro), ("sign-off", 3, None),
        ("sign-on", 4, world.neuro),
    ):  # fmt: skip
        at = NOW + timedelta(minutes=minutes)
        rostering.ACTS[act](conn, world.neuro, at)
        dispatch(conn, network.directory(conn, at), at)
        assert worklist.get(conn, item.id).offered_to == to, act


def test_where_signing_on_is_asked_for_a_no_show_gets_no_offer(conn: Connection) -> None:
    world = build(conn)
    rule = RosterSettings(sign_on_required=True, no_show_minutes=15)
    rostering.set_settings(conn, world.partner, rule)
    item = offered_at_shift(conn, world.neuro, world)
    assert item is None
    rostering.sign_on(conn, world.neuro, NOW)
    dispatch(conn, network.directory(conn, NOW), NOW)
    assert [one.offered_to for one in worklist.open_items(conn)] == [world.neuro]
    with pytest.raises(Invalid, match="0 to 480"):
        rostering.set_settings(conn, world.partner, RosterSettings(no_show_minutes=999))


def offered_at_shift(conn: Connection, _reader: object, world: object) -> object:
    """The reader to whom the exam goes while the rostered one has not signed on."""
    try:
        offered(conn, world)  # type: ignore[arg-type]
    except AssertionError:
        pass
    return worklist.open_items(conn)[0].offered_to


def test_what_does_not_fit_is_refused(conn: Connection) -> None:
    world = build(conn)
    with pytest.raises(Conflict, match="resume does not fit"):
        rostering.resume(conn, world.neuro, NOW)
    with pytest.raises(Conflict, match="no shift of yours"):
        rostering.sign_on(conn, world.neuro, NOW + timedelta(days=9))
    rostering.sign_on(conn, world.neuro, NOW)
    with pytest.raises(Conflict, match="you are signed on"):
        rostering.sign_on(conn, world.neuro, NOW + timedelta(minutes=1))
    with pytest.raises(NotFound):
        rostering.sign_on(conn, world.site, NOW)  # type: ignore[arg-type]


def test_a_reader_is_in_one_shift_at_a_time(conn: Connection) -> None:
    world = build(conn)
    readers = network.directory(conn, NOW).readers
    later = Shift(NOW + timedelta(days=1), NOW + timedelta(days=1, hours=8), "day")
    with pytest.raises(Conflict, match="Novak, Nina has another shift"):
        rostering.add_shifts(conn, readers, [(world.neuro, later)])


def test_a_group_changes_its_own_readers_shifts_only(fresh: Databases) -> None:
    with transaction(fresh.system, frozenset()) as conn:
        world = build(conn)
        readers = network.directory(conn, NOW).readers
    free = Shift(NOW + timedelta(days=5), NOW + timedelta(days=5, hours=8), "day")
    with transaction(fresh.app, frozenset({world.partner})) as conn:
        rostering.add_shifts(conn, readers, [(world.neuro, free)])
        until = NOW + timedelta(days=9)
        [(_, made)] = rostering.shifts_between(conn, [world.neuro], free.starts_at, until)
    assert made.id is not None
    with transaction(fresh.app, frozenset({world.owner})) as conn:
        with pytest.raises(NotFound):
            rostering.remove_shift(conn, made.id)
        with pytest.raises(NotFound):
            rostering.move_shift(conn, made.id, free)
        assert rostering.shifts_between(conn, [world.neuro], free.starts_at, until)
    for act in (
        lambda conn: rostering.add_shifts(conn, readers, [(world.neuro, free)]),
        lambda conn: rostering.sign_on(conn, world.neuro, NOW),
    ):
        with (
            pytest.raises(ProgrammingError, match="row-level security"),
            transaction(fresh.app, frozenset({world.owner})) as conn,
        ):
            act(conn)
    with transaction(fresh.app, frozenset({world.partner})) as conn:
        assert rostering.remove_shift(conn, made.id) == world.neuro
        rostering.sign_on(conn, world.neuro, NOW)
    with transaction(fresh.app, frozenset({world.owner})) as conn:
        assert conn.execute(sa.text("select count(*) from attendance")).scalar() == 0


def test_the_worklists_header_signs_on_pauses_and_signs_off(house: House) -> None:
    reader = house.signed_in(Role.RADIOLOGIST, reader=house.world.general)
    assert 'hx-get="/duty"' in reader.get("/worklist").text
    assert "On duty" in reader.get("/duty").text
    for act, shown in (("pause", "Paused"), ("resume", "On duty"), ("sign-off", "Signed off")):
        # a device's own clock plays no part, however wrong it is
        header = HTMX | {"date": "Tue, 24 Nov 2026 13:00:00 GMT"}
        assert shown in reader.post(f"/duty/{act}", headers=header).text
    assert reader.post("/duty/pause").status_code == 409
    assert reader.post("/duty/sign-on").status_code == 303
    assert reader.post("/duty/vanish").status_code == 422
    acts = [one.detail["act"] for one in house.trail("duty")]
    assert acts == ["sign-on", "sign-off", "resume", "pause"]
    with transaction(house.made.system, frozenset()) as conn:
        known = rostering.reader(conn, house.world.general, NOW)
    assert known.presence(NOW) is Presence.SIGNED_ON
    assert house.signed_in(Role.GROUP_MANAGER).post("/duty/pause").status_code == 403
