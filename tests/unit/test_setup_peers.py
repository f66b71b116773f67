"""What happens to a test whose peer is absent."""

from collections.abc import Callable
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

TRIES = """
from tests.peers import needs, needs_shared, require
import pytest

@needs("no-such-program")
def test_marked(): pass

@pytest.fixture
def peer(): return require("no-such-program")

def test_through_a_fixture(peer): pass

@needs("sh")
def test_with_a_peer_that_is_there(): pass

@needs_shared()
def test_with_reference_material(): pass
"""
Try = Callable[..., pytest.RunResult]
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def try_it(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Try:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.delenv("CONFRERE_SHARED", raising=False)
    monkeypatch.setattr("tests.peers.shared_folder", lambda: Path("/nonexistent"))
    pytester.makepyfile(TRIES)
    return lambda *more: pytester.runpytest_inprocess("-p", "tests.peers", *more)


def test_an_absent_peer_is_skipped_and_counted(try_it: Try) -> None:
    result = try_it()
    result.assert_outcomes(passed=1, skipped=3)
    result.stdout.fnmatch_lines(
        ["3 skipped because a peer is absent: no-such-program 2, shared folder 1"]
    )


def test_in_ci_an_absent_peer_fails_the_test(
    try_it: Try, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "true")
    result = try_it()
    result.assert_outcomes(passed=1, errors=2, skipped=1)


def test_reference_material_that_was_promised_fails_the_test(
    try_it: Try, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONFRERE_SHARED", "/nonexistent")
    try_it().assert_outcomes(passed=1, errors=1, skipped=2)
