"""From an order on the wire to an offer on the screen: the whole product, with its load.

PYTHONPATH=. python bench/worklist/live.py [orders]

186 sites, 150 readers, 1,000 rules, 300 exams that wait; exams come at the rate of 10,000 a
day's busiest hour; every reader has a page open, the first one in Chromium, too. The reader who is
offered an exam claims and signs it, so that there is always somebody idle; half of the exams
only the first one reads.
"""

import argparse
import asyncio
import json
import multiprocessing
import random
import re
import secrets
import statistics
import tempfile
import time
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bench.worklist.live_world import Large, build
from confrere.database import local
from confrere.hl7.sender import Sender
from confrere.identity import service as identity
from confrere.kernel.principal import Role
from confrere.network import rostering
from confrere.worklist import store
from tests.acceptance.chromium import browser
from tests.acceptance.house import PASSWORD, House
from tests.acceptance.processes import free_ports
from tests.integration.world import order_message

PER_DAY, BUSIEST = 10_000, 2.0  # the busiest hour has twice the mean
BACKLOG = 300
running: set[asyncio.Future[None]] = set()  # of the pages' process
WATCH = """() => {
  window.seen = {};
  const look = () => document.querySelectorAll("#wl tbody tr").forEach(row => {
    const word = row.querySelector(".st")?.textContent;
    if (word && word !== "Waiting") window.seen[row.dataset.q.match(/x\\d{6}/)?.[0]] ??= Date.now();
  });
  new MutationObserver(look).observe(document.getElementById("wl"), { childList: true, subtree: true });
}"""


def main() -> None:
    """Print the table."""
    asked = argparse.ArgumentParser()
    asked.add_argument("orders", nargs="?", type=int, default=120)
    asked.add_argument("--times", type=float, default=BUSIEST, help="of the mean rate")
    told = asked.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        house = House(Path(folder) / "home", free_ports("http", "dicom", "mllp"))
        house.start()
        try:
            run(house, told.orders, told.times)
        finally:
            house.kill_tree()
            local.erase(house.home)


def run(house: House, count: int, times: float) -> None:
    """Build, watch and measure."""
    now = datetime.now(UTC)
    with house.reading() as conn:
        large = build(conn, now)
        tokens = people(conn, large, now)
        backlog(conn, large, now)
    time.sleep(3)
    ready = multiprocessing.Semaphore(0)
    others = multiprocessing.Process(target=pages, args=(house.url, tokens, ready), daemon=True)
    others.start()
    for n in range(len(tokens)):
        if not ready.acquire(timeout=60):
            raise RuntimeError(f"only {n} pages came up")
    with browser() as chromium:
        page = chromium.new_page(base_url=house.url)
        page.goto("/login")
        page.fill("input[name=username]", "reader000")
        page.fill("input[name=password]", PASSWORD)
        page.click("button[type=submit]")
        page.goto("/worklist")
        page.wait_for_selector("[data-live][data-state=on]")
        page.evaluate(WATCH)
        time.sleep(5)
        sent = send_orders(house, count, times, lambda: page.wait_for_timeout(1))
        page.wait_for_timeout(3000)
        seen = page.evaluate("window.seen")
    with house.reading() as conn:
        rows = conn.exec_driver_sql(
            "select accessions[1], min(d.at) from items i join decisions d on d.item_id = i.id "
            "where accessions[1] like 'X%%' group by 1"
        ).all()
    offered = {row[0]: row[1].timestamp() for row in rows}
    print(f"{large.rules} rules, {len(large.sites)} sites, {len(large.readers)} readers")
    show("order to offer committed", [offered[a] - at for a, at, _ in sent if a in offered])
    own = [(a, at) for a, at, first in sent if first]
    show(
        "order to offer in the browser",
        [seen[a.lower()] / 1000 - at for a, at in own if a.lower() in seen],
    )
    print(f"offered {len(offered)} of {len(sent)}, seen {len(seen)} of {len(own)}")
    print(f"roster change to offers: {roster_change(house):.2f} s")
    others.terminate()


