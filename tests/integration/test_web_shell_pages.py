"""What the shell's answers look like: headers, errors, files, live updates, the audit page."""

import logging
import re
from collections.abc import Iterator
from typing import Annotated

import httpx
import pytest
from fastapi import APIRouter, Depends, Form, Request

from confrere.identity.permissions import Permission
from confrere.kernel import errors
from confrere.kernel.principal import Role
from confrere.web.access import allow
from tests.integration.web_shell import Site, own_site

extra = APIRouter(dependencies=[Depends(allow(Permission.OWN_ACCOUNT))])
PROBLEMS = {
    "missing": (errors.NotFound, 404),
    "changed": (errors.Conflict, 409),
    "refused": (errors.Refused, 403),
    "wrong": (errors.Invalid, 422),
    "away": (errors.Unavailable, 503),
}


@extra.get("/fail/{name}")
@extra.get("/api/fail/{name}")
def fail(name: str) -> str:
    if name == "bug":
        raise KeyError("Okafor^Miriam 4938210")
    if name == "wrong":
        raise errors.Invalid("The day must be a date.", "day")
    raise PROBLEMS[name][0]("It cannot be.")


@extra.post("/api/echo")
async def echo(request: Request) -> dict[str, int]:
    return {"bytes": len(await request.body())}


@extra.post("/dicom-web/studies")
async def upload(request: Request) -> dict[str, int]:
    return {"bytes": len(await request.body())}


@extra.post("/api/form")
def form(day: Annotated[int, Form()]) -> int:
    return day


