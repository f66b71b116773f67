"""Look at kept bytes before they are filed: whether they are whole, and what they say."""

import os
from typing import BinaryIO

from confrere.files.folder import BlobStore
from confrere.imaging.head import Head, NeedMore, read_head
from confrere.imaging.plain import open_plain
from confrere.imaging.syntaxes import served
from confrere.imaging.whole import check_whole

FIRST = 16 << 10
LARGEST_HEAD = 64 << 20


def examine(blobs: BlobStore, digest: bytes, syntax: str) -> Head:
    """Check a kept data set from end to end and read its head; raises Invalid.

    Deflated ones are inflated within bounds first.
    """
    with open_plain(blobs, digest, syntax) as stream:
        check_whole(stream, served(syntax))
        return head_of(stream, served(syntax))


def head_of(stream: BinaryIO, syntax: str) -> Head:
    """Read the head of a data set, taking as much of it as that needs; raises Invalid."""
    size = stream.seek(0, os.SEEK_END)
    much = FIRST
    while True:
        stream.seek(0)
        try:
            return read_head(
                stream.read(much), syntax, complete=much >= min(size, LARGEST_HEAD)
            )
        except NeedMore:
            much *= 4
