"""Whether a data set is whole: every length honest, every sequence closed, no byte missing."""

import io
import os
from typing import BinaryIO

from confrere.imaging.elements import encoding_of, name, walk_all
from confrere.kernel.errors import Invalid

_BLOCK = 8 * 1024  # most headers of an image lie in one
_NAMELESS = 0


def check_whole(
    data: bytes | bytearray | memoryview | BinaryIO, transfer_syntax: str, start: int = 0
) -> None:
    """Walk over a whole data set from `start` to its end; raises Invalid naming the element.

    Values are hopped over, never read: the cost is that of the headers. A seekable binary file
    is left wherever the walk ended. Nesting deeper than 64 is refused.
    """
    if isinstance(data, bytes | bytearray | memoryview):
        size = len(data)
        source = Hopper(io.BytesIO(), size, data)
    else:
        size = data.seek(0, os.SEEK_END)
        source = Hopper(data, size)
    if start >= size:
        raise Invalid("The data set is empty: send it again", "DataSet")
    walk_all(source, start, size, encoding_of(transfer_syntax))


class Hopper:
    """Reads small blocks of a file where headers are wanted; or has all of it as `block`."""

    def __init__(
        self, file: BinaryIO, size: int, block: bytes | bytearray | memoryview = b""
    ) -> None:
        self._file = file
        self._size = size
        self._block: bytes | bytearray | memoryview = block
        self._start = 0
        self._field = _NAMELESS

    def at(self, position: int, count: int) -> tuple[bytes | bytearray | memoryview, int]:
        """Return a block with these bytes, or raise Invalid when the file ends before."""
        inside = position - self._start
        if not 0 <= inside <= len(self._block) - count:
            self.beyond(position + count, self._field)
            self._file.seek(position)
            self._block = self._file.read(_BLOCK)
            self._start, inside = position, 0
            if len(self._block) < count:
                self.beyond(self._size + 1, self._field)
        return self._block, inside

    def beyond(self, position: int, field: int) -> None:
        """Raise Invalid when `position` lies past the end; remember whom to blame next."""
        self._field = field
        if position > self._size:
            where = name(field) if field else "at its end"
            message = f"Data set is cut short: element {where} ends past it; send it again"
            raise Invalid(message, name(field) if field else "DataSet")