def show(what: str, seconds: list[float]) -> None:
    """Print one line of milliseconds."""
    if len(seconds) < 2:
        print(f"{what}: too few")
        return
    ms = sorted(1000 * one for one in seconds)
    p95 = ms[int(len(ms) * 0.95)]
    print(f"{what}: p50 {statistics.median(ms):.0f} ms, p95 {p95:.0f} ms, max {ms[-1]:.0f} ms")


def people(conn: Any, large: Large, now: datetime) -> list[str]:
    """An account with a token for every reader; `reader000` also has a password."""
    tokens = []
    for n, reader in enumerate(large.readers):
        user = identity.create_user(
            conn, f"reader{n:03d}", f"Reader {n}", Role.RADIOLOGIST,
            group=large.groups[n % len(large.groups)], reader=reader, site=None,
            password=PASSWORD if n == 0 else secrets.token_urlsafe(12), now=now,
        )  # fmt: skip
        tokens.append(
            identity.create_token(
                conn, user.id, "bench", expires_at=now + timedelta(days=1), now=now,
                random=secrets.token_bytes,
            )
        )  # fmt: skip
    return tokens


def backlog(conn: Any, large: Large, now: datetime) -> None:
    """Exams that nobody on duty reads: they weigh on every round and every page."""
    for n in range(BACKLOG):
        site = n % len(large.sites)
        store.add(conn, {
            "owner_group": large.groups[site % len(large.groups)], "site_id": large.sites[site],
            "kind": "read", "state": "waiting", "priority": "routine", "modality": "MR",
            "subspecialty": "paediatric", "description": "MR of a child", "minutes": 12,
            "images_complete": True, "clock_at": now, "created_at": now, "updated_at": now,
            "due_at": now + timedelta(days=1), "order_ids": [], "accessions": [],
        })  # fmt: skip


def send_orders(
    house: House, count: int, times: float, pause: Any
) -> list[tuple[str, float, bool]]:
    """Send complete exams one by one; give accession, time, and whether it is group 0's."""
    dice, sent = random.Random(7), []
    gap = 86_400 / PER_DAY / times
    for n in range(count):
        first = n % 2 == 0  # every other one for the watched group
        site = 10 * dice.randrange(18) if first else dice.randrange(186)
        accession = f"X{n:06d}"
        raw = order_message(
            accession, mrn=f"M{n}",
            code="USBREAST" if first else dice.choice(("CTHEAD", "CTABD", "XRCHEST", "USABD")),
            control=f"C{n:06d}", status="CM", priority=dice.choice("SA"),
            patient_class="E", name=f"DOE^JANE{n}",
        )  # fmt: skip
        stamp = datetime.now(UTC).strftime("%Y%m%d%H%M%S+0000").encode()
        raw = raw.replace(b"|LMH|CONFRERE", f"|S{site:03d}|CONFRERE".encode())
        raw = raw.replace(b"LMH-MRN", f"S{site:03d}-MRN".encode())
        raw = raw.replace(b"202611240850-0600", stamp)
        sent.append((accession, time.time(), first))
        answer = Sender().send("127.0.0.1", house.ports["mllp"], raw, timedelta(seconds=10))
        if answer.code != "AA":
            raise RuntimeError(f"not taken: {answer.code}")
        until = time.time() + dice.expovariate(1 / gap)
        while time.time() < until:
            pause()
            time.sleep(0.02)
    return sent


def pages(url: str, tokens: list[str], ready: Any) -> None:
    """Every other reader's page: hears what changed and asks for it; reads what is offered."""
    asyncio.run(_pages(url, tokens, ready))


async def _pages(url: str, tokens: list[str], ready: Any) -> None:
    await asyncio.gather(*(_page(url, token, ready) for token in tokens))


