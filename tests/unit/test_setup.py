"""What `make` does before there is an environment."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from scripts import debian, prepare

ROOT = Path(__file__).resolve().parents[2]


def test_every_package_of_the_lock_is_pinned_by_hash_and_no_host_is_named() -> None:
    entries = re.split(r"\n(?=\S)", prepare.LOCK.read_text().strip())
    assert len(entries) > 20
    for entry in entries:
        assert re.match(r"[a-z0-9.-]+==\S+", entry), entry
        assert "--hash=sha256:" in entry, entry
    assert "://" not in prepare.LOCK.read_text()
    assert "index" not in prepare.LOCK.read_text()


def test_every_dependency_of_the_project_is_in_the_lock() -> None:
    project = (ROOT / "pyproject.toml").read_text()
    declared = re.findall(r'^ *"([a-z0-9.-]+)(?:\[[a-z,]+\])?>=', project, re.MULTILINE)
    local = re.search(r"^local = (.*)$", project, re.MULTILINE)
    assert declared
    assert local
    declared += re.findall(r'"([a-z-]+)>=', local[1])
    locked = re.findall(r"^([a-z0-9.-]+)==", prepare.LOCK.read_text(), re.MULTILINE)
    assert {name.replace(".", "-") for name in declared} <= set(locked)


def test_the_stamp_changes_with_the_lock_and_with_the_interpreter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = tmp_path / "requirements.lock"
    lock.write_text("a==1\n")
    monkeypatch.setattr(prepare, "LOCK", lock)
    first = prepare.stamp(sys.executable)
    assert prepare.stamp(sys.executable) == first
    assert prepare.stamp("/usr/bin/another") != first
    lock.write_text("a==2\n")
    assert prepare.stamp(sys.executable) != first


def test_a_python_that_is_too_old_is_told_what_is_needed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(prepare.sys, "version_info", (3, 9, 2))
    monkeypatch.setattr(prepare.shutil, "which", lambda _: None)
    with pytest.raises(prepare.Failed, match=r"3\.11 or newer is needed .* make PYTHON="):
        prepare.find_python()
    monkeypatch.setattr(prepare.shutil, "which", lambda name: f"/usr/bin/{name}")
    assert prepare.find_python() == "/usr/bin/python3.19"


def test_services_are_kept_from_starting_only_while_packages_are_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = tmp_path / "policy-rc.d"
    policy.write_text("#!/bin/sh\nexit 7\n")
    policy.chmod(0o755)
    monkeypatch.setattr(debian, "POLICY", policy)
    with debian.no_services_started():
        assert subprocess.call([policy]) == 101
    assert subprocess.call([policy]) == 7
    policy.unlink()
    with debian.no_services_started():
        assert subprocess.call([policy]) == 101
    assert list(tmp_path.iterdir()) == []


def test_a_program_that_fails_shows_the_end_of_what_it_said(
    capfd: pytest.CaptureFixture[str],
) -> None:
    assert debian.call(["sh", "-c", "exit 0"], show=True)
    assert not debian.call(["sh", "-c", "echo the disk is full; exit 1"], show=True)
    assert "the disk is full" in capfd.readouterr().err


def test_a_step_that_fails_says_what_it_was_for(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(prepare.Failed, match="could not make tea"):
        prepare.run(["sh", "-c", "echo no water >&2; exit 3"], "make tea")
    assert "no water" in capfd.readouterr().err


def test_an_environment_that_is_up_to_date_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stamp = tmp_path / "stamp"
    monkeypatch.setattr(prepare, "STAMP", stamp)
    stamp.write_text(prepare.stamp(prepare.find_python()))
    prepare.main(["environment"])
    assert capsys.readouterr().out == ""
