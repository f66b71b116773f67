# ruff: noqa: T201, S603 - a command: it prints, and it runs programs by lists
"""Make `.venv` from the lock, on a machine that has Python and nothing else.

`python3 -m scripts.prepare environment | peers | lock`, with the standard library only. Each
step says what it does; a step whose result is there already is passed over at once.
"""

from __future__ import annotations  # so that an old Python can say it is too old

import hashlib
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from scripts import debian
from scripts.debian import Failed

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
LOCK = ROOT / "requirements.lock"
STAMP = VENV / "confrere-stamp"
OLDEST = (3, 11)
REPORT_EVERY = 20  # packages


def main(arguments: Sequence[str]) -> None:
    """Run one step; on failure say what to do and exit with 1."""
    steps = {"environment": environment, "peers": debian.peers, "lock": lock}
    try:
        steps[arguments[0]]()
    except Failed as failure:
        sys.exit(f"make: {failure}")
    except OSError as error:
        sys.exit(f"make: {error}. If that file is another user's, give {ROOT} to one user")
    except KeyboardInterrupt:
        sys.exit("make: interrupted; run the same command again to go on")


def environment() -> None:
    """Make `.venv` hold what the lock lists and the command `confrere`."""
    python = find_python()
    wanted = stamp(python)
    if STAMP.exists() and STAMP.read_text() == wanted:
        return
    say(f"making the environment in .venv with {python}")
    make_venv(python)
    install_lock()
    link_project()
    STAMP.write_text(wanted)


def lock() -> None:
    """Write `requirements.lock` anew from pyproject.toml, for every platform, hosts left out."""
    say("resolving the dependencies")
    if not (VENV / "bin" / "uv").exists():
        run(
            [str(VENV / "bin" / "python"), "-m", "pip", "install", "--quiet", "uv"],
            "install uv",
        )
    flags = (
        "--universal --generate-hashes --no-emit-index-url --no-annotate --no-header --quiet"
    )
    command = [str(VENV / "bin" / "uv"), "pip", "compile", "pyproject.toml", "--upgrade"]
    command += ["--extra", "local", "--extra", "test", "--extra", "training"]
    command += ["--output-file", str(LOCK)]
    run([*command, *flags.split()], "resolve the dependencies")
    say(f"wrote {LOCK.name}; `make test` installs and tries it")


def find_python() -> str:
    """Find an interpreter that is new enough: the one that runs us, else a newer one on PATH."""
    if sys.version_info >= OLDEST:
        return sys.executable
    for minor in range(19, OLDEST[1] - 1, -1):
        if newer := shutil.which(f"python3.{minor}"):
            return newer
    raise Failed(
        f"Python {OLDEST[0]}.{OLDEST[1]} or newer is needed and {sys.executable} is "
        f"{sys.version.split()[0]}: install one and run make PYTHON=/path/to/python3"
    )


def stamp(python: str) -> str:
    """Say what the environment is made from: lock, interpreter, place, and how it is made."""
    parts = [LOCK.read_bytes(), Path(__file__).read_bytes()]
    parts += [str(Path(python).resolve()).encode(), str(ROOT).encode(), sys.version.encode()]
    return hashlib.sha256(b"\0".join(parts)).hexdigest() + "\n"


def make_venv(python: str) -> None:
    """Make an empty `.venv` with pip in it."""
    STAMP.unlink(missing_ok=True)
    if has_ensurepip(python) or debian.install_ensurepip(python):
        run([python, "-m", "venv", "--clear", str(VENV)], "make the environment")
        return
    wheels = debian.fetch_pip_wheel(ROOT / ".make")
    run([python, "-m", "venv", "--clear", "--without-pip", str(VENV)], "make the environment")
    command = [str(VENV / "bin" / "python"), str(wheels / "pip"), "install", "--no-index"]
    run([*command, "--no-deps", "--quiet", str(wheels)], "install pip from Debian's wheel")


def has_ensurepip(python: str) -> bool:
    """Whether `python -m venv` can bring pip; Debian keeps that part in python3-venv."""
    command = [python, "-c", "import ensurepip"]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


def install_lock() -> None:
    """Install what the lock lists, each file checked against its hash, without building any."""
    total = sum(1 for line in LOCK.read_text().splitlines() if "==" in line)
    say(f"installing up to {total} packages from {LOCK.name} (hashes checked)")
    command = [str(VENV / "bin" / "python"), "-m", "pip", "install", "--require-hashes"]
    command += ["--only-binary", ":all:", "--no-deps", "--no-input"]
    command += ["--disable-pip-version-check", "--progress-bar", "off", "-r", str(LOCK)]
    told: list[str] = []
    found = 0
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=pip_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as pip:
        for line in pip.stdout or ():
            told = [*told[-30:], line]
            if line.startswith(("Collecting ", "Processing ")):
                found += 1
                if found % REPORT_EVERY == 0:
                    say(f"  {found} packages found")
            elif line.startswith("Installing collected"):
                say(f"  {found} packages found, unpacking them")
    if pip.returncode:
        sys.stderr.writelines(told)
        raise Failed(
            "pip could not install the lock (above). Check that this machine reaches its "
            "package index (pip config list, proxy) and run the same command again"
        )


def pip_environment() -> dict[str, str]:
    """Give pip our own settings and proxies, but no foreign environment to install into."""
    left_out = {"PYTHONPATH", "PYTHONHOME", "PIP_TARGET", "PIP_PREFIX", "PIP_USER"}
    return {name: value for name, value in os.environ.items() if name not in left_out}


def link_project() -> None:
    """Make this checkout importable and give it the command `confrere`.

    A path file instead of an editable install: that would have to fetch a build backend.
    """
    code = "import sys, sysconfig; sys.stdout.write(sysconfig.get_path('purelib'))"
    python = VENV / "bin" / "python"
    packages = subprocess.check_output([str(python), "-I", "-c", code], text=True)
    (Path(packages) / "confrere.pth").write_text(f"{ROOT}\n")
    command = VENV / "bin" / "confrere"
    start = (
        "import sys; sys.argv[0] = 'confrere'; from confrere.cli import main; sys.exit(main())"
    )
    line = f'exec {shlex.quote(str(python))} -P -c {shlex.quote(start)} "$@"'
    command.write_text(f"#!/bin/sh\n{line}\n")
    command.chmod(0o755)
    say("environment ready")


def run(command: Sequence[str], purpose: str) -> None:
    """Run one program; its output is shown only when it fails."""
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=pip_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.stderr.write(done.stdout + done.stderr)
        raise Failed(f"could not {purpose} (above): {shlex.join(command)}")


def say(line: str) -> None:
    """Show progress at once, also into a pipe."""
    print(f"make: {line}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
