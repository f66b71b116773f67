"""Agreements in PostgreSQL: both sign, none overlap, either stops, no third group sees."""

from dataclasses import replace
from datetime import date, time, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, IntegrityError, ProgrammingError

from confrere.database.engine import transaction
from confrere.kernel.errors import Conflict, Invalid, NotFound, Refused
from confrere.kernel.ids import GroupId
from confrere.network import service as network
from confrere.network import signing
from confrere.network.model import Agreement, Group
from confrere.network.signing import By
from confrere.network.terms import Rate
from tests.database import Databases
from tests.integration.world import NOW, World, agree, agreed, build, terms_of

OLGA, ROLF = "Olga Owner", "Rolf Reading"
RATE = Rate(Decimal("31.50"), "wRVU")


def sides(world: World) -> tuple[By, By]:
    return By(world.owner, OLGA), By(world.partner, ROLF)


def stands(conn: Connection, world: World) -> Agreement:
    return signing.get(conn, world.agreement)


def test_a_change_needs_both_signatures_and_the_old_version_stays_until_then(
    conn: Connection,
) -> None:
    world = build(conn)
    owner, reading = sides(world)
    terms = replace(terms_of(stands(conn, world), RATE), daily_cap=40)
    number = signing.amend(conn, world.agreement, terms, owner, NOW)
    assert number == 2
    assert (stands(conn, world).version, stands(conn, world).daily_cap) == (1, 0)
    with pytest.raises(Conflict, match="your group has signed"):
        signing.sign(conn, world.agreement, 2, owner, NOW)
    signed = signing.sign(conn, world.agreement, 2, reading, NOW)
    assert (signed.version, signed.daily_cap, signed.state) == (2, 40, "in force")
    newest, first = signing.versions(conn, world.agreement)
    assert newest.terms.rate == RATE
    assert {(one.party, one.name) for one in newest.signatures} == {
        (world.owner, OLGA),
        (world.partner, ROLF),
    }
    assert {one.digest for one in newest.signatures} == {newest.digest} != {first.digest}


def test_a_proposal_is_withdrawn_by_its_side_and_declined_by_the_other(
    conn: Connection,
) -> None:
    world = build(conn)
    owner, reading = sides(world)
    terms = replace(terms_of(stands(conn, world)), daily_cap=40)
    signing.amend(conn, world.agreement, terms, owner, NOW)
    with pytest.raises(Conflict, match="other group's proposal waits"):
        signing.amend(conn, world.agreement, replace(terms, daily_cap=30), reading, NOW)
    assert signing.refuse(conn, world.agreement, 2, reading, NOW) == "declined"
    signing.amend(conn, world.agreement, terms, owner, NOW)
    signing.amend(conn, world.agreement, replace(terms, daily_cap=35), owner, NOW)
    with pytest.raises(Conflict, match="version 4 was proposed meanwhile"):
        signing.sign(conn, world.agreement, 3, reading, NOW)
    assert signing.refuse(conn, world.agreement, 4, owner, NOW) == "withdrawn"
    assert stands(conn, world).state == "in force"
    with pytest.raises(Conflict, match="no version waits"):
        signing.sign(conn, world.agreement, 4, reading, NOW)


def test_a_change_that_changes_nothing_is_refused(conn: Connection) -> None:
    world = build(conn)
    owner, _ = sides(world)
    with pytest.raises(Conflict, match="nothing differs"):
        signing.amend(conn, world.agreement, terms_of(stands(conn, world)), owner, NOW)
    over = replace(terms_of(stands(conn, world)), ends_on=date(2026, 1, 1))
    with pytest.raises(Invalid, match="over already"):
        signing.amend(conn, world.agreement, over, owner, NOW)


def test_a_declined_first_proposal_is_over(conn: Connection) -> None:
    world = build(conn)
    made = agree(conn, agreed(world.partner, world.owner, state="proposed"))
    assert signing.refuse(conn, made, 1, By(world.owner, OLGA), NOW) == "declined"
    assert signing.get(conn, made).state == "withdrawn"


def test_only_the_side_that_suspended_resumes_and_both_must(conn: Connection) -> None:
    world = build(conn)
    owner, reading = sides(world)
    with pytest.raises(Invalid, match="say why"):
        signing.suspend(conn, world.agreement, owner, " ", NOW)
    signing.suspend(conn, world.agreement, owner, "staffing", NOW)
    with pytest.raises(Refused, match="only they can resume"):
        signing.resume(conn, world.agreement, reading, NOW)
    signing.suspend(conn, world.agreement, reading, "late reports", NOW)
    assert signing.resume(conn, world.agreement, owner, NOW).state == "suspended"
    assert signing.resume(conn, world.agreement, reading, NOW).state == "in force"
    told = [(one.party, one.reason) for one in signing.suspensions(conn, world.agreement)]
    assert told == [(world.owner, "staffing"), (world.partner, "late reports")]