@pytest.fixture(scope="module")
def site(
    postgres_socket: str, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    assets = tmp_path_factory.mktemp("assets")
    for name, content in {
        "ohif/index.html": "<p>viewer</p>",
        "ohif/app.bundle.0f6159c501addfe9.js": "1",
        "ohif/0ddf166f7a343eda.wasm": "w",
        "ohif/app.bundle.css": "p{}",
        "htmx/htmx.min.js": "2",
        "VERSIONS.json": "{}",
        "htmx/.hidden": "x",
    }.items():
        (assets / name).parent.mkdir(exist_ok=True)
        (assets / name).write_text(content)
    (assets.parent / "secret.txt").write_text("secret")
    with own_site(postgres_socket, template, assets, [extra]) as one:
        yield one


@pytest.fixture(scope="module")
def reader(site: Site) -> httpx.Client:
    return site.signed_in(Role.RADIOLOGIST)


@pytest.fixture(scope="module")
def manager(site: Site) -> httpx.Client:
    return site.signed_in(Role.GROUP_MANAGER)


def test_pages_forbid_inline_script_and_hold_none(site: Site, manager: httpx.Client) -> None:
    nonces = set()
    for client, path in (
        (site.browser(), "/login"),
        (manager, "/account"),
        (manager, "/audit"),
        (manager, "/nowhere"),
    ):
        answer = client.get(path)
        policy = answer.headers["content-security-policy"]
        assert "unsafe" not in policy
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'self'" in policy
        nonces |= set(re.findall(r"script-src 'self' 'nonce-([^']{24})'", policy))
        assert not re.search(r"\sstyle=|\son\w+=|javascript:|<style", answer.text)
        assert not re.search(r"<script(?![^>]*\ssrc=)", answer.text)
    assert len(nonces) == 4


@pytest.mark.parametrize(
    "path", ["/login", "/healthz", "/static/app.css", "/nowhere", "/api/x"]
)
def test_every_answer_has_the_security_headers(site: Site, path: str) -> None:
    headers = site.browser().get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["x-frame-options"] == "SAMEORIGIN"
    if not path.startswith("/static"):
        assert headers["cache-control"] == "no-store"


def test_synthetic_data_are_named_on_every_page(site: Site, manager: httpx.Client) -> None:
    for client, path in ((site.browser(), "/login"), (manager, "/audit"), (manager, "/x")):
        assert "Synthetic data" in client.get(path).text


def test_the_rail_shows_what_the_role_may_see(
    manager: httpx.Client, reader: httpx.Client
) -> None:
    assert 'href="/audit"' in manager.get("/account").text
    assert 'href="/audit"' not in reader.get("/account").text


@pytest.mark.parametrize(("name", "status"), [(n, s) for n, (_, s) in PROBLEMS.items()])
def test_each_error_has_one_status_and_says_what_to_do(
    manager: httpx.Client, name: str, status: int
) -> None:
    page = manager.get(f"/fail/{name}")
    program = manager.get(f"/api/fail/{name}")
    fragment = manager.get(f"/fail/{name}", headers={"hx-request": "true"})
    assert {page.status_code, program.status_code, fragment.status_code} == {status}
    assert "<!doctype html>" in page.text
    assert program.json()["error"] in page.text
    assert program.json()["remedy"]
    assert program.json()["field"] == ("day" if name == "wrong" else "")
    assert "<!doctype" not in fragment.text
    assert fragment.headers["hx-retarget"] == "#notices"


def test_a_bug_answers_with_a_number_that_the_log_knows_and_no_patient(
    manager: httpx.Client, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        for path in ("/fail/bug", "/api/fail/bug"):
            answer = manager.get(path)
            assert answer.status_code == 500
            number = re.search(r"Incident ([0-9a-f]{8})", answer.text)
            assert number
            assert number.group(1) in caplog.text
            assert "Okafor" not in answer.text
    assert "builtins.KeyError at " in caplog.text
    assert "Okafor" not in caplog.text
    assert manager.get("/fail/bug").headers["x-content-type-options"] == "nosniff"


def test_a_field_that_does_not_fit_is_named_and_not_repeated(manager: httpx.Client) -> None:
    answer = manager.post("/api/form", data={"day": "Okafor"})
    assert (answer.status_code, answer.json()["field"]) == (422, "day")
    assert "Okafor" not in answer.text
    assert manager.get("/api/form").status_code == 405


def test_a_large_body_is_cut_off_declared_or_not_but_images_stream(
    manager: httpx.Client,
) -> None:
    eleven = 11 * 1024 * 1024

    def chunks() -> Iterator[bytes]:
        yield from (bytes(1024 * 1024) for _ in range(11))

    assert manager.post("/api/echo", content=bytes(eleven)).status_code == 413
    try:
        status = manager.post("/api/echo", content=chunks()).status_code
    except httpx.WriteError:  # the server closed before all was sent, which is the point
        status = 413
    assert status == 413
    assert manager.post("/dicom-web/studies", content=chunks()).json() == {"bytes": eleven}
    assert manager.post("/api/echo", content=bytes(1000)).json() == {"bytes": 1000}


def test_files_have_their_types_validators_and_lifetimes(
    site: Site, reader: httpx.Client
) -> None:
    client = site.browser()
    for path, kind, keep in (
        ("/static/app.css", "text/css; charset=utf-8", "public, no-cache"),
        (
            "/static/app.css?v=1",
            "text/css; charset=utf-8",
            "public, max-age=31536000, immutable",
        ),
        ("/static/keys.js", "text/javascript; charset=utf-8", "public, no-cache"),
        ("/static/icon.svg", "image/svg+xml", "public, no-cache"),
        ("/assets/htmx/htmx.min.js", "text/javascript; charset=utf-8", "public, no-cache"),
        ("/ohif/", "text/html; charset=utf-8", "private, no-cache"),
        ("/ohif/viewer", "text/html; charset=utf-8", "private, no-cache"),
        ("/ohif/app.bundle.css", "text/css; charset=utf-8", "private, no-cache"),
        (
            "/ohif/app.bundle.0f6159c501addfe9.js",
            "text/javascript; charset=utf-8",
            "private, max-age=31536000, immutable",
        ),
        (
            "/ohif/0ddf166f7a343eda.wasm",
            "application/wasm",
            "private, max-age=31536000, immutable",
        ),
    ):
        answer = (reader if path.startswith("/ohif") else client).get(path)
        assert answer.status_code == 200, path
        assert answer.headers["content-type"] == kind
        assert answer.headers["cache-control"] == keep
        again = (reader if path.startswith("/ohif") else client).get(
            path, headers={"if-none-match": answer.headers["etag"]}
        )
        assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app.py",
        "/static/%2e%2e/app.py",
        "/static/..%2fapp.py",
        "/static//etc/passwd",
        "/static/%2fetc/passwd",
        "/static/app.css%00.js",
        "/static/",
        "/assets/VERSIONS.json",
        "/assets/ohif/index.html",
        "/assets/htmx/.hidden",
        "/assets/../secret.txt",
        "/assets/htmx/..%2f..%2f..%2fsecret.txt",
        "/ohif/..%2f..%2fsecret.txt",
        "/ohif/missing.js",
    ],
)
def test_no_path_leaves_its_folder(site: Site, reader: httpx.Client, path: str) -> None:
    request = httpx.Request("GET", f"http://127.0.0.1:{site.port}")
    request.url = request.url.copy_with(raw_path=path.encode())
    request.headers["cookie"] = f"confrere={reader.cookies['confrere']}"
    answer = site.browser().send(request)
    assert answer.status_code == 404
    assert "secret" not in answer.text


def test_the_viewer_needs_sign_in_and_has_its_own_policy(
    site: Site, reader: httpx.Client, manager: httpx.Client
) -> None:
    assert site.browser().get("/ohif/viewer").headers["location"].startswith("/login?next=")
    assert manager.get("/ohif/viewer").status_code == 403
    answer = reader.get("/ohif/viewer?StudyInstanceUIDs=1.2.3")
    assert answer.text == "<p>viewer</p>"
    policy = answer.headers["content-security-policy"]
    assert "script-src 'self' 'unsafe-inline' 'unsafe-eval'; worker-src 'self' blob:" in policy
    config = reader.get("/ohif/app-config.js").text
    assert config.startswith('window.confrere = {"cleared": false, "hangings": []};')
    assert 'ours.cleared ? "never" : "always"' in config
