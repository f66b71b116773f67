"""What was made of stored frames, kept in a folder of bounded size; anything in it may go."""

import hashlib
import os
import secrets
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

MOST_BYTES = 4 << 30
ROOM = 0.8  # of it is left when the oldest are removed


class Made:
    """Files named by what they were made of. Safe to share among threads and processes."""

    def __init__(self, folder: Path, most: int = MOST_BYTES) -> None:
        self._folder = folder
        self._most = most
        self._lock = threading.Lock()
        self._size: int | None = None

    def get(self, *of: object, make: Callable[[], bytes]) -> bytes:
        """Return what was made of this before, or make and keep it."""
        name = hashlib.sha256(repr(of).encode()).hexdigest()
        path = self._folder / name[:2] / name
        try:
            return path.read_bytes()
        except OSError:
            content = make()
        with suppress(OSError):  # a full disk must not stop anyone from seeing an image
            self._keep(path, content)
        return content

    def _keep(self, path: Path, content: bytes) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = path.with_name(f"{secrets.token_hex(8)}.new")
        try:
            fresh.write_bytes(content)
            fresh.rename(path)
        except OSError:
            fresh.unlink(missing_ok=True)
            raise
        with self._lock:
            if self._size is None:
                self._size = sum(size for _, size, _ in self._files())
            else:
                self._size += len(content)
            if self._size > self._most:
                self._size = self._shrink()

    def _files(self) -> list[tuple[float, int, str]]:
        found = []
        for folder, _, names in os.walk(self._folder):
            for name in names:
                try:
                    told = os.stat(os.path.join(folder, name))  # noqa: PTH118, PTH116 - many files
                except FileNotFoundError:
                    continue
                found.append((told.st_mtime, told.st_size, os.path.join(folder, name)))  # noqa: PTH118
        return found

    def _shrink(self) -> int:
        files = sorted(self._files())
        left = sum(size for _, size, _ in files)
        for _, size, path in files:
            if left <= self._most * ROOM:
                break
            Path(path).unlink(missing_ok=True)
            left -= size
        return left
