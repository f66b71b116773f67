"""The pages' third-party files: only what was pinned, all of it or nothing."""

import base64
import hashlib
import io
import json
import os
import re
import sys
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from confrere import assets
from confrere.assets import catalogue
from confrere.assets.catalogue import Package
from tests.peers import PAGE_ASSETS, require

# stands in for the npm client, a foreign program: `pack` copies tarballs laid ready for it
NPM = """#!{python}
import os, shutil, sys
with open(os.environ["CALLS"], "a") as calls:
    print(*sys.argv[1:], file=calls)
assert sys.argv[1] == "pack" and "--ignore-scripts" in sys.argv
for name in os.listdir(os.environ["TARBALLS"]):
    shutil.copy(os.path.join(os.environ["TARBALLS"], name), os.getcwd())
"""
PAGE = Package("@some/page", "1.2.3", "", "page", {"dist/page.js": "page.js"})


def tarball(files: dict[str, bytes]) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return made.getvalue()


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a folder of tarballs that the npm client on PATH hands out."""
    folder = tmp_path / "tarballs"
    folder.mkdir()
    client = tmp_path / "bin" / "npm"
    client.parent.mkdir()
    client.write_text(NPM.format(python=sys.executable))
    client.chmod(0o755)
    monkeypatch.setenv("PATH", f"{client.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("TARBALLS", str(folder))
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
    return folder


def publish(registry: Path, package: Package, files: dict[str, bytes]) -> Package:
    content = tarball(files)
    (registry / package.tarball).write_bytes(content)
    digest = base64.b64encode(hashlib.sha512(content).digest()).decode()
    return replace(package, integrity=f"sha512-{digest}")


def run(dest: Path, package: Package) -> list[str]:
    said: list[str] = []
    assets.install(dest, said.append, [package])
    return said


def kept(dest: Path) -> set[str]:
    return {str(path.relative_to(dest)) for path in dest.rglob("*") if path.is_file()}


def test_only_the_files_listed_are_kept_and_a_second_run_does_nothing(
    registry: Path, tmp_path: Path
) -> None:
    files = {"package/dist/page.js": b"page", "package/dist/other.js": b"other"}
    pinned = publish(registry, PAGE, files)
    dest = tmp_path / "assets"
    run(dest, pinned)
    assert kept(dest) == {"page/page.js", "VERSIONS.json"}
    assert (
        json.loads((dest / "VERSIONS.json").read_text())["packages"]["@some/page"][0] == "1.2.3"
    )
    assert "up to date" in run(dest, pinned)[0]
    assert (tmp_path / "calls").read_text().count("pack") == 1
    assert [path.name for path in tmp_path.glob(".assets-*")] == []


def test_a_changed_package_is_refused_and_the_old_files_stay(
    registry: Path, tmp_path: Path
) -> None:
    dest = tmp_path / "assets"
    pinned = publish(registry, PAGE, {"package/dist/page.js": b"old"})
    run(dest, pinned)
    newer = replace(PAGE, version="1.2.4")
    pinned = publish(registry, newer, {"package/dist/page.js": b"new"})
    (registry / newer.tarball).write_bytes(tarball({"package/dist/page.js": b"evil"}))
    with pytest.raises(assets.AssetsError, match="not the file that was pinned"):
        run(dest, pinned)
    assert (dest / "page" / "page.js").read_bytes() == b"old"


def test_a_new_version_takes_the_place_of_the_old_one(registry: Path, tmp_path: Path) -> None:
    dest = tmp_path / "assets"
    pinned = publish(registry, PAGE, {"package/dist/page.js": b"old"})
    run(dest, pinned)
    (dest / "page" / "left.js").write_text("of an older version")
    newer = replace(PAGE, version="1.2.4")
    pinned = publish(registry, newer, {"package/dist/page.js": b"new"})
    run(dest, pinned)
    assert (dest / "page" / "page.js").read_bytes() == b"new"
    assert not (dest / "page" / "left.js").exists()


def test_a_package_without_a_listed_file_is_refused(registry: Path, tmp_path: Path) -> None:
    pinned = publish(registry, PAGE, {"package/dist/renamed.js": b""})
    with pytest.raises(assets.AssetsError, match="lacks files"):
        run(tmp_path / "assets", pinned)
    assert not (tmp_path / "assets").exists()


def test_no_file_leaves_its_folder(registry: Path, tmp_path: Path) -> None:
    pinned = publish(registry, catalogue.OHIF, {"package/dist/../../../evil": b""})
    with pytest.raises(assets.AssetsError, match="leave its folder"):
        run(tmp_path / "assets", pinned)
    assert not (tmp_path / "evil").exists()


def test_a_viewer_laid_out_differently_is_refused(registry: Path, tmp_path: Path) -> None:
    script = b'__webpack_require__.p = "/"'
    pinned = publish(registry, catalogue.OHIF, {"package/dist/app.js": script})
    with pytest.raises(assets.AssetsError, match="1 scripts of OHIF"):
        run(tmp_path / "assets", pinned)


def test_a_client_that_fails_says_what_to_look_at(
    registry: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pinned = publish(registry, PAGE, {"package/dist/page.js": b"page"})
    monkeypatch.setenv("TARBALLS", "/nonexistent")
    # the client in the environment is tried next: nobody answers it
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9/")
    monkeypatch.setenv("npm_config_fetch_retries", "0")
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "cache"))
    with pytest.raises(assets.AssetsError, match="Check its registry and proxy"):
        run(tmp_path / "assets", pinned)


def test_the_setting_decides_where_they_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONFRERE_ASSETS", "/srv/assets")
    assert assets.default_folder() == Path("/srv/assets")
    monkeypatch.delenv("CONFRERE_ASSETS")
    assert assets.default_folder().parts[-2:] == ("build", "assets")


@pytest.fixture
def installed() -> Path:
    """Give the folder that `make` filled."""
    require(PAGE_ASSETS)
    return assets.default_folder()


def test_the_installed_viewer_loads_nothing_from_the_root_of_the_site(installed: Path) -> None:
    page = (installed / "ohif" / "index.html").read_text()
    addresses = re.findall(r'(?:href|src|content)="(/[^"]*)"', page)
    assert addresses
    assert all(address.startswith("/ohif/") for address in addresses)
    assert 'window.PUBLIC_URL="/ohif/"' in page
    for script in (installed / "ohif").glob("*.js"):
        assert b'__webpack_require__.p = "/"' not in script.read_bytes()


def test_the_installed_viewer_brings_no_configuration_and_no_service_worker(
    installed: Path,
) -> None:
    assert not (installed / "ohif" / "app-config.js").exists()
    assert not (installed / "ohif" / "sw.js").exists()
    assert "init-service-worker" not in (installed / "ohif" / "index.html").read_text()


def test_every_file_that_the_installed_viewers_page_names_is_there(installed: Path) -> None:
    page = (installed / "ohif" / "index.html").read_text()
    named = set(re.findall(r'(?:href|src)="/ohif/([^"?#]+)"', page)) - {"app-config.js"}
    assert named
    assert {name for name in named if not (installed / "ohif" / name).exists()} == set()
