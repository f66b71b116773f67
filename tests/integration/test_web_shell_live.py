"""Open pages hear what changed: a real LISTEN, real streams."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
import sqlalchemy as sa

from confrere.database.engine import transaction
from confrere.identity import service
from confrere.kernel.principal import Role
from confrere.web import live
from tests.integration.web_shell import Site, own_site


@pytest.fixture(scope="module")
def site(
    postgres_socket: str, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    with own_site(postgres_socket, template, tmp_path_factory.mktemp("assets")) as one:
        yield one


def ring(site: Site, item: str) -> None:
    with site.made.app.begin() as conn:
        conn.execute(sa.text("select pg_notify('worklist', :item)"), {"item": item})


def hear(client: httpx.Client, until: Callable[[list[str]], bool], ready: list[str]) -> None:
    with client.stream("GET", "/events") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        for line in stream.iter_lines():
            ready.append(line)
            if until(ready):
                return


def wait_for(claim: Callable[[], object], seconds: float = 5.0) -> None:
    until = time.monotonic() + seconds
    while not claim():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.01)


def listening(heard: list[str], site: Site) -> bool:
    ring(site, "probe")
    return "data: probe" in heard


def test_an_open_page_hears_which_item_changed(site: Site) -> None:
    heard: list[str] = []
    thread = threading.Thread(
        target=hear,
        args=(site.signed_in(Role.RADIOLOGIST), lambda lines: "data: item-1" in lines, heard),
    )
    thread.start()
    wait_for(lambda: listening(heard, site))
    ring(site, "item-1")
    thread.join(5)
    assert "event: worklist" in heard
    assert heard[-1] == "data: item-1"


def test_a_page_hears_nothing_of_what_concerns_other_groups(site: Site) -> None:
    person = site.person(Role.RADIOLOGIST)
    heard: list[str] = []
    thread = threading.Thread(
        target=hear, args=(site.signed_in(person), lambda lines: "data: mine" in lines, heard)
    )
    thread.start()
    wait_for(lambda: listening(heard, site))
    ring(site, f"theirs {uuid4()} {uuid4()}")
    ring(site, f"mine {uuid4()} {person.group}")
    thread.join(5)
    assert "data: theirs" not in heard
    assert "data: mine" in heard


def test_a_readers_own_exams_come_by_another_name_than_those_of_colleagues(
    site: Site,
) -> None:
    person = site.person(Role.RADIOLOGIST)
    heard: list[str] = []
    thread = threading.Thread(
        target=hear, args=(site.signed_in(person), lambda lines: "data: mine" in lines, heard)
    )
    thread.start()
    wait_for(lambda: listening(heard, site))
    ring(site, f"ours {person.group} reader:{uuid4()}")
    ring(site, f"mine {person.group} reader:{person.reader}")
    thread.join(5)
    assert heard[heard.index("data: ours") - 1] == "event: worklist-around"
    assert heard[heard.index("data: mine") - 1] == "event: worklist"


def test_who_is_signed_out_hears_no_more(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "HEARTBEAT_SECONDS", 0.1)
    user = site.person(Role.RADIOLOGIST)
    client, heard = site.signed_in(user), []
    thread = threading.Thread(target=hear, args=(client, lambda _lines: False, heard))
    thread.start()
    wait_for(lambda: ": still here" in heard)
    with transaction(site.made.app, frozenset()) as conn:
        service.disable_user(conn, user.id, site.clock())
    thread.join(5)
    assert not thread.is_alive()


def test_a_lost_connection_is_made_again_and_asks_for_everything(site: Site) -> None:
    heard: list[str] = []
    thread = threading.Thread(
        target=hear,
        args=(site.signed_in(Role.RADIOLOGIST), lambda lines: "data: all" in lines, heard),
    )
    thread.start()
    wait_for(lambda: listening(heard, site))
    with site.made.app.begin() as conn:
        conn.execute(
            sa.text(
                "select pg_terminate_backend(pid) from pg_stat_activity "
                "where application_name = 'confrere live' and datname = current_database()"
            )
        )
    thread.join(8)
    assert heard[-1] == "data: all"


def test_a_server_with_open_streams_stops_at_once(
    postgres_socket: str, template: str, tmp_path: Path
) -> None:
    heard: list[str] = []
    with own_site(postgres_socket, template, tmp_path) as one:
        client = one.signed_in(Role.RADIOLOGIST)
        thread = threading.Thread(target=hear, args=(client, lambda _lines: False, heard))
        thread.start()
        wait_for(lambda: heard)
        one._clients.remove(client)
        began = time.monotonic()
    thread.join(5)
    client.close()
    assert not thread.is_alive()
    assert time.monotonic() - began < 5


def test_a_slow_subscriber_is_told_to_ask_for_everything() -> None:
    async def run() -> list[str | None]:
        bell = live.Bell("")
        with bell.subscribe(frozenset()) as queue:
            for number in range(live.QUEUED + 1):
                bell.ring(str(number))
            return [queue.get_nowait() for _ in range(queue.qsize())]

    assert asyncio.run(run()) == [live.EVERYTHING]
