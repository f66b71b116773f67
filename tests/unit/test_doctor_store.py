"""The doctor says how the image store stands."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from confrere.cli.doctor_store import places, scrub
from confrere.keeping.state import PlaceState
from confrere.settings import Settings
from tests.acceptance.processes import free_ports

NOW = datetime(2026, 11, 24, tzinfo=UTC)


def test_a_scrub_that_found_damage_or_never_ends_is_to_be_mended() -> None:
    fine = scrub(PlaceState("main", scrub_ended_at=NOW - timedelta(days=3)), NOW)
    assert (fine.ok, fine.what) == (
        True, "scrub of the main image store: last whole pass 2026-11-21 00:00 UTC, nothing damaged",
    )  # fmt: skip
    assert scrub(PlaceState("main"), NOW).ok
    bad = scrub(PlaceState("main", scrub_ended_at=NOW, damaged=2), NOW)
    assert not bad.ok
    assert "2 objects lie damaged" in bad.what
    assert bad.remedy
    assert not scrub(PlaceState("main", scrub_ended_at=NOW - timedelta(days=90)), NOW).ok
    assert not scrub(PlaceState("cold", scrub_began_at=NOW - timedelta(days=90)), NOW).ok


def test_a_store_that_does_not_answer_is_named_without_its_key(tmp_path: Path) -> None:
    port = free_ports("none")["none"]
    settings = Settings(
        home=tmp_path, blob_url="s3://images/centre", cold_url=str(tmp_path / "cold"),
        s3_endpoint=f"http://127.0.0.1:{port}", s3_key_id="key", s3_secret="topsecret",
    )  # fmt: skip
    main, cold = places(settings)
    assert not main.ok
    assert "s3://images/centre at http://127.0.0.1" in main.what
    assert "topsecret" not in main.what + main.remedy
    assert "GB free" in cold.what
