"""What the index over digests costs a filing, and what the sweep and the pages gain by it.

    python bench/keeping/names.py [--images 200000] [--rounds 5]

A private PostgreSQL with durable commits; images are rows only. Filing is the whole of
`file_instances` in batches of 100, with the index and without it, in turn.
"""

import argparse
import hashlib
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import psycopg
import sqlalchemy as sa

sys.path.insert(0, str(Path(__file__).parents[2]))

from confrere import migrations
from confrere.database import local
from confrere.database.engine import connect, transaction
from confrere.imaging import keeping as imaging
from confrere.imaging import service
from confrere.imaging.head import Head
from confrere.imaging.model import Arrival
from confrere.keeping import service as keeping
from confrere.kernel.ids import GroupId

GROUP, NOW, CT = (
    GroupId(UUID(int=1)),
    datetime(2026, 11, 24, tzinfo=UTC),
    "1.2.840.10008.5.1.4.1.1.2",
)
INDEX = "create index ix_instances_digest on instances using hash (digest)"
BATCH, OF_STUDY = 100, 200


def image(number: int) -> Arrival:
    """One made-up CT image."""
    study = f"1.2.{number // OF_STUDY}"
    head = Head(
        sop_class=CT, sop_instance=f"{study}.1.{number}", study_instance=study,
        series_instance=f"{study}.1", modality="CT", patient_id="M1", study_date="20260301",
    )  # fmt: skip
    digest = hashlib.sha256(head.sop_instance.encode()).digest()
    return Arrival(GROUP, None, head, CT, "1.2.840.10008.1.2.1", digest, 528_000, "CT1", NOW)


def file(engine: sa.Engine, first: int, number: int) -> float:
    """File so many; return images a second."""
    started = time.perf_counter()
    for start in range(first, first + number, BATCH):
        with transaction(engine, frozenset()) as conn:
            service.file_instances(conn, [image(n) for n in range(start, start + BATCH)])
    return number / (time.perf_counter() - started)


def timed(engine: sa.Engine, what: object, times: int) -> float:
    """Milliseconds of one, the median."""
    taken = []
    for _ in range(times):
        with transaction(engine, frozenset()) as conn:
            started = time.perf_counter()
            what(conn)  # type: ignore[operator]
            taken.append((time.perf_counter() - started) * 1000)
    return statistics.median(taken)


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser()
    options.add_argument("--images", type=int, default=200_000)
    options.add_argument("--rounds", type=int, default=5)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        server = local.start(Path(folder))
        try:
            measure(str(server.socket_dir), chosen.images, chosen.rounds)
        finally:
            local.erase(Path(folder))


def measure(socket: str, images: int, rounds: int) -> None:
    """Fill, then file by turns, then ask."""

    def url(role: str) -> str:
        return f"postgresql://{role}@/names?host={socket}"

    with psycopg.connect(
        f"postgresql://confrere_boot@/postgres?host={socket}", autocommit=True
    ) as boot:
        for role in ("confrere_owner", "confrere_app", "confrere_system"):
            boot.execute(f"create role {role} login")  # type: ignore[call-overload]
        boot.execute("create database names owner confrere_owner")
    owner, system = (
        connect(url("confrere_owner"), pool=1),
        connect(url("confrere_system"), pool=1),
    )
    with owner.begin() as conn:
        migrations.upgrade(conn)
    file(system, 0, images)
    at, told = images, {"with": list[float](), "without": list[float]()}
    for _ in range(rounds):
        for how, statement in (("without", "drop index ix_instances_digest"), ("with", INDEX)):
            with owner.begin() as conn:
                conn.execute(sa.text(statement))
            told[how].append(file(system, at, 5000))
            at += 5000
    for how, rates in told.items():
        print(
            f"filing {how} the index: {statistics.median(rates):.0f} images/s {[round(r) for r in rates]}"
        )
    digests = [image(n).digest for n in range(0, 50_000, 100)]
    print(
        f"which of 500 blobs are named: {timed(system, lambda c: keeping.named(c, digests), 5):.1f} ms"
    )
    print(
        f"count all by site and place: {timed(system, imaging.held, 3):.0f} ms for {at} images"
    )
    owner.dispose()
    system.dispose()


if __name__ == "__main__":
    main()
