"""What waits and what was delivered, in SQLite: WAL with full sync, so a commit is on disk.

One connection under one lock: every statement is short. A row and its blob are taken away
together under that lock, so that an object which comes again meanwhile is never lost.
"""

import hashlib
import sqlite3
import threading
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from confrere.files.folder import BlobStore
from confrere.files.paths import path_of
from confrere.gateway import studies
from confrere.gateway.model import (
    ROUTINE,
    STAT,
    WORDS,
    Image,
    Letter,
    Ordered,
    Seen,
    Study,
    Waiting,
)

_SCHEMA = """
create table if not exists objects (
    key integer primary key, digest blob not null, size integer not null,
    sop_class text not null, sop_instance text not null, syntax text not null,
    aet text not null, accession text not null, rank integer not null,
    received real not null, state text not null default 'waiting',
    attempts integer not null default 0, due real not null default 0,
    error text not null default '', sent real,
    unique (digest, sop_instance, syntax)
);
create index if not exists objects_waiting on objects (rank, key) where state = 'waiting';
create index if not exists objects_sent on objects (sent) where state = 'sent';
create index if not exists objects_accession on objects (accession) where state = 'waiting';
create table if not exists letters (
    key integer primary key, digest blob not null unique, content blob not null,
    address text not null, received real not null, state text not null default 'waiting',
    error text not null default '', sent real
);
create index if not exists letters_waiting on letters (key) where state = 'waiting';
create table if not exists orders (accession text primary key, rank integer not null, at real);
"""  # what is known of the exams stands beside it: see `studies`


