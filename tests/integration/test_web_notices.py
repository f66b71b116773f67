"""The notices' pages: what was told, call lists with their checks, and what a reader is told."""

from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

import pytest

from confrere.database.engine import transaction
from confrere.kernel.ids import ItemId
from confrere.kernel.principal import Role
from confrere.network import service as network
from confrere.notices import service as notices
from confrere.notices.contacts import CHIEF, ED, READER, Contact
from confrere.notices.model import FAILED, QUEUED, SEEN, Channel, Notice
from confrere.web import contacts_page, notices_page, study_page, told_page, worklist_page
from confrere.worklist.dispatch import dispatch
from confrere.worklist.escalating import escalate
from tests.integration.lists_house import HTMX, House, lists_house
from tests.integration.test_prealerts import order, turn
from tests.integration.test_worklist import placed
from tests.integration.world import NOW, order_message

PAGES = (contacts_page, notices_page, told_page, worklist_page, study_page)
FORM = {
    "role": "chief", "name": "Dr. Cora Chief", "mail": "cora@north.example",
    "phone": "+1 312 555 0142", "way_mail": "yes", "way_sms": "yes", "quiet_from": "22:00",
    "quiet_until": "06:00",
}  # fmt: skip
LATER = timedelta(minutes=14)  # 24 of 30 minutes are gone


@pytest.fixture(scope="module")
def house(postgres_socket: str, template: str) -> Iterator[House]:
    with lists_house(postgres_socket, template, [one.router for one in PAGES]) as made:
        yield made


@pytest.fixture(scope="module")
def late(house: House) -> ItemId:
    """A STAT exam with 80 % of its time gone: reader and lead are told."""
    with transaction(house.made.system, frozenset()) as conn:
        item = placed(conn, house.world, order_message(status="CM"))
        dispatch(conn, network.directory(conn, NOW), NOW)
        escalate(conn, network.directory(conn, NOW), NOW + LATER)
    return item.id


def lists(house: House) -> list[Contact]:
    with transaction(house.made.system, frozenset()) as conn:
        return notices.contacts(conn)


def told(house: House) -> list[Notice]:
    with transaction(house.made.system, frozenset()) as conn:
        return notices.history(conn, [], 100)


def test_a_manager_keeps_the_call_list(house: House) -> None:
    browser = house.signed_in(Role.GROUP_MANAGER)
    assert "No chief or lead" in browser.get("/notices/contacts").text
    answer = browser.post("/notices/contacts", data=FORM, headers=HTMX)
    assert "Dr. Cora Chief is on the list" in answer.text
    (one,) = lists(house)
    assert (one.role, one.phone, one.owner_group) == (CHIEF, "+13125550142", house.world.owner)
    assert one.time_zone == "America/Chicago"
    assert one.channels == {Channel.MAIL, Channel.SMS}
    changed = FORM | {"name": "Dr. Cora Head", "quiet_from": "", "quiet_until": ""}
    assert "is changed" in browser.post(f"/notices/contacts/{one.id}", data=changed).text
    assert [(c.name, c.quiet_from) for c in lists(house)] == [("Dr. Cora Head", None)]
    site = FORM | {"role": ED, "name": "ED desk", "site": str(house.world.site)}
    browser.post("/notices/contacts", data=site)
    reader = FORM | {"role": READER, "name": "", "reader": str(house.world.general)}
    assert "Gray, Gail is on the list" in browser.post("/notices/contacts", data=reader).text
    again = browser.post("/notices/contacts", data=reader)
    assert again.status_code == 409
    assert "on the list already" in again.text
    other = house.signed_in(Role.GROUP_MANAGER, house.world.partner)
    assert "Dr. Cora" not in other.get("/notices/contacts").text
    assert other.post(f"/notices/contacts/{one.id}/remove").status_code == 404
    for known in lists(house):
        browser.post(f"/notices/contacts/{known.id}/remove")
    assert lists(house) == []
    assert {event.action for event in house.trail("contact")} == {"C", "U", "D"}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"phone": "312 555 0142"}, "E.164"),
        ({"mail": "cora"}, "name@hospital.example"),
        ({"way_mail": "", "way_sms": ""}, "at least one way"),
        ({"phone": ""}, "give the telephone number"),
        ({"name": ""}, "give a name"),
        ({"role": ED}, "with a site"),
        ({"role": READER}, "choose the reader"),
        ({"reader": str(UUID(int=5))}, "of your own group"),
        ({"site": str(UUID(int=5))}, "of your own group"),
        ({"quiet_until": ""}, "both a beginning and an end"),
        ({"quiet_from": "late"}, "22:00"),
        ({"time_zone": "Mars"}, "IANA"),
    ],
)
def test_what_cannot_be_is_refused_with_the_remedy(
    house: House, changes: dict[str, str], said: str
) -> None:
    browser = house.signed_in(Role.GROUP_MANAGER)
    answer = browser.post("/notices/contacts", data=FORM | changes, headers=HTMX)
    assert answer.status_code == 422
    assert said in answer.text
    assert lists(house) == []


