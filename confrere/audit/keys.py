"""The key of the audit chains: 32 random bytes in a file that only its owner reads."""

import os
import secrets
import stat
from pathlib import Path

from confrere.kernel.errors import Invalid

KEY_BYTES = 32


def load_or_create(path: Path) -> bytes:
    """Read the key, or make it on first use (mode 0600).

    Two processes that start together get the same key. Raises Invalid where others may read
    the file or it was cut: with a new key, old chains could not be verified.
    """
    if not path.exists():
        _create(path)
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise Invalid(f"Others may read {path.name}; run chmod 600 on it.", "audit key")
    key = path.read_bytes()
    if len(key) != KEY_BYTES:
        raise Invalid(
            f"{path.name} does not hold {KEY_BYTES} bytes; restore it from the backup.",
            "audit key",
        )
    return key


def _create(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(secrets.token_bytes(KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(fresh, path)  # the first to link wins; nobody reads half a key
        except FileExistsError:
            return
    finally:
        fresh.unlink()
