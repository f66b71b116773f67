"""The shell's pure parts: what is written how, who waits, what a body may cost."""

import asyncio
from datetime import UTC, date, datetime, timedelta

import pytest
from jinja2 import Environment
from starlette.datastructures import Headers
from starlette.types import Message, Receive, Scope, Send

from confrere.kernel.principal import Role
from confrere.web import rendering
from confrere.web.body import BodyBounds
from confrere.web.errors import describe
from confrere.web.limiter import AddressLimiter
from confrere.web.navigation import PLACES, start_of
from confrere.web.origin import may_act

NOW = datetime(2026, 11, 24, 15, 4, 5, tzinfo=UTC)


def page(template: str, **values: object) -> str:
    made = Environment(autoescape=True)
    made.filters |= rendering.environment().filters
    return made.from_string(template).render(zone="America/Chicago", **values)


def test_an_instant_is_shown_in_the_readers_zone_or_the_sites_with_the_zone() -> None:
    summer = NOW.replace(month=7)
    assert ">24 Nov 2026 09:04 CST<" in page("{{ at | local }}", at=NOW)
    assert ">24 Jul 2026 10:04 CDT<" in page("{{ at | local }}", at=summer)
    assert ">24 Nov 2026 08:04:05 MST<" in page(
        "{{ at | local('America/Phoenix', seconds=True) }}", at=NOW
    )
    assert ">09:04:05 CST<" in page("{{ at | clock }}", at=NOW)
    assert 'datetime="2026-11-24T15:04:05+00:00"' in page("{{ at | local }}", at=NOW)
    assert page("{{ at | local }}", at=None) == rendering.ABSENT


@pytest.mark.parametrize(
    ("born", "on", "written"),
    [
        (date(1962, 4, 12), date(2026, 4, 11), "63 y"),
        (date(1962, 4, 12), date(2026, 4, 12), "64 y"),
        (date(2024, 2, 29), date(2026, 2, 28), "23 mo"),
        (date(2024, 2, 29), date(2026, 3, 1), "2 y"),
        (date(2026, 9, 26), date(2026, 11, 24), "59 d"),
        (date(2026, 11, 24), date(2026, 11, 24), "0 d"),
        (date(2026, 11, 25), date(2026, 11, 24), rendering.ABSENT),
        (None, date(2026, 11, 24), rendering.ABSENT),
    ],
)
def test_an_age_is_in_years_months_or_days(born: date | None, on: date, written: str) -> None:
    assert rendering.age(born, on) == written


@pytest.mark.parametrize(
    ("minutes", "written"),
    [
        (0.9, "0 min"),
        (59, "59 min"),
        (60, "1 h"),
        (134, "2 h 14 min"),
        (48 * 60, "2 d"),
        (49 * 60 + 59, "2 d 1 h"),
        (-21, rendering.MINUS + "21 min"),
    ],
)
def test_a_duration_is_in_its_two_largest_units(minutes: float, written: str) -> None:
    assert rendering.duration(timedelta(minutes=minutes)) == written


def test_initials_leave_titles_out() -> None:
    assert [rendering.initials(name) for name in ("Dr Ana M. Kessler", "CT 2", "", "Ohm")] == [
        "AK",
        "C2",
        "",
        "O",
    ]


def test_a_static_address_names_its_content() -> None:
    assert rendering.static("app.css").startswith("/static/app.css?v=")


def test_each_place_has_its_own_key_and_an_absent_start_is_the_own_account() -> None:
    keys = [place.key for place in PLACES]
    assert len(set(keys)) == len(keys)
    assert start_of(Role.GROUP_MANAGER, ["/worklist"]) == "/worklist"
    assert {start_of(role, []) for role in Role} == {"/account"}


def test_an_address_waits_until_its_oldest_failure_is_out_of_the_window() -> None:
    limiter = AddressLimiter(failures=2, window=timedelta(minutes=5), kept=2)
    limiter.failed("a", NOW)
    assert limiter.wait("a", NOW) == timedelta()
    limiter.failed("a", NOW + timedelta(minutes=1))
    assert limiter.wait("a", NOW + timedelta(minutes=2)) == timedelta(minutes=3)
    assert limiter.wait("b", NOW) == timedelta()
    assert limiter.wait("a", NOW + timedelta(minutes=5)) == timedelta()


def test_the_limiter_forgets_the_address_seen_longest_ago() -> None:
    limiter = AddressLimiter(failures=1, kept=2)
    for address in ("a", "b", "c"):
        limiter.failed(address, NOW)
    assert [bool(limiter.wait(address, NOW)) for address in "abc"] == [False, True, True]


def test_an_exception_is_described_without_its_words() -> None:
    def look_up() -> None:
        try:
            int("Okafor")
        except ValueError as first:
            raise KeyError("4938210") from first

    with pytest.raises(KeyError) as caught:
        look_up()
    text = describe(caught.value)
    assert "builtins.KeyError" in text
    assert "builtins.ValueError" in text
    assert __file__ in text
    assert "Okafor" not in text
    assert "4938210" not in text


def test_a_bearer_token_may_act_but_another_scheme_may_not() -> None:
    assert may_act(Headers({"authorization": "bearer x", "sec-fetch-site": "cross-site"}))
    assert not may_act(Headers({"authorization": "Basic x", "host": "a"}))
    assert not may_act(Headers({"origin": "https://a.example", "host": "a"}))


async def reading(scope: Scope, receive: Receive, send: Send) -> None:
    del scope
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": []})


def status_of_a_drip(path: str, pause: float, count: int, size: int = 1) -> int:
    bounds = BodyBounds(reading, limit=10, seconds=0.1, stall=0.2)
    sent: list[Message] = []
    left = iter(range(count - 1, -1, -1))

    async def receive() -> Message:
        await asyncio.sleep(pause)
        return {"type": "http.request", "body": b"x" * size, "more_body": next(left) > 0}

    async def send(message: Message) -> None:
        await asyncio.sleep(0)
        sent.append(message)

    scope: Scope = {
        "type": "http",
        "path": path,
        "method": "POST",
        "headers": [(b"host", b"here")],
        "query_string": b"",
    }
    asyncio.run(bounds(scope, receive, send))
    return int(sent[0]["status"])


def test_a_body_must_arrive_before_its_deadline_but_images_only_keep_moving() -> None:
    assert status_of_a_drip("/api/x", 0.0, 5) == 200
    assert status_of_a_drip("/api/x", 0.04, 5) == 408
    assert status_of_a_drip("/dicom-web/studies", 0.04, 5) == 200
    assert status_of_a_drip("/dicom-web/studies", 0.3, 1) == 408


def test_a_body_is_cut_at_its_limit_but_images_stream() -> None:
    assert status_of_a_drip("/api/x", 0.0, 2, size=5) == 200
    assert status_of_a_drip("/api/x", 0.0, 2, size=6) == 413
    assert status_of_a_drip("/dicom-web/studies", 0.0, 2, size=60) == 200
