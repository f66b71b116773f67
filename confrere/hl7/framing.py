"""MLLP blocks out of a byte stream, bounded. Source: HL7 MLLP release 1, section 2."""

START_BLOCK = b"\x0b"
END_BLOCK = b"\x1c\x0d"


class TooLarge(Exception):
    """The block exceeds its limit."""


class Stray(Exception):
    """Too many bytes came outside of blocks: the peer does not speak MLLP."""


def wrap(message: bytes) -> bytes:
    """Put one message into a block."""
    return START_BLOCK + message + END_BLOCK


class Framer:
    """Collects bytes and gives whole blocks; holds at most one block and what follows it."""

    def __init__(self, frame_bytes: int, stray_bytes: int) -> None:
        self._frame_bytes = frame_bytes
        self._stray_bytes = stray_bytes
        self._buffer = bytearray()
        self._searched = 0
        self._stray = 0
        self.inside = False

    def __len__(self) -> int:
        return len(self._buffer)

    def feed(self, data: bytes) -> None:
        """Add what came from the peer."""
        self._buffer += data

    def head(self, size: int) -> bytes:
        """Return the start of an unfinished block."""
        return bytes(self._buffer[:size]) if self.inside else b""

    def next(self) -> bytes | None:
        """Return the next whole block's content, None when more bytes are needed.

        Raises TooLarge and Stray; then the connection must be cut.
        """
        if not self.inside and not self._enter():
            return None
        end = self._buffer.find(END_BLOCK, self._searched)
        if (end if end >= 0 else len(self._buffer) - 1) > self._frame_bytes:
            raise TooLarge
        if end < 0:
            self._searched = max(0, len(self._buffer) - 1)
            return None
        with memoryview(self._buffer) as view:
            content = bytes(view[:end])
        del self._buffer[: end + len(END_BLOCK)]
        self.inside, self._stray = False, 0
        return content

    def _enter(self) -> bool:
        start = self._buffer.find(START_BLOCK)
        self.inside = start >= 0
        outside = start if self.inside else len(self._buffer)
        self._stray += outside
        if self._stray > self._stray_bytes:
            raise Stray
        del self._buffer[: outside + self.inside]
        self._searched = 0
        return self.inside
