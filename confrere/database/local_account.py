"""Who runs the private PostgreSQL, and where that account can keep data and a socket.

PostgreSQL refuses to run as root. Root therefore lends it an unprivileged account, and that
account often cannot enter the folder Confrere lives in: `/root` is 0700.
"""

import hashlib
import json
import os
import pwd
import stat
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REACHABLE = Path("/var/lib/confrere")
SOCKET_NAME = ".s.PGSQL.5432"
LONGEST_SOCKET_PATH = 107  # bytes: sun_path holds 108 and ends with a NUL
Completed = subprocess.CompletedProcess[bytes]
_RECORD = "postgres.json"


class LocalServerError(Exception):
    """The private server cannot run here; the message says what to change."""


@dataclass(frozen=True, slots=True)
class Account:
    """The operating system's account that PostgreSQL runs as."""

    name: str
    uid: int
    gid: int

    def lent(self) -> bool:
        """Whether we are root and step down to this account."""
        return self.uid != os.geteuid()

    def keywords(self) -> dict[str, Any]:
        """Give the arguments with which `subprocess` runs a program as this account."""
        own: dict[str, Any] = {"cwd": "/", "env": _clean_environment()}
        if self.lent():
            own |= {"user": self.uid, "group": self.gid, "extra_groups": []}
        return own

    def can(self, permission: str, path: Path) -> bool:
        """Ask the kernel, as this account, whether `path` passes `test -r`, `-w` or `-x`."""
        return self.run(["/usr/bin/env", "test", f"-{permission}", str(path)]).returncode == 0

    def run(self, command: Sequence[str], *, detaches: bool = False) -> Completed:
        """Run a program as this account and keep what it says; not when a child of it lives on."""
        out = subprocess.DEVNULL if detaches else subprocess.PIPE
        return subprocess.run(  # noqa: S603 - a list, no shell
            command,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            **self.keywords(),
        )

    def own(self, path: Path) -> None:
        """Make `path` a 0700 folder of this account, refusing one that somebody else laid."""
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = path.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid not in {os.geteuid(), self.uid}:
            raise LocalServerError(
                f"{path} belongs to somebody else: remove it, or choose another CONFRERE_HOME"
            )
        if self.lent():
            os.chown(path, self.uid, self.gid)
        path.chmod(0o700)


def choose_account(data: Path) -> Account:
    """Ourselves; or, for root, the owner of the data, else `postgres`, `nobody` or any other."""
    uid = os.geteuid()
    owner = data.stat().st_uid if data.exists() else None
    if uid != 0:
        if owner not in {None, uid}:
            raise LocalServerError(
                f"{data} belongs to uid {owner}: run as that user or as root, or choose "
                "another CONFRERE_HOME"
            )
        return Account(_name(uid), uid, os.getegid())
    if owner:
        return Account(_name(owner), owner, data.stat().st_gid)
    for entry in _unprivileged():
        return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)
    raise LocalServerError(
        "PostgreSQL refuses to run as root and this machine has no other account: "
        "useradd --system postgres"
    )


def _unprivileged() -> list[pwd.struct_passwd]:
    preferred = {"postgres": 0, "nobody": 1}
    others = [entry for entry in pwd.getpwall() if entry.pw_uid != 0]
    return sorted(others, key=lambda entry: preferred.get(entry.pw_name, 2))


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        raise LocalServerError(
            f"uid {uid} has no name in /etc/passwd and PostgreSQL asks for one: run as a "
            "named user, or set DATABASE_URL to a server elsewhere"
        ) from None


def _clean_environment() -> dict[str, str]:
    # PGPORT, PGDATA and their like would change what the programs do
    kept = {name: os.environ[name] for name in ("PATH", "TMPDIR") if name in os.environ}
    return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"} | kept


def data_folder(home: Path) -> Path:
    """Where `home` keeps its data: as recorded there, else `home/postgres`."""
    record = home / _RECORD
    if record.exists():
        return Path(json.loads(record.read_text())["data"])
    return home / "postgres"


def place_data(home: Path, account: Account) -> Path:
    """Make the folder that holds the data folder reachable by `account`; return the data's path.

    A `home` that the account cannot enter gets a folder of its own in `REACHABLE`, with a
    fresh name each time: a home that was deleted and made again starts empty.
    """
    data = data_folder(home)
    if not account.lent():
        return data
    if data.exists():
        if not account.can("w", data):
            raise LocalServerError(
                f"{account.name} cannot reach its data in {data}: give the folders above it "
                "the right to pass (chmod o+x), or move the data elsewhere"
            )
        return data
    if account.can("x", data.parent):
        return data
    REACHABLE.mkdir(parents=True, exist_ok=True)
    REACHABLE.chmod(0o755)
    holder = Path(tempfile.mkdtemp(prefix=f"{_digest(home)}-", dir=REACHABLE))
    account.own(holder)
    (holder / "home.txt").write_text(f"{home}\n")  # for whoever wonders whose data this is
    (home / _RECORD).write_text(json.dumps({"data": str(holder / "postgres")}) + "\n")
    return holder / "postgres"


def forget_data(home: Path) -> None:
    """Drop the record of where the data is."""
    (home / _RECORD).unlink(missing_ok=True)


def socket_folder(home: Path, data: Path, account: Account) -> Path:
    """Make a 0700 folder whose socket's path fits into `LONGEST_SOCKET_PATH`."""
    holder = home if data.parent == home else data.parent
    run = holder / "postgres-run"
    if len(os.fsencode(run / SOCKET_NAME)) > LONGEST_SOCKET_PATH or (
        account.lent() and not account.can("x", holder)
    ):
        run = Path("/tmp") / f"confrere-{account.uid}-{_digest(home)}"  # noqa: S108 - own() checks
    account.own(run)
    return run


def _digest(home: Path) -> str:
    return hashlib.sha256(os.fsencode(home)).hexdigest()[:12]