def test_an_ended_agreement_neither_resumes_nor_changes(conn: Connection) -> None:
    world = build(conn)
    owner, reading = sides(world)
    assert signing.end(conn, world.agreement, reading, "moved away", NOW).state == "ended"
    for act in (
        lambda: signing.end(conn, world.agreement, owner, "again", NOW),
        lambda: signing.suspend(conn, world.agreement, owner, "again", NOW),
        lambda: signing.resume(conn, world.agreement, owner, NOW),
    ):
        with pytest.raises(Conflict):
            act()


MEETS = [
    {},
    {"subspecialties": frozenset()},
    {"subspecialties": frozenset({"neuro", "chest"}), "modalities": frozenset({"CT"})},
    {"window_start": time(22), "window_end": time(7)},
    {"starts_on": date(2034, 12, 31), "ends_on": date(2040, 1, 1)},
]
APART = [
    {"subspecialties": frozenset({"chest"})},
    {"read_types": frozenset({"over-read"})},
    {"starts_on": date(2035, 1, 2), "ends_on": date(2040, 1, 1)},
]


@pytest.mark.parametrize("changes", MEETS)
def test_two_that_cover_the_same_cannot_both_be_in_force(
    conn: Connection, changes: dict[str, object]
) -> None:
    world = build(conn)
    second = agreed(world.owner, world.partner, title="second", **changes)
    made = agree(conn, replace(second, state="proposed"))
    with pytest.raises(Conflict, match="“neuro cover” covers already"):
        signing.sign(conn, made, 1, By(world.partner, ROLF), NOW)
    assert signing.get(conn, made).state == "proposed"
    signing.end(conn, world.agreement, By(world.owner, OLGA), "replaced", NOW)
    assert signing.sign(conn, made, 1, By(world.partner, ROLF), NOW).state == "in force"


@pytest.mark.parametrize("changes", APART)
def test_two_that_cover_different_exams_stand_side_by_side(
    conn: Connection, changes: dict[str, object]
) -> None:
    world = build(conn)
    made = agree(conn, agreed(world.owner, world.partner, title="second", **changes))
    assert signing.get(conn, made).state == "in force"


@pytest.mark.parametrize(
    ("first", "second", "meet"),
    [
        (("22:00", "07:00", "America/Chicago"), ("07:00", "22:00", "America/Chicago"), False),
        (("22:00", "07:00", "America/Chicago"), ("06:59", "22:00", "America/Chicago"), True),
        (("22:00", "07:00", "America/Chicago"), ("08:00", "23:00", "America/New_York"), False),
        (("22:00", "07:00", "America/Chicago"), ("07:59", "23:00", "America/New_York"), True),
        # Phoenix keeps one time all year: an hour meets in summer only, and is found
        (("22:00", "07:00", "America/Denver"), ("07:00", "22:00", "America/Phoenix"), True),
        (("22:00", "07:00", "America/Phoenix"), ("07:00", "22:00", "America/Phoenix"), False),
    ],
)
def test_hours_are_compared_as_instants_in_both_seasons(
    conn: Connection, first: tuple[str, ...], second: tuple[str, ...], meet: bool
) -> None:
    hours = "agreement_hours('{}', cast(:a as time), cast(:b as time), :zone)"
    found = [
        conn.execute(sa.text(f"select {hours}::text"), {"a": a, "b": b, "zone": zone}).scalar()
        for a, b, zone in (first, second)
    ]
    both = sa.text("select cast(:x as int4multirange) && cast(:y as int4multirange)")
    assert conn.execute(both, {"x": found[0], "y": found[1]}).scalar() is meet


def test_weekdays_keep_windows_apart_also_past_sundays_midnight(conn: Connection) -> None:
    def hours(days: str) -> str:
        return f"agreement_hours('{days}', '22:00', '07:00', 'UTC')"

    apart = sa.text(f"select {hours('{6}')} && {hours('{0,1,2,3,4,5}')}")
    meet = sa.text(
        f"select {hours('{6}')} && agreement_hours('{{0}}', '06:00', '09:00', 'UTC')"
    )
    assert conn.execute(apart).scalar() is False
    assert conn.execute(meet).scalar() is True