async def _page(url: str, token: str, ready: Any) -> None:
    """As the page does: one's own exams are asked for after 60 ms, others after 600."""
    at = urlsplit(url)
    stream, writer = await asyncio.open_connection(at.hostname, at.port)
    writer.write(_request("GET", "/events", token))
    await stream.readline()
    ready.release()
    changed: set[str] = set()
    loop, wait, asks = asyncio.get_running_loop(), 0.6, None
    async for raw in stream:
        line = raw.decode().strip()
        if line.startswith("event: "):
            wait = 0.6 if line.endswith("-around") else 0.06
        if not line.startswith("data: ") or line == "data: all":
            continue
        changed.add(line.removeprefix("data: "))
        if asks is None or asks.cancelled() or asks.when() > loop.time() + wait:
            if asks is not None:
                asks.cancel()
            asks = loop.call_later(wait, _start, _look(url, token, changed))
        elif asks.when() <= loop.time():
            asks = loop.call_later(wait, _start, _look(url, token, changed))


def _start(work: Coroutine[Any, Any, None]) -> None:
    task = asyncio.ensure_future(work)
    running.add(task)
    task.add_done_callback(running.discard)


def _request(method: str, path: str, token: str, body: dict[str, Any] | None = None) -> bytes:
    text = json.dumps(body) if body is not None else ""
    return (
        f"{method} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {token}\r\n"
        f"confrere-background: yes\r\naccept: application/json\r\nconnection: close\r\n"
        f"content-type: application/json\r\ncontent-length: {len(text)}\r\n\r\n{text}"
    ).encode()


async def _ask(
    url: str, method: str, path: str, token: str, body: dict[str, Any] | None = None
) -> str:
    at = urlsplit(url)
    stream, writer = await asyncio.open_connection(at.hostname, at.port)
    writer.write(_request(method, path, token, body))
    answer = (await stream.read()).decode()
    writer.close()
    return answer


async def _look(url: str, token: str, changed: set[str]) -> None:
    asked = "&".join(f"item={one}" for one in changed)
    changed.clear()
    answer = await _ask(url, "GET", f"/worklist/lines?{asked}", token)
    for row in answer.split("<tr ")[1:]:
        if "forme" in row.split(">", 1)[0]:
            _start(_read(url, token, row.split('data-id="', 1)[1].split('"', 1)[0]))


async def _read(url: str, token: str, item: str) -> None:
    """Claim what is offered, and sign it a moment later."""
    await asyncio.sleep(1)
    claimed = await _ask(url, "POST", f"/api/items/{item}/claim", token)
    if " 200 " not in claimed.split("\r\n", 1)[0]:
        return
    hold = re.search(r'"token": ?"([^"]+)"', claimed)
    if hold is None:
        raise RuntimeError("a claim has a token")
    text = {"findings": "Nothing acute.", "impression": "Normal."}
    signed = {"token": hold.group(1), "sections": text, "kind": "final"}
    await _ask(url, "POST", f"/api/items/{item}/sign", token, signed)


def roster_change(house: House) -> float:
    """Let everybody sign off who is on duty, one a second; the worst time to a changed offer."""
    worst = 0.0
    with house.reading() as conn:
        offers = conn.exec_driver_sql(
            "select distinct offered_to from items where finished_at is null "
            "and offered_to is not null and held_by is null limit 5"
        ).scalars().all()  # fmt: skip
    for reader in offers:
        began = time.time()
        with house.reading() as conn:
            rostering.sign_off(conn, reader, datetime.now(UTC))
        while time.time() < began + 10:
            with house.reading() as conn:
                left = conn.exec_driver_sql(
                    "select count(*) from items where finished_at is null and offered_to = %s "
                    "and held_by is null", (reader,),
                ).scalar_one()  # fmt: skip
            if not left:
                break
            time.sleep(0.02)
        worst = max(worst, time.time() - began)
    return worst


if __name__ == "__main__":
    main()
