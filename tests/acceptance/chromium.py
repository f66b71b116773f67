"""A headless Chromium that draws pixels without a graphics card, for the acceptance tests."""

from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Page, sync_playwright

from tests.peers import PAGE_ASSETS, require

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist",
]  # fmt: skip


@contextmanager
def browser() -> Iterator[Browser]:
    """Start Chromium; the test is skipped where it, or the pages' assets, are not there."""
    program = require("chromium")
    require(PAGE_ASSETS)
    with sync_playwright() as play:
        made = play.chromium.launch(executable_path=str(program), args=FLAGS)
        try:
            yield made
        finally:
            made.close()


def violations(page: Page) -> list[str]:
    """Run axe-core on a page; give what it found, empty when all is well."""
    page.add_script_tag(url="/assets/axe/axe.min.js")
    found = page.evaluate("axe.run(document, {iframes: false})")
    return [
        f"{one['id']}: {node['html'][:160]}"
        for one in found["violations"]
        for node in one["nodes"]
    ]
