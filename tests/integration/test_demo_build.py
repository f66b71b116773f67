"""The demonstration is built once, found again, and its history is sane."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from confrere.analytics.cherry_picking import picking
from confrere.database.engine import transaction
from confrere.demo import build as demo
from confrere.demo import describe, machines, people, places
from confrere.identity import service as identity
from confrere.network import service as network
from confrere.network.agreements import Asked, covers
from confrere.network.systems import SiteHints
from confrere.worklist import service as worklist
from tests.database import Databases, clone, count, drop

NOW = datetime(2026, 11, 24, 3, 30, tzinfo=UTC)
PORTS = {one.code: 20_000 + n for n, one in enumerate(places.SITES)}
DOORS = describe.Doors(8080, 11112, 2575)


@pytest.fixture(scope="module")
def made(postgres_socket: str, template: str) -> Iterator[tuple[Databases, demo.Built]]:
    databases = clone(postgres_socket, template)
    try:
        yield databases, demo.build(databases.system, NOW, 7, PORTS, exams=4000)
    finally:
        drop(databases)


Made = tuple[Databases, demo.Built]


def test_it_holds_six_groups_eleven_sites_and_thirty_radiologists(made: Made) -> None:
    with made[0].system.connect() as conn:
        assert count(conn, "groups") == 6
        assert count(conn, "sites") == 11
        assert count(conn, "readers") == 30 + len(people.RESIDENTS)
        assert count(conn, "procedures") >= 40 * 11
        assert count(conn, "agreements") >= 8


def test_the_storys_reader_is_covered_by_an_agreement_in_force(made: Made) -> None:
    with transaction(made[0].system, frozenset()) as conn:
        ids = demo.find_ids(conn, NOW)
        fox, oak = ids.groups[places.FOX], ids.groups[places.OAK]
        lent = [
            a
            for a in network.agreements(conn)
            if (a.owner_group, a.reading_group) == (fox, oak)
        ]
        final = frozenset({"final"})
        asked = Asked(ids.sites["HCM"], "neuro", "stat", "CT", "CT head", final, NOW)
        assert [covers(a, asked) for a in lent] == [""]
        raman = network.reader(conn, ids.readers["raman"], NOW)
        assert raman.on_duty(NOW)
        assert "IL" in {one.state for one in raman.licences}


def test_everyone_can_sign_in_with_the_password_that_is_written_down(made: Made) -> None:
    databases, built = made
    account = built.accounts[0]
    with transaction(databases.app, frozenset()) as conn:
        token = identity.principal_of_token(conn, account.token, NOW)
        assert token is not None
        assert token.name == account.name
        entered = identity.sign_in(
            conn, account.username, account.password, NOW, random=lambda n: b"x" * n
        )
        assert isinstance(entered, identity.SignedIn)
    assert all(len(one.password) >= 15 for one in built.accounts)
    assert len({one.password for one in built.accounts}) == len(built.accounts)


def test_readers_have_a_past_of_choices_by_chance_but_for_one_and_one_has_hardly_any(
    made: Made,
) -> None:
    with transaction(made[0].system, frozenset()) as conn:
        ids = demo.find_ids(conn, NOW)
        found = worklist.chosen(conn, ids.groups[places.FOX], NOW - timedelta(days=90), NOW)
    said = {key: picking(found[ids.readers[key]]) for key in ("okafor", "bennett", "kowalski")}
    assert said["bennett"].few
    assert said["okafor"].index is not None
    assert said["okafor"].index.low > 0
    assert said["kowalski"].index is not None
    assert said["kowalski"].declined + said["kowalski"].taken > 50
    assert all(one.synthetic for one in said.values())


def test_the_shared_machines_messages_are_told_apart_by_the_sites_rules(made: Made) -> None:
    with transaction(made[0].system, frozenset()) as conn:
        ids = demo.find_ids(conn, NOW)
        hub = next(p for p in network.peers(conn, "hl7") if p.application == "GRANITEHUB")
        pacs = next(p for p in network.peers(conn, "dicom") if p.aet == "GRANITE_PACS")
        assert network.site_of(conn, hub, SiteHints(facility="TAMARACK")) == ids.sites["TCC"]
        assert network.site_of(conn, hub, SiteHints(accession="GB1")) == ids.sites["GBR"]
        told = SiteHints(institution="Tamarack Crossing Clinic")
        assert network.site_of(conn, pacs, told) == ids.sites["TCC"]
        assert network.site_of(conn, pacs, SiteHints()) is None


def test_history_happens_in_order_and_is_all_marked_synthetic(made: Made) -> None:
    databases, built = made
    assert 3900 < built.exams <= 4000
    disorder = sa.text(
        "select count(*) from exam_facts where not (ordered_at <= first_image_at and "
        "first_image_at <= complete_at and complete_at <= offered_at and "
        "offered_at <= claimed_at and claimed_at <= final_at and synthetic "
        "and coalesce(preliminary_at between claimed_at and final_at, true) "
        "and final_at < :now and complete_at > :start)"
    )
    with databases.system.connect() as conn:
        times = {"now": NOW, "start": NOW - timedelta(days=367)}
        assert conn.execute(disorder, times).scalar_one() == 0
        alike = (
            "select count(*) from exam_facts f join orders o on o.id = f.order_id "
            "join patients p on p.id = o.patient_id and p.owner_group = f.owner_group "
            "where o.synthetic and p.synthetic and o.status = 'reported' "
            "and o.accession = f.accession and o.exam_complete_at = f.complete_at"
        )
        assert conn.execute(sa.text(alike)).scalar_one() == built.exams


def test_a_second_start_changes_nothing_but_renews_what_has_aged(
    made: Made, tmp_path: Path
) -> None:
    databases, built = made
    path = tmp_path / "demo.json"
    describe.write_demo_json(path, describe.demo_json(built, DOORS))
    assert path.stat().st_mode & 0o777 == 0o600
    later = NOW + timedelta(days=5)
    moved = {"HCM": 21_000}
    again = demo.build(databases.system, later, 7, moved, describe.known_accounts(path))
    assert (again.first, again.exams) == (False, 0)
    assert again.accounts == built.accounts
    assert dict(again.result_ports) == PORTS | moved
    with databases.system.connect() as conn:
        assert count(conn, "groups") == 6
        assert count(conn, "patients") == 2000
        doubled = (
            "select count(*) from shifts a join shifts b on a.reader_id = b.reader_id "
            "and a.id <> b.id and a.starts_at < b.ends_at and b.starts_at < a.ends_at"
        )
        assert conn.execute(sa.text(doubled)).scalar_one() == 0
        raman = demo.find_ids(conn, later).readers["raman"]
        assert network.reader(conn, raman, later).on_duty(later + timedelta(days=13))


def test_a_lost_demo_json_gives_everyone_new_secrets(made: Made) -> None:
    databases, built = made
    again = demo.build(databases.system, NOW, 7, {}, describe.known_accounts(Path("absent")))
    assert {a.username for a in again.accounts} == {a.username for a in built.accounts}
    assert not {a.password for a in again.accounts} & {a.password for a in built.accounts}


def test_a_port_that_is_taken_is_replaced_by_a_free_one() -> None:
    first = machines.free_ports({"HCM": 0, "LIC": 0})
    assert len(set(first.values())) == 2
    assert machines.free_ports(first) == first