def test_a_manager_chooses_tiers(house: House) -> None:
    browser = house.signed_in(Role.GROUP_MANAGER)
    browser.post("/notices/tiers", data={"tier_75": "yes", "tier_100": "yes"})
    with transaction(house.made.system, frozenset()) as conn:
        assert notices.tiers(conn) == {house.world.owner: frozenset({75, 100})}
    page = browser.get("/notices/contacts").text
    assert page.count('value="yes" checked') == 2 + 3  # the form to add has its ways on
    everything = {f"tier_{one}": "yes" for one in (33, 50, 75, 90, 100)}
    browser.post("/notices/tiers", data=everything)


def test_both_groups_see_what_was_told_and_the_reader_says_seen(
    house: House, late: ItemId
) -> None:
    manager = house.signed_in(Role.GROUP_MANAGER)
    page = manager.get("/notices").text
    assert "Novak, Nina" in page
    assert "75 % of its time is gone" in page
    assert "names no chief or lead" in page
    assert "no mail, no SMS and voice" in page
    assert not [part for part in ("DOE", "LM100", "CT head") if part in page]
    (failed,) = (one for one in told(house) if one.state == FAILED)
    assert "Novak" not in manager.get("/notices?state=failed").text
    refused = manager.post(f"/notices/{failed.id}/again")
    assert refused.status_code == 409
    partner = house.signed_in(Role.GROUP_MANAGER, house.world.partner)
    assert "Novak, Nina" in partner.get("/notices").text
    nina = house.signed_in(Role.RADIOLOGIST, house.world.partner, house.world.neuro)
    banner = nina.get("/told").text
    assert "STAT exam at Lakeshore" in banner
    assert f"/items/{late}" in banner
    (mine,) = (one for one in told(house) if one.what.reader == house.world.neuro)
    gail = house.signed_in(Role.RADIOLOGIST, reader=house.world.general)
    assert "STAT" not in gail.get("/told").text
    assert gail.post(f"/told/{mine.id}/seen").status_code == 404
    after = nina.post(f"/told/{mine.id}/seen", headers=HTMX)
    assert "STAT" not in after.text
    (mine,) = (one for one in told(house) if one.what.reader == house.world.neuro)
    assert (mine.state, mine.seen_by) == (SEEN, "Pat Quill")
    assert "Pat Quill" in manager.get("/notices?state=acknowledged").text
    assert [event.detail["act"] for event in house.trail("notice")] == ["seen"]


def test_a_failed_notice_is_sent_again_and_one_is_acknowledged_for_a_person(
    house: House, late: ItemId
) -> None:
    manager = house.signed_in(Role.GROUP_MANAGER)
    manager.post("/notices/contacts", data=FORM)
    with transaction(house.made.system, frozenset()) as conn:
        at = NOW + timedelta(minutes=19)
        escalate(conn, network.directory(conn, at), at)
        (called,) = (one for one in notices.waiting(conn) if one.what.item == late)
        taken, _ = notices.take(conn, called.message, at)
        notices.mark_failed(conn, taken, "the gateway refused it", at, for_good=True)
    assert "the gateway refused it" in manager.get("/notices?state=failed").text
    assert "sent again now" in manager.post(f"/notices/{called.id}/again").text
    assert next(one.state for one in told(house) if one.id == called.id) == QUEUED
    assert "Acknowledged for Dr. Cora Chief" in manager.post(f"/notices/{called.id}/seen").text
    assert next(one.state for one in told(house) if one.id == called.id) == SEEN


def test_a_reader_answers_a_pre_alert(house: House) -> None:
    with transaction(house.made.system, frozenset()) as conn:
        order(conn, house.world, accession="LM777")
        turn(conn, NOW)
    nina = house.signed_in(Role.RADIOLOGIST, house.world.partner, house.world.neuro)
    banner = nina.get("/told").text
    assert "Code stroke on its way from Lakeshore" in banner
    assert "Doe" not in banner
    path = banner.split('hx-post="/told/alerts/')[1].split("/")[0]
    assert "You are kept for it" in nina.post(f"/told/alerts/{path}/ready", headers=HTMX).text
    gone = nina.post(f"/told/alerts/{path}/not-me", headers=HTMX).text
    assert "Code stroke" not in gone
    assert nina.post(f"/told/alerts/{path}/maybe").status_code == 422
    gail = house.signed_in(Role.RADIOLOGIST, reader=house.world.general)
    assert gail.post(f"/told/alerts/{path}/ready").status_code == 409


def test_an_it_engineer_looks_and_changes_nothing(house: House, late: ItemId) -> None:
    engineer = house.signed_in(Role.IT_ENGINEER, house.world.owner)
    assert "Novak, Nina" in engineer.get("/notices").text
    assert engineer.get("/notices/contacts").status_code == 403
    one = next(n for n in told(house) if n.what.item == late)
    assert engineer.post(f"/notices/{one.id}/seen").status_code == 403
