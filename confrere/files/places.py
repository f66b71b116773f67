"""The protocol of a place that keeps whole blobs: a folder, or a store that speaks S3."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO, Protocol


@dataclass(frozen=True, slots=True)
class Blob:
    """One blob as it is listed: since when it has lain where it lies."""

    digest: bytes
    size: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Room:
    """Bytes of a place; None where it has no end that it tells of."""

    free: int | None
    total: int | None


class Place(Protocol):
    """Blobs by digest, durable when `keep` returns; put once, never overwritten by other bytes.

    A shelf holds what is out of use and not gone yet: `damaged`, `swept`. Everything raises
    Unavailable when the place can't be reached, or is full.
    """

    def keep(self, digest: bytes, source: BinaryIO, size: int) -> None:
        """Keep `source`, read from where it stands, unless the digest is here already.

        Raises Unavailable when its bytes do not fit the digest; nothing is kept then.
        """

    def stream(self, digest: bytes) -> BinaryIO | None:
        """Open a blob to read and seek in; None when it is not here."""

    def size_of(self, digest: bytes) -> int | None:
        """Bytes of a blob; None when it is not here."""

    def remove(self, digest: bytes) -> None:
        """Remove a blob, for good."""

    def listed(self, after: str = "") -> Iterator[Blob]:
        """List the blobs in the order of their digests, those behind `after` (hex) only."""

    def shelve(self, shelf: str, digest: bytes) -> bool:
        """Take a blob out of use; False when it is not here."""

    def take_back(self, shelf: str, digest: bytes) -> bool:
        """Put a blob from a shelf into use again; False when it is not there."""

    def shelf(self, shelf: str) -> Iterator[Blob]:
        """List what lies on a shelf; `at` is when it came there."""

    def stream_shelved(self, shelf: str, digest: bytes) -> BinaryIO | None:
        """Open what lies on a shelf; None when it is not there."""

    def drop(self, shelf: str, digest: bytes) -> None:
        """Remove a blob from a shelf, for good."""

    def room(self) -> Room:
        """How full it is; also the question whether it can be reached."""