def test_the_database_refuses_an_overlap_even_in_raw_sql(conn: Connection) -> None:
    build(conn)
    copy = sa.text(
        "insert into agreements (owner_group, reading_group, title, starts_on, ends_on, state,"
        " weekdays) select owner_group, reading_group, 'twice', starts_on, ends_on, state,"
        " weekdays from agreements"
    )
    with pytest.raises(IntegrityError, match="ex_agreements_scope"):
        conn.execute(copy)


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ("update agreements set title = 'ours'", "permission denied"),
        ("update agreements set daily_cap = 0, version = 9", "permission denied"),
        ("update agreements set state = 'in force'", "both signatures only"),
        ("update agreement_versions set rate = 1", "permission denied"),
        ("delete from agreement_versions", "permission denied"),
        ("update agreement_signatures set name = 'x'", "permission denied"),
        ("delete from agreements", "permission denied"),
    ],
)
def test_no_party_gets_by_the_other_in_the_database(
    fresh: Databases, change: str, refusal: str
) -> None:
    with transaction(fresh.system, frozenset()) as conn:
        world = build(conn)
        agree(conn, agreed(world.partner, world.owner, state="proposed"))
    with (
        pytest.raises(DBAPIError, match=refusal),
        transaction(fresh.app, frozenset({world.partner})) as conn,
    ):
        conn.execute(sa.text(change))


def test_no_party_signs_proposes_or_resumes_in_the_others_name(fresh: Databases) -> None:
    with transaction(fresh.system, frozenset()) as conn:
        world = build(conn)
        made = agree(conn, agreed(world.owner, world.partner, state="proposed", title="b"))
        signing.suspend(conn, world.agreement, By(world.owner, OLGA), "staffing", NOW)
    changed = replace(terms_of(agreed(world.owner, world.partner)), daily_cap=9)
    owner, reading = sides(world)
    for act in (
        lambda conn: signing.sign(conn, made, 1, reading, NOW),
        lambda conn: signing.amend(conn, world.agreement, changed, reading, NOW),
        lambda conn: signing.suspend(conn, world.agreement, reading, "x", NOW),
    ):
        with (
            pytest.raises(ProgrammingError, match="row-level security"),
            transaction(fresh.app, frozenset({world.owner})) as conn,
        ):
            act(conn)
    with (
        pytest.raises(Refused, match="only they can resume"),
        transaction(fresh.app, frozenset({world.partner})) as conn,
    ):
        signing.resume(conn, world.agreement, owner, NOW)


def test_a_third_group_sees_nothing_of_an_agreement_its_rate_least_of_all(
    fresh: Databases,
) -> None:
    with transaction(fresh.system, frozenset()) as conn:
        world = build(conn)
        third = network.add_group(conn, Group(GroupId(UUID(int=0)), "T", "Third", "UTC"))
        terms = replace(terms_of(signing.get(conn, world.agreement), RATE), daily_cap=9)
        signing.amend(conn, world.agreement, terms, By(world.owner, OLGA), NOW)
        signing.suspend(conn, world.agreement, By(world.owner, OLGA), "staffing", NOW)
    tables = [
        "agreements", "agreement_versions", "agreement_signatures", "agreement_suspensions",
    ]  # fmt: skip
    for groups, seen in ((world.owner, True), (world.partner, True), (third, False)):
        with transaction(fresh.app, frozenset({groups})) as conn:
            for table in tables:
                rows = conn.execute(sa.text(f"select count(*) from {table}")).scalar()
                assert bool(rows) is seen, (table, groups)
    with transaction(fresh.app, frozenset({third})) as conn, pytest.raises(NotFound):
        signing.get(conn, world.agreement)


def test_the_agreement_that_judges_reads_holds_no_price(conn: Connection) -> None:
    world = build(conn)
    owner, reading = sides(world)
    terms = replace(terms_of(stands(conn, world), RATE), title="priced")
    signing.amend(conn, world.agreement, terms, owner, NOW)
    signing.sign(conn, world.agreement, 2, reading, NOW)
    told = repr(network.directory(conn, NOW))
    assert "priced" in told
    assert "31.5" not in told
    assert "wRVU" not in told


def test_a_signature_after_its_last_day_is_refused(conn: Connection) -> None:
    world = build(conn)
    made = agree(conn, agreed(world.partner, world.owner, state="proposed",
                              ends_on=NOW.date() + timedelta(days=3)))  # fmt: skip
    with pytest.raises(Conflict, match="last day is over"):
        signing.sign(conn, made, 1, By(world.owner, OLGA), NOW + timedelta(days=9))
