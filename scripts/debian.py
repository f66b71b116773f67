# ruff: noqa: T201, S603 - part of a command: it prints, and it runs programs by lists
"""What Debian and Ubuntu leave out of a fresh system, brought by their own tools."""

from __future__ import annotations  # so that an old Python can say it is too old

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

PEERS = {  # package -> a file that shows it is there
    "chromium": ("/usr/bin/chromium", "/usr/bin/chromium-browser"),
    "dcmtk": ("/usr/bin/storescu",),
    "orthanc": ("/usr/sbin/Orthanc",),
    "orthanc-dicomweb": ("/usr/share/orthanc/plugins/libOrthancDicomWeb.so",),
}
POLICY = Path("/usr/sbin/policy-rc.d")
PIP_PACKAGES = ("python3-pip-whl", "python3-setuptools-whl")


class Failed(Exception):
    """A step cannot go on; the message says what to do."""


def peers() -> None:
    """Install the foreign programs that tests talk to, where we are root on a Debian system.

    Elsewhere the tests that need an absent one are skipped and counted.
    """
    lacking = [name for name, paths in PEERS.items() if not any(map(os.path.exists, paths))]
    if not lacking:
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        say(f"not installed: {', '.join(lacking)}; tests that need them are skipped")
        say(f"  (to have them run: apt-get install {' '.join(lacking)})")
        return
    say(f"installing {', '.join(lacking)} for the tests (apt-get)")
    with no_services_started():
        if not apt_install(lacking):
            for name in lacking:  # one that this release lacks must not keep the others away
                if not apt_install([name]):
                    say(f"  apt-get could not install {name}; tests that need it are skipped")
    if "orthanc" in lacking and shutil.which("systemctl"):
        # the tests start their own; the service would hold ports 8042 and 4242 from the next boot
        call(["systemctl", "disable", "orthanc.service"])


def install_ensurepip(python: str) -> bool:
    """Install the package that gives this interpreter pip, as root or by sudo without asking."""
    if not shutil.which("apt-get"):
        return False
    package = f"{Path(python).resolve().name}-venv"
    if os.geteuid() == 0:
        say(f"installing {package} (apt-get)")
        return apt_install([package]) or apt_install(["python3-venv"])
    if shutil.which("sudo") and call(["sudo", "-n", "true"]):
        say(f"installing {package} (sudo apt-get)")
        return apt_install([package], ["sudo", "-n"])
    return False


def fetch_pip_wheel(folder: Path) -> Path:
    """Download Debian's pip without root, into `folder`; return the wheel."""
    present = sorted(Path("/usr/share/python-wheels").glob("pip-*.whl"))
    if present:
        return present[-1]
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        raise Failed(
            "this Python comes without pip (module ensurepip): install the package of your "
            "system that holds it (Debian: python3-venv) and run the same command again"
        )
    say("no pip here and no root: downloading Debian's pip (apt-get download)")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    private = apt_private_folders(folder)
    download = ["apt-get", *private, "download", *PIP_PACKAGES]
    if not call(download, folder):
        call(["apt-get", *private, "update"], folder)
        if not call(download, folder, show=True):
            raise Failed(
                "apt-get could not download python3-pip-whl (above): ask an administrator for "
                "apt-get install python3-venv, then run the same command again"
            )
    for archive in folder.glob("*.deb"):
        call(["dpkg-deb", "-x", str(archive), str(folder)])
    unpacked = sorted(folder.glob("usr/share/python-wheels/pip-*.whl"))
    if not unpacked:
        raise Failed("Debian's pip package holds no wheel: apt-get install python3-venv")
    return unpacked[-1]


def apt_private_folders(folder: Path) -> list[str]:
    """Give the options with which apt-get keeps its lists and caches below `folder`."""
    lists, cache = folder / "lists", folder / "cache"
    for made in (lists / "partial", cache / "archives" / "partial"):
        made.mkdir(parents=True)
    return ["-o", f"Dir::State::lists={lists}", "-o", f"Dir::Cache={cache}"]


def apt_install(packages: Sequence[str], through: Sequence[str] = ()) -> bool:
    """Install packages without questions; the lists are renewed when the first try fails."""
    apt = [*through, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "--quiet", "--yes"]
    apt += ["-o", "DPkg::Lock::Timeout=300"]
    install = [*apt, "--no-install-recommends", "install", *packages]
    if call(install):
        return True
    call([*apt, "update"])
    return call(install, show=True)


@contextlib.contextmanager
def no_services_started() -> Iterator[None]:
    """Keep packages from starting their services while they are installed (policy-rc.d)."""
    kept = POLICY.with_name("policy-rc.d.confrere-kept")
    if POLICY.exists():
        POLICY.rename(kept)
    POLICY.write_text("#!/bin/sh\nexit 101\n")
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink(missing_ok=True)
        if kept.exists():
            kept.rename(POLICY)


def call(command: Sequence[str], folder: Path | None = None, *, show: bool = False) -> bool:
    """Run one program; `show` prints the end of what it said when it fails."""
    with tempfile.TemporaryFile("w+") as told:
        code = subprocess.call(
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=told, stderr=subprocess.STDOUT
        )
        if code and show:
            told.seek(0)
            sys.stderr.writelines(told.readlines()[-15:])
    return code == 0


def say(line: str) -> None:
    """Show progress at once, also into a pipe."""
    print(f"make: {line}", flush=True)
