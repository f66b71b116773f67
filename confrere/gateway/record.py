"""What the gateway keeps for downtime, in an SQLite file of its own, synced at each commit.

What the centre last said, who failed to sign in, what is being read, what was signed, and
who did what: a chain of events, each with a MAC over the one before.
"""

import hashlib
import hmac
import json
import secrets
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from confrere.gateway.exams import Mine

_SCHEMA = """
create table if not exists said (name text primary key, content text not null);
create table if not exists failures (
    username text primary key, count integer not null, at real not null
);
create table if not exists holds (
    study_uid text primary key, user text not null, reader text not null, name text not null,
    opened real not null, touched real not null, images integer not null,
    images_at real not null, taken_over text not null default '', signed text not null default ''
);
create table if not exists drafts (
    study_uid text not null, user text not null, sections text not null, at real not null,
    primary key (study_uid, user)
);
create table if not exists signings (
    key text primary key, study_uid text not null, content text not null, at real not null,
    state text not null default 'waiting here', why text not null default ''
);
create table if not exists events (
    seq integer primary key, content text not null, mac blob not null
);
"""
WAITING = "waiting here"  # not "waiting", which the centre says: for its exam
_FORGOTTEN_SECONDS = 90 * 86400  # of what the centre has


class Record:
    """Safe to use from many threads. Times are seconds since 1970."""

    def __init__(self, path: Path, key: bytes) -> None:
        self._key = key
        self._lock = threading.RLock()
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        self._db.execute("pragma journal_mode = wal")
        self._db.execute("pragma synchronous = full")
        self._db.execute("pragma secure_delete = on")
        self._db.executescript(_SCHEMA)
        # tells one record's numbers of events from those of another machine's
        self.chain = str(self.said("chain") or "")
        if not self.chain:
            self.chain = secrets.token_hex(8)
            self.keep_said("chain", self.chain)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """All that is written within becomes durable together, or not at all."""
        with self._lock:
            if self._db.in_transaction:
                yield
                return
            self._db.execute("begin immediate")
            try:
                yield
            except BaseException:
                self._db.execute("rollback")
                raise
            self._db.execute("commit")

    def keep_said(self, name: str, content: object) -> None:
        """Keep something the centre said, by name."""
        with self.writing():
            self._db.execute(
                "insert into said values (?, ?) on conflict (name) do update "
                "set content = excluded.content",
                (name, json.dumps(content)),
            )

    def said(self, name: str) -> Any:
        """What the centre said last; None where it said nothing."""
        with self._lock:
            row = self._db.execute(
                "select content from said where name = ?", (name,)
            ).fetchone()
        return json.loads(row["content"]) if row else None

    def forget_said(self) -> None:
        """Forget who may sign in and what waits at the centre; what was read here stays."""
        with self.writing():
            self._db.execute("delete from said where name in ('standing', 'digest')")

    def failures(self, username: str) -> tuple[int, float]:
        """How often sign-in failed in a row, and when last."""
        with self._lock:
            row = self._db.execute(
                "select count, at from failures where username = ?", (username,)
            ).fetchone()
        return (row["count"], row["at"]) if row else (0, 0.0)

    def note_failure(self, username: str, now: float) -> None:
        """Count one more."""
        with self.writing():
            self._db.execute(
                "insert into failures values (?, 1, ?) on conflict (username) do update "
                "set count = count + 1, at = excluded.at",
                (username, now),
            )

    def clear_failures(self, username: str) -> None:
        """The right password came."""
        with self.writing():
            self._db.execute("delete from failures where username = ?", (username,))

    def held(self) -> dict[str, Mine]:
        """What is being read or was signed here, by study."""
        with self._lock:
            rows = self._db.execute("select * from holds").fetchall()
        return {row["study_uid"]: Mine(**dict(row)) for row in rows}

    def hold(self, one: Mine) -> None:
        """Keep who reads a study."""
        values = tuple(getattr(one, name) for name in Mine.__dataclass_fields__)
        with self.writing():
            self._db.execute(
                "insert or replace into holds values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", values
            )

    def let_go(self, study_uid: str) -> None:
        """Nobody reads it here any more; drafts stay."""
        with self.writing():
            self._db.execute("delete from holds where study_uid = ?", (study_uid,))

    def draft(self, study_uid: str, user: str) -> dict[str, str]:
        """A reader's draft."""
        with self._lock:
            row = self._db.execute(
                "select sections from drafts where study_uid = ? and user = ?",
                (study_uid, user),
            ).fetchone()
        return dict(json.loads(row["sections"])) if row else {}

    def keep_draft(
        self, study_uid: str, user: str, sections: Mapping[str, str], now: float
    ) -> None:
        """Keep a draft."""
        with self.writing():
            self._db.execute(
                "insert or replace into drafts values (?, ?, ?, ?)",
                (study_uid, user, json.dumps(sections), now),
            )
            self._db.execute(
                "update holds set touched = ? where study_uid = ? and user = ?",
                (now, study_uid, user),
            )

    def sign(self, key: str, study_uid: str, content: Mapping[str, Any], now: float) -> None:
        """Keep what was signed; it is never changed."""
        with self.writing():
            self._db.execute(
                "insert into signings (key, study_uid, content, at) values (?, ?, ?, ?)",
                (key, study_uid, json.dumps(content), now),
            )
            self._db.execute(
                "update holds set signed = ?, touched = ? where study_uid = ?",
                (content["kind"], now, study_uid),
            )

    def signings(self, study_uid: str) -> list[dict[str, Any]]:
        """What was signed of a study, the first first, and what became of each."""
        with self._lock:
            rows = self._db.execute(
                "select content, state, why from signings where study_uid = ? order by at",
                (study_uid,),
            ).fetchall()
        return [
            {**json.loads(row["content"]), "state": row["state"], "why": row["why"]}
            for row in rows
        ]

    def unsent(self, most: int) -> list[dict[str, Any]]:
        """What was signed and is not at the centre yet, the first first."""
        with self._lock:
            rows = self._db.execute(
                "select content from signings where state = ? order by at limit ?",
                (WAITING, most),
            ).fetchall()
        return [json.loads(row["content"]) for row in rows]

    def unsent_count(self) -> int:
        """How many those are."""
        with self._lock:
            row = self._db.execute(
                "select count(*) as n from signings where state = ?", (WAITING,)
            )
            return int(row.fetchone()["n"])

    def refused_count(self) -> int:
        """How many signatures the centre refused for good; they are kept here."""
        with self._lock:
            row = self._db.execute("select count(*) as n from signings where state = 'refused'")
            return int(row.fetchone()["n"])

    def settled(self, key: str, state: str, why: str) -> None:
        """The centre has it, or refused it: it is not sent again."""
        with self.writing():
            self._db.execute(
                "update signings set state = ?, why = ? where key = ?",
                (state, why[:300], key),
            )

    def note(self, event: Mapping[str, Any]) -> None:
        """Add an event to the chain; where it can't be kept, what it tells of must not be."""
        with self.writing():
            seq, before = self._last()
            content = json.dumps(event, sort_keys=True)
            mac = _mac(self._key, before, seq + 1, content)
            self._db.execute("insert into events values (?, ?, ?)", (seq + 1, content, mac))

    def events(self, after: int, most: int) -> list[dict[str, Any]]:
        """The events after a number, in their order."""
        with self._lock:
            rows = self._db.execute(
                "select seq, content from events where seq > ? order by seq limit ?",
                (after, most),
            ).fetchall()
        return [{**json.loads(row["content"]), "seq": row["seq"]} for row in rows]

    def first_bad(self) -> int:
        """Walk the chain; the number of the first event that does not follow, 0 where all do."""
        with self._lock:
            rows: Sequence[sqlite3.Row] = self._db.execute(
                "select seq, content, mac from events order by seq"
            ).fetchall()
        before, expected = b"", rows[0]["seq"] if rows else 1
        for row in rows:
            right = _mac(self._key, before, row["seq"], row["content"])
            follows = row["seq"] == expected
            if before and not (follows and hmac.compare_digest(right, row["mac"])):
                return int(row["seq"])
            if not before and row["seq"] == 1 and not hmac.compare_digest(right, row["mac"]):
                return 1
            before, expected = row["mac"], row["seq"] + 1
        return 0

    def tidy(self, audited_to: int) -> None:
        """Forget what the centre has since long."""
        before = time.time() - _FORGOTTEN_SECONDS
        with self.writing():
            old = "select study_uid from holds where signed = 'final' and touched < ?"
            gone = [row["study_uid"] for row in self._db.execute(old, (before,))]
            for uid in gone:
                self._db.execute("delete from drafts where study_uid = ?", (uid,))
                self._db.execute(
                    "delete from signings where study_uid = ? and state != ?", (uid, WAITING)
                )
                self._db.execute("delete from holds where study_uid = ?", (uid,))
            self._db.execute("delete from events where seq <= ?", (audited_to - 10_000,))

    def _last(self) -> tuple[int, bytes]:
        row = self._db.execute("select seq, mac from events order by seq desc limit 1")
        last = row.fetchone()
        return (last["seq"], last["mac"]) if last else (0, b"")


def _mac(key: bytes, before: bytes, seq: int, content: str) -> bytes:
    return hmac.digest(key, before + seq.to_bytes(8, "big") + content.encode(), hashlib.sha256)
