"""Who gets in, who does not, and what stays outside: over a real socket."""

import re
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated

import pytest
from fastapi import APIRouter, Depends
from fastapi.responses import HTMLResponse, PlainTextResponse
from starlette.types import Receive, Scope, Send

from confrere.database.engine import transaction
from confrere.identity import service
from confrere.identity.permissions import Permission
from confrere.kernel.principal import Principal, Role
from confrere.settings import Settings
from confrere.web.access import Guarded, allow, undeclared
from confrere.web.app import create
from confrere.web.limiter import AddressLimiter
from tests.integration.web_shell import PASSWORD, Site, own_site

extra = APIRouter()


@extra.get("/worklist")
def worklist_page(
    me: Annotated[Principal, Depends(allow(Permission.READ_WORKLIST))],
) -> HTMLResponse:
    return HTMLResponse(f"<p>{me.role}</p>")


@extra.post("/api/claim")
def claim(me: Annotated[Principal, Depends(allow(Permission.CLAIM))]) -> dict[str, str]:
    return {"who": me.name}


async def raw(scope: Scope, receive: Receive, send: Send) -> None:
    who = scope["state"]["principal"].role
    await PlainTextResponse(f"raw {who}")(scope, receive, send)


extra.mount("/fhir", Guarded(raw, Permission.READ_REPORTS))