class Queue:
    """The gateway's own record; safe to use from many threads. Times are seconds since 1970."""

    def __init__(self, path: Path, blobs: BlobStore) -> None:
        self._blobs = blobs
        self._lock = threading.Lock()
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        self._db.execute("pragma journal_mode = wal")
        self._db.execute("pragma synchronous = full")
        self._db.executescript(_SCHEMA)
        studies.prepare(self._db)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def add(self, one: Waiting, accession: str, rank: int, seen: Seen | None = None) -> bool:
        """Let a kept data set wait; False when it is known already.

        Raises OSError when its blob was tidied away meanwhile: the sender sends again.
        """
        with self._writing():
            if not path_of(self._blobs.root, one.digest).exists():
                raise OSError("the blob is gone")
            ordered = self._db.execute(
                "select rank from orders where accession = ?", (accession,)
            ).fetchone()
            best = min(rank, ordered["rank"]) if ordered and accession else rank
            made = self._db.execute(
                "insert into objects (digest, size, sop_class, sop_instance, syntax, aet, "
                "accession, rank, received) values (?, ?, ?, ?, ?, ?, ?, ?, ?) "
                "on conflict do nothing",
                (
                    one.digest, one.size, one.sop_class, one.sop_instance, one.transfer_syntax,
                    one.calling_aet, accession, best, time.time(),
                ),
            )  # fmt: skip
            if made.rowcount == 1 and seen and made.lastrowid:
                studies.note(self._db, made.lastrowid, seen, best, time.time())
            return made.rowcount == 1

    def add_letter(self, content: bytes, address: str, ordered: Sequence[Ordered] = ()) -> None:
        """Let a message wait, once, with what it orders; images of that which wait move up."""
        now = time.time()
        with self._writing():
            self._db.execute(
                "insert into letters (digest, content, address, received) values (?, ?, ?, ?) "
                "on conflict do nothing",
                (hashlib.sha256(content).digest(), content, address, now),
            )
            for one in ordered:
                studies.note_order(self._db, one, now)
                self._db.execute(
                    "update objects set rank = ? where accession = ? and state = 'waiting' "
                    "and rank > ?",
                    (one.rank, one.accession, one.rank),
                )

    def exams(self) -> tuple[list[Study], list[Ordered]]:
        """The studies of which images are here, and the orders that came."""
        with self._lock:
            return studies.listed(self._db), studies.orders(self._db)

    def study(self, uid: str) -> Study | None:
        """One study; None when nothing of it is here."""
        with self._lock:
            return studies.get(self._db, uid)

    def images(self, uid: str) -> list[Image]:
        """A study's images by series and number."""
        with self._lock:
            return studies.images(self._db, uid)

    def next(self, most_bytes: int, most: int, but: Collection[int]) -> list[Waiting]:
        """What to send now: STAT first, then the oldest; one larger than `most_bytes` alone."""
        with self._lock:
            rows = self._db.execute(
                "select * from objects where state = 'waiting' and due <= ? "
                "order by rank, key limit ?",
                (time.time(), most + len(but)),
            ).fetchall()
        chosen: list[Waiting] = []
        room = most_bytes
        for row in rows:
            if row["key"] in but:
                continue
            if chosen and (row["size"] > room or len(chosen) >= most):
                break
            chosen.append(_waiting(row))
            room -= row["size"]
        return chosen

    def sent(self, keys: Sequence[int]) -> None:
        """The centre has them durable."""
        now = time.time()
        with self._writing():
            self._db.executemany(
                "update objects set state = 'sent', sent = ?, error = '' where key = ?",
                [(now, key) for key in keys],
            )

    def put_off(self, key: int, why: str, seconds: float) -> None:
        """Try one again later, so that the others go on."""
        with self._writing():
            self._db.execute(
                "update objects set attempts = attempts + 1, due = ?, error = ? where key = ?",
                (time.time() + seconds, why[:200], key),
            )

    def attempts(self, key: int) -> int:
        """How often one was put off."""
        with self._lock:
            row = self._db.execute("select attempts from objects where key = ?", (key,))
            return int(row.fetchone()["attempts"])

    def letters(self, most: int) -> list[Letter]:
        """The messages to send next, in the order in which they came."""
        with self._lock:
            rows = self._db.execute(
                "select key, content, address from letters where state = 'waiting' "
                "order by key limit ?",
                (most,),
            ).fetchall()
        return [Letter(row["key"], row["content"], row["address"]) for row in rows]

    def letter_done(self, key: int, refused: str = "") -> None:
        """A message is in the centre's inbox, or it refused it for good."""
        state = "refused" if refused else "sent"
        with self._writing():
            self._db.execute(
                "update letters set state = ?, error = ?, sent = ? where key = ?",
                (state, refused[:200], time.time(), key),
            )

    def tidy(self, before: float, most_bytes: int) -> int:
        """Drop what was delivered before an instant, or is more than `most_bytes`; count it.

        Never what still waits.
        """
        count, held = 0, self._sent_bytes()
        while True:
            with self._writing():
                row = self._db.execute(
                    "select key, digest, size, sent from objects where state = 'sent' "
                    "order by sent limit 1"
                ).fetchone()
                if row is None or (row["sent"] >= before and held <= most_bytes):
                    break
                self._db.execute("delete from objects where key = ?", (row["key"],))
                self._drop_blob(row["digest"])
            held -= row["size"]
            count += 1
        with self._writing():
            self._db.execute("delete from letters where state = 'sent' and sent < ?", (before,))
            self._db.execute("delete from orders where at < ?", (before - 30 * 86400,))
            studies.tidy(self._db)
        return count

    def sweep(self) -> int:
        """Drop blobs that no row names: a crash came before their acknowledgement. At start."""
        with self._lock:
            known = {row["digest"] for row in self._db.execute("select digest from objects")}
        count = 0
        for folder in (self._blobs.root / "blobs").glob("*"):
            for path in folder.iterdir():
                if bytes.fromhex(folder.name + path.name) not in known:
                    path.unlink()
                    count += 1
        return count

    def counts(self) -> dict[str, Any]:
        """What waits, for people: counts, bytes, the oldest, and the newest error."""
        with self._lock:
            rows = self._db.execute(
                "select rank, count(*) as n, sum(size) as bytes, min(received) as oldest "
                "from objects where state = 'waiting' group by rank order by rank"
            ).fetchall()
            letters = self._db.execute(
                "select state, count(*) as n, min(received) as oldest from letters "
                "where state != 'sent' group by state"
            ).fetchall()
            put_off = self._db.execute(
                "select error, count(*) as n from objects where state = 'waiting' "
                "and error != '' group by error order by n desc limit 1"
            ).fetchone()
        waiting = {WORDS[rank]: 0 for rank in (STAT, STAT + 1, ROUTINE)}
        waiting |= {WORDS[row["rank"]]: row["n"] for row in rows}
        by_state = {row["state"]: row for row in letters}
        oldest = [row["oldest"] for row in rows]
        oldest += [by_state["waiting"]["oldest"]] if "waiting" in by_state else []
        return {
            "images": waiting,
            "bytes": sum(row["bytes"] for row in rows),
            "messages": by_state["waiting"]["n"] if "waiting" in by_state else 0,
            "messages_refused": by_state["refused"]["n"] if "refused" in by_state else 0,
            "oldest_seconds": round(time.time() - min(oldest)) if oldest else 0,
            "put_off": put_off["n"] if put_off else 0,
            "put_off_because": put_off["error"] if put_off else "",
        }

    def _sent_bytes(self) -> int:
        with self._lock:
            row = self._db.execute("select sum(size) as n from objects where state = 'sent'")
            return int(row.fetchone()["n"] or 0)

    def _drop_blob(self, digest: bytes) -> None:
        others = self._db.execute("select 1 from objects where digest = ? limit 1", (digest,))
        if others.fetchone() is None:
            path_of(self._blobs.root, digest).unlink(missing_ok=True)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with self._lock:
            self._db.execute("begin immediate")
            try:
                yield
            except BaseException:
                self._db.execute("rollback")
                raise
            self._db.execute("commit")


def _waiting(row: sqlite3.Row) -> Waiting:
    return Waiting(
        row["key"], row["digest"], row["size"], row["sop_class"], row["sop_instance"],
        row["syntax"], row["aet"],
    )  # fmt: skip
