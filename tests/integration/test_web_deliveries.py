"""The deliveries page: what is stuck is seen, sent again, replayed or put aside."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from confrere.database.engine import transaction
from confrere.delivery import service as delivery
from confrere.delivery.model import DEAD, TRIES_BEFORE_DEAD
from confrere.kernel.ids import MessageId
from confrere.kernel.principal import Role
from confrere.network import service as network
from confrere.web import deliveries_page
from tests.integration.lists_house import HTMX, House, lists_house
from tests.integration.world import NOW, order_message


@pytest.fixture(scope="module")
def house(postgres_socket: str, template: str) -> Iterator[House]:
    with lists_house(postgres_socket, template, [deliveries_page.router]) as made:
        yield made


def sent(house: House, *, tries: int) -> MessageId:
    """Put a result into the outbox, and fail to deliver it this often."""
    world = house.world

    def silent(_: object) -> tuple[str, str]:
        raise ConnectionRefusedError("nobody listens")

    with transaction(house.made.system, frozenset()) as conn:
        message = delivery.send(
            conn, world.owner, world.results, world.site, None, "ORU^R01", "LM100", "CTL1",
            order_message(), NOW - timedelta(hours=1),
        )  # fmt: skip
        for number in range(tries):
            delivery.deliver_next(
                conn, world.results, silent, NOW + number * timedelta(hours=1), 0
            )
    return message


def failed(house: House) -> MessageId:
    """Keep a message that could not be processed."""
    with transaction(house.made.system, frozenset()) as conn:
        peer = network.peer(conn, house.world.hl7)
        kept = delivery.keep(conn, peer, "ORM^O01", "MSG9", order_message(), "127.0.0.1", NOW)
        delivery.mark_failed(
            conn, delivery.received(conn, kept), "the identifier is empty", "PID-3",
            "send it, then replay", NOW,
        )  # fmt: skip
    return kept


def test_the_oldest_wait_and_the_counts_stand_above(house: House) -> None:
    sent(house, tries=0)
    failed(house)
    page = house.signed_in(Role.GROUP_MANAGER).get("/deliveries").text
    assert "1 h" in page
    assert page.count('class="v">1<') == 2  # one waits to go out, one failed on the way in


def test_a_dead_message_says_why_and_can_be_sent_again(house: House) -> None:
    message = sent(house, tries=TRIES_BEFORE_DEAD)
    browser = house.signed_in(Role.IT_ENGINEER)
    page = browser.get("/deliveries", params={"state": DEAD})
    assert "nobody listens" in page.text
    assert "LM100" in page.text
    answer = browser.post(f"/deliveries/out/{message}/again", headers=HTMX)
    assert "sent again now" in answer.text
    assert "<html" not in answer.text
    with transaction(house.made.system, frozenset()) as conn:
        now = delivery.going_out(conn, message)
    assert (now.state, now.attempts) == ("waiting", 0)
    assert house.trail("delivery")[0].object_id == message


def test_after_an_outage_all_dead_messages_go_at_once(house: House) -> None:
    sent(house, tries=TRIES_BEFORE_DEAD)
    sent(house, tries=TRIES_BEFORE_DEAD)
    browser = house.signed_in(Role.IT_ENGINEER)
    answer = browser.post("/deliveries/out/again", headers=HTMX)
    assert "messages are waiting to be sent again" in answer.text
    with transaction(house.made.system, frozenset()) as conn:
        assert delivery.outbox(conn, [DEAD]) == []


def test_a_failed_message_is_replayed_or_put_aside_with_a_reason(house: House) -> None:
    message = failed(house)
    browser = house.signed_in(Role.IT_ENGINEER)
    page = browser.get("/deliveries/in").text
    assert "PID-3" in page
    assert "send it, then replay" in page
    assert browser.post(f"/deliveries/in/{message}/aside", headers=HTMX).status_code == 422
    form = {"reason": "the vendor's test"}
    assert "put aside" in browser.post(f"/deliveries/in/{message}/aside", data=form).text
    assert "the vendor&#39;s test (Pat Quill)" in browser.get("/deliveries/in").text
    assert "again now" in browser.post(f"/deliveries/in/{message}/replay", headers=HTMX).text
    with transaction(house.made.system, frozenset()) as conn:
        assert delivery.received(conn, message).state == "stored"


def test_opening_a_message_is_access_to_a_patients_data(house: House) -> None:
    message = failed(house)
    path = f"/deliveries/in/{message}"
    browser = house.signed_in(Role.IT_ENGINEER)
    for _ in range(2):
        page = browser.get(path)
        assert "DOE^JANE" in page.text
    noted = house.trail("message")
    assert [one.action for one in noted if one.object_id == message] == ["R"]
    reader = house.signed_in(Role.RADIOLOGIST, reader=house.world.general)
    assert reader.get(path).status_code == 403
    only_looks = house.signed_in(Role.ADMINISTRATOR)
    assert only_looks.get("/deliveries/in").status_code == 200
    assert only_looks.get(path).status_code == 403


def test_another_group_neither_sees_nor_moves_a_message(house: House) -> None:
    coming, going = failed(house), sent(house, tries=1)
    other = house.signed_in(Role.IT_ENGINEER, house.world.partner)
    assert "LM100" not in other.get("/deliveries").text
    assert other.get(f"/deliveries/in/{coming}").status_code == 404
    assert other.post(f"/deliveries/in/{coming}/replay").status_code == 404
    assert other.post(f"/deliveries/out/{going}/again").status_code == 404


def test_an_account_without_a_group_is_told_why_it_sees_nothing(house: House) -> None:
    failed(house)
    page = house.signed_in(Role.ADMINISTRATOR, None).get("/deliveries/in").text
    assert "belongs to no group" in page


def test_a_message_that_embeds_a_file_is_shown_shortened(house: House) -> None:
    raw = order_message() + b"OBX|1|ED|PDF||^AP^pdf^Base64^" + b"QUJD" * 5000 + b"\r\xff\r"
    with transaction(house.made.system, frozenset()) as conn:
        peer = network.peer(conn, house.world.hl7)
        kept = delivery.keep(conn, peer, "ORM^O01", "MSG9", raw, "127.0.0.1", NOW)
    page = house.signed_in(Role.IT_ENGINEER).get(f"/deliveries/in/{kept}").text
    assert "more characters" in page
    assert len(page) < 20_000