@pytest.fixture(scope="module")
def site(
    postgres_socket: str, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    with own_site(postgres_socket, template, tmp_path_factory.mktemp("assets"), [extra]) as one:
        yield one


def test_every_route_declares_a_permission_or_is_public(site: Site) -> None:
    assert undeclared(site.app.routes) == []


@pytest.mark.parametrize("nested", [False, True])
def test_an_application_with_an_open_route_does_not_start(site: Site, nested: bool) -> None:
    rogue = APIRouter(prefix="/rogue")
    rogue.add_api_route("/open", lambda: "x")
    outer = APIRouter()
    outer.include_router(rogue)
    with pytest.raises(RuntimeError, match="/rogue/open"):
        create(site.context, [outer if nested else rogue])


def test_an_unguarded_mount_does_not_start(site: Site) -> None:
    rogue = APIRouter()
    rogue.mount("/raw", raw)
    with pytest.raises(RuntimeError, match="/raw"):
        create(site.context, [rogue])


def test_a_page_without_sign_in_leads_to_the_form_and_back(site: Site) -> None:
    browser = site.browser()
    answer = browser.get("/worklist")
    assert (answer.status_code, answer.headers["location"]) == (303, "/login?next=%2Fworklist")
    form = browser.get(answer.headers["location"])
    assert 'name="next" value="/worklist"' in form.text
    user = site.person(Role.RADIOLOGIST)
    data = {"username": user.username, "password": PASSWORD, "next": "/worklist"}
    assert browser.post("/login", data=data).headers["location"] == "/worklist"
    assert browser.get("/worklist").text == "<p>radiologist</p>"


def test_a_program_without_credentials_gets_401_and_htmx_is_sent_to_the_form(
    site: Site,
) -> None:
    answer = site.client().post("/api/claim")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert set(answer.json()) == {"error", "field", "remedy"}
    fragment = site.client(**{"hx-request": "true"}).get("/worklist")
    assert (fragment.status_code, fragment.headers["hx-redirect"]) == (401, "/login")


@pytest.mark.parametrize(
    "target", ["//evil.example", "https://evil.example", "/\\evil.example", "/login", "x", ""]
)
def test_sign_in_leads_nowhere_else(site: Site, target: str) -> None:
    user = site.person(Role.RADIOLOGIST)
    data = {"username": user.username, "password": PASSWORD, "next": target}
    assert site.browser().post("/login", data=data).headers["location"] == "/"


def test_each_role_starts_where_it_works(site: Site) -> None:
    for role, path in (
        (Role.RADIOLOGIST, "/worklist"),
        (Role.RESIDENT, "/worklist"),
        (Role.ADMINISTRATOR, "/audit"),
        (Role.ANALYST, "/account"),
    ):
        assert site.signed_in(role).get("/").headers["location"] == path


def test_a_role_without_the_permission_is_refused_and_it_is_noted(site: Site) -> None:
    browser = site.signed_in(Role.ANALYST)
    answer = browser.get("/worklist")
    assert answer.status_code == 403
    assert "A collaborative analyst may not read the worklist" in answer.text
    assert browser.get("/fhir/Patient").status_code == 403
    assert browser.get("/audit").status_code == 403
    kinds = [(event.kind, event.outcome) for event in site.events(outcome="refused")]
    assert kinds == [("permission", "refused")] * 3


def test_a_mounted_app_learns_who_asks(site: Site) -> None:
    assert site.signed_in(Role.RADIOLOGIST).get("/fhir/x").text == "raw radiologist"
    assert site.client().get("/fhir/x").status_code == 401


def test_a_disabled_user_is_out_at_the_next_request(site: Site) -> None:
    user = site.person(Role.RADIOLOGIST)
    browser, program = site.signed_in(user), site.client(**site.token(user))
    assert browser.get("/worklist").status_code == 200
    assert program.get("/worklist").status_code == 200
    with transaction(site.made.app, frozenset()) as conn:
        service.disable_user(conn, user.id, site.clock())
    assert browser.get("/worklist").headers["location"].startswith("/login")
    assert program.get("/worklist").status_code == 401


def test_signing_out_ends_the_session_in_the_database_too(site: Site) -> None:
    browser = site.signed_in(Role.RADIOLOGIST)
    secret = browser.cookies["confrere"]
    assert browser.post("/logout").headers["location"] == "/login"
    thief = site.browser()
    thief.cookies.set("confrere", secret)
    assert thief.get("/worklist").status_code == 303
    assert site.events(kind="sign-out")


def test_signing_in_again_ends_the_session_before(site: Site) -> None:
    user = site.person(Role.RADIOLOGIST)
    browser = site.signed_in(user)
    first = browser.cookies["confrere"]
    browser.post("/login", data={"username": user.username, "password": PASSWORD})
    assert browser.cookies["confrere"] != first
    thief = site.browser()
    thief.cookies.set("confrere", first)
    assert thief.get("/worklist").status_code == 303


def test_a_session_idles_out_also_under_a_page_that_refreshes_itself(site: Site) -> None:
    browser = site.signed_in(Role.RADIOLOGIST)
    background = {"confrere-background": "yes"}
    for _ in range(2):
        site.clock.forward(minutes=25)
        assert browser.get("/worklist", headers=background).status_code == 200
    site.clock.forward(minutes=11)
    assert browser.get("/worklist", headers=background).status_code == 303


@pytest.mark.parametrize(
    "header",
    ["Bearer x", "Bearer " + "A" * 43, "Basic dXNlcjpwdw==", "bearer", "Bearer é"],
)
def test_a_forged_token_is_refused_even_beside_a_good_cookie(site: Site, header: str) -> None:
    browser = site.signed_in(Role.RADIOLOGIST)
    answer = browser.get("/worklist", headers={"authorization": header.encode()})  # type: ignore[dict-item]
    assert answer.status_code == 401


def test_an_expired_token_is_refused(site: Site) -> None:
    program = site.client(**site.token(site.person(Role.RADIOLOGIST)))
    assert program.post("/api/claim").json() == {"who": "Dr Ana Kessler"}
    site.clock.forward(days=1)
    assert program.post("/api/claim").status_code == 401


def test_failures_lock_the_account_for_everyone_alike(site: Site) -> None:
    user, browser = site.person(Role.RADIOLOGIST), site.browser()

    def attempt(username: str, password: str) -> tuple[int, str]:
        answer = browser.post("/login", data={"username": username, "password": password})
        found = re.search(r'role="alert" id="problem">(.*?)</div>', answer.text)
        return answer.status_code, found.group(1) if found else ""

    said = {attempt(user.username, "wrong password") for _ in range(5)}
    said |= {attempt(user.username, PASSWORD), attempt("nobody", PASSWORD)}
    assert len(said) == 1
    assert said.pop()[0] == 401
    site.clock.forward(seconds=31)
    assert attempt(user.username, PASSWORD)[0] == 303
    noted = site.events(kind="sign-in")[:8]
    assert noted[0].outcome == "success"
    outcomes = Counter((event.agent.name, event.outcome) for event in noted[1:])
    assert outcomes == {
        ("Dr Ana Kessler", "failure"): 4,
        ("Dr Ana Kessler", "locked"): 2,
        ("unknown", "failure"): 1,
    }


def test_an_address_that_guesses_must_wait(site: Site) -> None:
    user, browser = site.person(Role.RADIOLOGIST), site.browser()
    kept = site.app.state.limiter
    site.app.state.limiter = AddressLimiter(failures=2, window=timedelta(minutes=5))
    for name in ("nobody1", "nobody2"):
        browser.post("/login", data={"username": name, "password": "x"})
    answer = browser.post("/login", data={"username": user.username, "password": PASSWORD})
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "301")
    site.app.state.limiter = kept


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"sec-fetch-site": "same-origin"}, 200),
        ({"sec-fetch-site": "none"}, 200),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"sec-fetch-site": "cross-site", "origin": "SELF"}, 403),
        ({"origin": "SELF"}, 200),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({}, 403),
    ],
)
def test_another_sites_page_cannot_act_with_our_cookie(
    site: Site, headers: dict[str, str], status: int
) -> None:
    secret = site.signed_in(Role.RADIOLOGIST).cookies["confrere"]
    own = f"http://127.0.0.1:{site.port}"
    sent = {name: own if value == "SELF" else value for name, value in headers.items()}
    client = site.client(cookie=f"confrere={secret}", **sent)
    assert client.post("/api/claim").status_code == status
    assert client.get("/worklist").status_code == 200


