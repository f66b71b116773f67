"""On the study page: an attested assignment, a declared conflict, and what billing holds."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from confrere.assets import default_folder
from confrere.database.engine import transaction
from confrere.kernel.principal import Role
from confrere.network import credentialing
from confrere.network import service as network
from confrere.network.credentials import Enrolment
from confrere.network.model import Licence
from confrere.network.records import Recorded
from confrere.worklist import service as worklist
from confrere.worklist.dispatch import dispatch
from tests.database import Databases
from tests.integration.reading_room import Room, reading_room
from tests.integration.world import NOW

REASON = "No credentialed neuroradiologist can be reached"
BY = Recorded("Pat", NOW)


@pytest.fixture
def room(fresh: Databases, tmp_path: Path) -> Iterator[Room]:
    with reading_room(fresh, tmp_path, default_folder()) as made:
        yield made


def withdraw_licence(room: Room) -> None:
    with transaction(room.made.system, frozenset()) as conn:
        for one in credentialing.held(conn, room.world.neuro):
            if isinstance(one.fact, Licence):
                credentialing.end(conn, one.id, "revoked", BY)
        dispatch(conn, network.directory(conn, NOW), NOW)


def test_the_owners_chief_assigns_an_emergency_that_nobody_may_read(room: Room) -> None:
    chief = room.browser(room.person(Role.GROUP_MANAGER, room.world.owner, None, "Dr Chief"))
    form = {"reader": str(room.world.neuro), "reason": REASON}
    assert "I attest and assign" not in chief.get(room.path).text
    assert chief.post(f"{room.path}/assign", data=form).status_code == 403
    withdraw_licence(room)
    assert "I attest and assign" in chief.get(room.path).text
    short = chief.post(f"{room.path}/assign", data=form | {"reason": "urgent"})
    assert short.status_code == 422
    assert chief.post(f"{room.path}/assign", data=form).status_code == 303
    assert room.item_now().offered_to == room.world.neuro
    reader = room.reader("neuro")
    assert reader.post(f"{room.api}/claim").status_code == 200
    with transaction(room.made.system, frozenset()) as conn:
        proofs = worklist.proofs_of(conn, room.item)
    assert [(one.act, one.attested_by) for one in proofs][-2:] == [
        ("assign", "Dr Chief"), ("claim", ""),
    ]  # fmt: skip


def test_another_groups_manager_assigns_nothing(room: Room) -> None:
    withdraw_licence(room)
    other = room.browser(room.person(Role.GROUP_MANAGER, room.world.partner, None))
    form = {"reader": str(room.world.neuro), "reason": REASON}
    assert other.post(f"{room.path}/assign", data=form).status_code in (403, 404)
    assert room.reader("general").post(f"{room.path}/assign", data=form).status_code == 403


def test_a_declared_conflict_takes_the_offer_away(room: Room) -> None:
    reader = room.reader("neuro")
    assert "conflict of interest" in reader.get(room.path).text
    assert reader.post(f"{room.path}/conflict", data={"kind": "friend"}).status_code == 422
    assert reader.post(f"{room.path}/conflict", data={"kind": "relative"}).status_code == 303
    with transaction(room.made.system, frozenset()) as conn:
        dispatch(conn, network.directory(conn, NOW), NOW)
        judged, _ = worklist.why(conn, worklist.get(conn, room.item), room.world.neuro, NOW)
    assert [one.rule for one in judged if not one.holds] == ["CONFLICT"]
    assert room.item_now().offered_to != room.world.neuro
    assert reader.post(f"{room.api}/claim").status_code in (403, 404)


def test_a_billing_hold_is_marked_and_does_not_stand_in_the_way(room: Room) -> None:
    with transaction(room.made.system, frozenset()) as conn:
        for one in credentialing.held(conn, room.world.neuro):
            if isinstance(one.fact, Enrolment) and one.fact.payer == "medicare":
                past = replace(one.fact, valid_to=NOW.date() - timedelta(days=1))
                credentialing.renew(conn, one.id, past, BY)
    page = room.reader("neuro").get(room.path).text
    assert "billing hold" in page
    assert "renew or extend the enrolment" in page
    told = room.reader("neuro").get(f"{room.api}/eligibility").json()["readers"][0]
    payer = next(one for one in told["verdicts"] if one["rule"] == "PAYER_ENROL")
    assert (payer["outcome"], payer["holds"], payer["billing_hold"]) == ("fails", True, True)
    assert room.reader("neuro").post(f"{room.api}/claim").status_code == 200
