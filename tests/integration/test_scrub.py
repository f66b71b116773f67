"""A flipped bit is found, not served, shown to its owner, and mended from a replica."""

import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from confrere.database.engine import transaction
from confrere.files.folder import BlobStore
from confrere.files.paths import path_of
from confrere.imaging import asides
from confrere.imaging.model import Arrival
from confrere.imaging.service import file_instances
from confrere.kernel.errors import Unavailable
from confrere.settings import Settings
from confrere.wiring import scrubbing
from confrere.wiring.house import House
from tests.database import Databases, count
from tests.integration.test_imaging_filing import GROUP, arrival

CONTENT = b"the pixels of one image"


def house_with(made: Databases, home: Path, replica: str = "") -> House:
    settings = Settings(home=home, replica_url=replica, scrub_megabytes=1000)
    return House(
        settings, made.app, made.system, BlobStore(home / "blobs"), bytes(32),
        lambda: datetime(2026, 11, 24, tzinfo=UTC), lambda: 0.0,
    )  # fmt: skip


def filed(house: House) -> bytes:
    digest = house.blobs.put(CONTENT)
    one: Arrival = replace(arrival(1), digest=digest)
    with transaction(house.system, frozenset()) as conn:
        file_instances(conn, [one])
    return digest


def flip(house: House, digest: bytes) -> None:
    path = path_of(house.blobs.root, digest)
    content = bytearray(path.read_bytes())
    content[3] ^= 1
    path.write_bytes(content)


def test_a_flipped_bit_is_not_served_and_shown_to_its_owner(
    fresh: Databases, tmp_path: Path
) -> None:
    house = house_with(fresh, tmp_path)
    digest = filed(house)
    assert scrubbing.run(house, 10) == scrubbing.Scrubbed(1, 0, 0, whole_round=True)
    flip(house, digest)
    assert scrubbing.run(house, 10) == scrubbing.Scrubbed(1, 1, 0, whole_round=True)
    with pytest.raises(Unavailable, match="damaged"):
        house.blobs.read(digest)
    with transaction(house.system, frozenset()) as conn:
        (shown,) = asides.listed(conn, frozenset({GROUP}))
        assert (shown.kind, shown.digest, shown.door) == ("damaged", digest, "scrub")
        assert shown.remedy
        assert count(conn, "audit_events") == 1
    house.blobs.put(CONTENT)  # sent again
    assert house.blobs.read(digest) == CONTENT


def test_a_replica_mends_it_with_an_audit_event(fresh: Databases, tmp_path: Path) -> None:
    replica = tmp_path / "replica"
    house = house_with(fresh, tmp_path / "home", f"file://{replica}")
    digest = filed(house)
    flip(house, digest)
    assert scrubbing.run(house, 10) == scrubbing.Scrubbed(1, 1, 0, whole_round=True)
    BlobStore(replica).put(CONTENT[:-1])  # a replica without it
    assert scrubbing.run(house, 10).mended == 0
    BlobStore(replica).put(CONTENT)
    assert scrubbing.run(house, 10).mended == 1
    assert house.blobs.read(digest) == CONTENT
    with transaction(house.system, frozenset()) as conn:
        assert asides.listed(conn, frozenset({GROUP})) == []
        assert count(conn, "audit_events") == 2


def test_a_damaged_replica_is_no_help(fresh: Databases, tmp_path: Path) -> None:
    house = house_with(fresh, tmp_path / "home", str(tmp_path / "home2" / "blobs"))
    digest = filed(house)
    shutil.copytree(tmp_path / "home", tmp_path / "home2")
    copy = path_of(tmp_path / "home2" / "blobs", digest)
    copy.write_bytes(b"X" + CONTENT[1:])
    flip(house, digest)
    assert scrubbing.run(house, 10).mended == 0
    with pytest.raises(Unavailable):
        house.blobs.read(digest)