def test_another_site_cannot_sign_its_own_account_in(site: Site) -> None:
    user = site.person(Role.RADIOLOGIST)
    data = {"username": user.username, "password": PASSWORD}
    for headers in ({}, {"sec-fetch-site": "cross-site"}):
        answer = site.client(**headers).post("/login", data=data)
        assert answer.status_code == 403
        assert "set-cookie" not in answer.headers


def test_the_cookie_is_for_this_host_and_no_script(site: Site) -> None:
    user = site.person(Role.RADIOLOGIST)
    data = {"username": user.username, "password": PASSWORD}
    plain = site.browser().post("/login", data=data).headers["set-cookie"]
    assert plain.startswith("confrere=")
    for part in ("HttpOnly", "SameSite=lax", "Path=/", "Max-Age=43200"):
        assert part in plain
    assert "Secure" not in plain


def test_with_tls_the_cookie_is_secure_and_bound_to_the_host(
    postgres_socket: str, template: str, site: Site
) -> None:
    settings = Settings(tls_certificate="server.pem", tls_key="server.key")
    with own_site(postgres_socket, template, site.assets, settings=settings) as secure:
        user = secure.person(Role.ANALYST)
        data = {"username": user.username, "password": PASSWORD}
        answer = secure.browser().post("/login", data=data)
        assert answer.headers["set-cookie"].startswith("__Host-confrere=")
        assert "Secure" in answer.headers["set-cookie"]
        assert "max-age" in answer.headers["strict-transport-security"]


def test_changing_the_own_password_keeps_this_session_only(site: Site) -> None:
    user = site.person(Role.ANALYST)
    here, there = site.signed_in(user), site.signed_in(user)
    fresh = "teapots never sing alone"

    def change(current: str, new: str, again: str) -> str:
        data = {"current": current, "new": new, "again": again}
        return here.post("/account/password", data=data).text

    assert "two new passwords differ" in change(PASSWORD, fresh, fresh + "!")
    assert "current password is not right" in change("wrong password", fresh, fresh)
    assert "at least 15 characters" in change(PASSWORD, "short", "short")
    assert "password is changed" in change(PASSWORD, fresh, fresh)
    assert here.get("/account").status_code == 200
    assert there.get("/account").status_code == 303
