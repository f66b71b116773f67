"""A request's data set kept in memory until it is whole: bounded each, and all together."""

from threading import Lock
from typing import Final

from confrere.dimse import identifier
from confrere.dimse.identifier import MAX_LEVELS, MOST_BYTES, MOST_KEYS, Identifier
from confrere.kernel.errors import Invalid, Unavailable

MOST_HELD = 32 * 1024 * 1024  # bytes of large data sets at once, over all associations


class Budget:
    """So many bytes for all who share it; may be used from any thread."""

    def __init__(self, most: int) -> None:
        self._lock, self._left = Lock(), most

    def take(self, count: int) -> bool:
        """Take some; False, and nothing is taken, when there are not so many left."""
        with self._lock:
            if count > self._left:
                return False
            self._left -= count
            return True

    def give(self, count: int) -> None:
        """Give back what was taken."""
        with self._lock:
            self._left += count


_held: Final = Budget(MOST_HELD)
_reading: Final = (
    Lock()
)  # large ones are read one after the other: each costs many times its size


class Gathering:
    """A Receiver's first half: keeps a small data set, bounded; swallows what is too long.

    Up to MOST_BYTES are free. What is longer comes out of one budget for all associations, and
    is given back by `identifier` or `abort`, one of which must be called.
    """

    def __init__(self, most: int = MOST_BYTES) -> None:
        self._data = bytearray()
        self._most = most
        self._taken = 0
        self._refused: Invalid | Unavailable | None = None

    def write(self, view: memoryview) -> None:
        """Keep the next bytes."""
        if self._refused is not None:
            return
        size = len(self._data) + len(view)
        if size > self._most:
            self._refused = Invalid(
                f"Identifier is longer than {self._most} bytes: ask for less"
            )
        elif size > MOST_BYTES and not self._more(size - max(len(self._data), MOST_BYTES)):
            self._refused = Unavailable("too many large requests at once: send it again later")
        if self._refused is not None:
            self.abort()
            return
        self._data += view

    def abort(self) -> None:
        """Forget it."""
        self._data = bytearray()
        _held.give(self._taken)
        self._taken = 0

    def identifier(
        self, transfer_syntax: str, levels: int = MAX_LEVELS, keys: int = MOST_KEYS
    ) -> Identifier:
        """Read what came, and forget its bytes; raises Invalid, or Unavailable.

        At most so many sequences deep, and so many elements.
        """
        if self._refused is not None:
            raise self._refused
        try:
            if not self._taken:
                return self._read(transfer_syntax, levels, keys)
            with _reading:
                return self._read(transfer_syntax, levels, keys)
        finally:
            self.abort()

    def _read(self, transfer_syntax: str, levels: int, keys: int) -> Identifier:
        return identifier.parse(
            bytes(self._data), transfer_syntax, most=self._most, levels=levels, keys=keys
        )

    def _more(self, count: int) -> bool:
        taken = _held.take(count)
        self._taken += count * taken
        return taken
