"""Chromium, driven as a person would, for acceptance tests."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Page

from tests.acceptance import chromium
from tests.acceptance.demonstration import Demonstration


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A headless Chromium for one file: two at once in a process do not go together."""
    with chromium.browser() as made:
        yield made


@contextmanager
def signed_in(browser: Browser, demonstration: Demonstration, username: str) -> Iterator[Page]:
    """A page of a browser of one's own, signed in as a user of the demonstration."""
    context = browser.new_context(
        viewport={"width": 1680, "height": 980}, color_scheme="dark",
        base_url=demonstration.address,
    )  # fmt: skip
    page = context.new_page()
    outside: list[str] = []
    page.on(
        "request",
        lambda r: (
            None
            if r.url.startswith((demonstration.address, "data:", "blob:"))
            else outside.append(r.url)
        ),
    )
    user = demonstration.user(username)
    page.goto("/login")
    page.fill("input[name=username]", user["username"])
    page.fill("input[name=password]", user["password"])
    page.click("button[type=submit]")
    page.wait_for_url(lambda url: "/login" not in url)
    try:
        yield page
    finally:
        context.close()
    assert outside == [], "a page asked something outside"
