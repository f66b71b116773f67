"""Committed decisions a second: rounds of the live dispatcher on PostgreSQL, each offer proved.

PYTHONPATH=. python bench/worklist/decisions.py [readers]

Every reader is idle and finds an exam of the own group or a partner's: each round offers as
many exams as there are readers, with verdicts, decision and event, in one transaction on a
durable server.
"""

import random
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from bench.worklist import live_world
from bench.worklist.server import measured
from confrere.database.engine import transaction
from confrere.dispatcher import without_pause
from confrere.network import service as network
from confrere.network.npi import with_check_digit
from confrere.worklist import store
from confrere.worklist.dispatch import Dispatcher
from confrere.worklist.offering import Offering

ROUNDS = 4


def main() -> None:
    """Print the rate."""
    readers = int(sys.argv[1]) if len(sys.argv) > 1 else 600
    now, dice = datetime.now(UTC), random.Random(3)
    with measured(durable=True) as made:
        with transaction(made.system, frozenset()) as conn:
            large = live_world.build(conn, now)
            more(conn, large, readers - len(large.readers), now)
        dispatcher, writing = Dispatcher(), timed_writing()
        for n in range(ROUNDS):
            with transaction(made.system, frozenset()) as conn:
                conn.exec_driver_sql("update items set finished_at = now()")
                exams(conn, large, readers, now, dice)
            started, cpu = time.perf_counter(), time.process_time()
            with without_pause(), transaction(made.system, frozenset()) as conn:
                directory = network.directory(conn, now)
                dispatcher.round(conn, directory, now)
            took, used = time.perf_counter() - started, time.process_time() - cpu
            with transaction(made.system, frozenset()) as conn:
                offered = conn.exec_driver_sql(
                    "select count(*) from items where offered_to is not null "
                    "and finished_at is null"
                ).scalar_one()
            what = "cold" if n == 0 else "warm"
            words, seconds = writing.pop()
            print(
                f"{what}: {words} decided, {offered} of them offers, in {took:.2f} s "
                f"({used:.2f} s CPU here): {words / took:.0f} a second; "
                f"writing alone {seconds:.2f} s: {words / seconds:.0f} a second"
            )


def timed_writing() -> list[tuple[int, float]]:
    """Note of each round how many words were written, and how long that took."""
    noted: list[tuple[int, float]] = []
    write = Offering.write

    def timed(self: Offering, conn: Any) -> int:
        started = time.perf_counter()
        done = write(self, conn)
        noted.append((done, time.perf_counter() - started))
        return done

    Offering.write = timed  # type: ignore[method-assign]
    return noted


def more(conn: Any, large: live_world.Large, count: int, now: datetime) -> None:
    """More readers like the others, all on duty."""
    like = [network.reader(conn, one, now) for one in large.readers[:10]]
    for n in range(count):
        one = replace(
            like[n % 10], name=f"More, M{n}", npi=with_check_digit(f"2{n:08d}"), competences=(),
            shifts=tuple(replace(s, id=None) for s in like[n % 10].shifts),
        )  # fmt: skip
        network.add_reader(conn, one)


def exams(conn: Any, large: live_world.Large, count: int, now: datetime, dice: Any) -> None:
    """As many exams as readers, of all levels."""
    for _ in range(count):
        site = dice.randrange(len(large.sites))
        _, text, kind, region, of, advanced, minutes, rvu = dice.choice(live_world.CODES)
        level, due = dice.choice(
            (("stat", 30), ("ed", 60), ("inpatient", 240), ("routine", 1440))
        )
        store.add(conn, {
            "owner_group": large.groups[site % len(large.groups)], "site_id": large.sites[site],
            "kind": "read", "state": "waiting", "priority": level, "modality": kind,
            "body_region": region, "subspecialty": of, "description": text,
            "advanced": advanced, "minutes": minutes, "wrvu": rvu, "images_complete": True,
            "clock_at": now, "due_at": now + timedelta(minutes=due), "created_at": now,
            "updated_at": now, "order_ids": [], "accessions": [],
        })  # fmt: skip


if __name__ == "__main__":
    main()
