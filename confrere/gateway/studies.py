"""SQL of what readers see in downtime: studies by their images' heads, and orders.

Each function runs under the queue's lock; what writes, in the queue's transaction, so that an
image is known to its exam when it is acknowledged, at no sync of its own.
"""

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from confrere.gateway.model import Image, Ordered, Seen, Study

_TABLE = """
create table if not exists studies (
    uid text primary key, told text not null, rank integer not null, count integer not null,
    first real not null, last real not null
);
"""
# of `objects`: added to a record that an earlier version made
_COLUMNS = {
    "study": "text not null default ''", "series": "text not null default ''",
    "series_number": "integer not null default 0", "number": "integer not null default 0",
    "frames": "integer not null default 1", "series_told": "text not null default ''",
}  # fmt: skip
_OF_IMAGE = ("series_uid", "series_number", "number", "frames", "series")


def prepare(db: sqlite3.Connection) -> None:
    """Make the table, and add what an older record lacks."""
    db.executescript(_TABLE)
    for table, columns in (
        ("objects", _COLUMNS),
        ("orders", {"told": "text not null default ''"}),
    ):
        known = {row["name"] for row in db.execute(f"pragma table_info({table})")}
        for name, kind in columns.items():
            if name not in known:
                db.execute(f"alter table {table} add column {name} {kind}")
    db.execute("create index if not exists objects_study on objects (study)")


def note(db: sqlite3.Connection, key: int, seen: Seen, rank: int, now: float) -> None:
    """Note an image that was just added as the object `key`."""
    db.execute(
        "update objects set study = ?, series = ?, series_number = ?, number = ?, frames = ?, "
        "series_told = ? where key = ?",
        (
            seen.study_uid, seen.series_uid, seen.series_number, seen.number, seen.frames,
            seen.series, key,
        ),
    )  # fmt: skip
    told = {n: v for n, v in asdict(seen).items() if n not in _OF_IMAGE}
    db.execute(
        "insert into studies values (?, ?, ?, 1, ?, ?) on conflict (uid) do update set "
        "count = count + 1, last = excluded.last, rank = min(rank, excluded.rank), "
        "told = case when json_extract(told, '$.modality') in ('SR', 'PR', 'KO') "
        "then excluded.told else told end",
        (seen.study_uid, json.dumps(told), rank, now, now),
    )


def note_order(db: sqlite3.Connection, one: Ordered, now: float) -> None:
    """Note an order, or what a later message says of it."""
    db.execute(
        "insert into orders (accession, rank, at, told) values (?, ?, ?, ?) "
        "on conflict (accession) do update set rank = excluded.rank, at = excluded.at, "
        "told = excluded.told",
        (one.accession, one.rank, now, json.dumps(asdict(one))),
    )


def listed(db: sqlite3.Connection) -> list[Study]:
    """All studies, the one that came first first."""
    return [_study(row) for row in db.execute("select * from studies order by first, uid")]


def get(db: sqlite3.Connection, uid: str) -> Study | None:
    """One study."""
    row = db.execute("select * from studies where uid = ?", (uid,)).fetchone()
    return _study(row) if row else None


def orders(db: sqlite3.Connection) -> list[Ordered]:
    """The orders that can be told of, newest first."""
    rows = db.execute("select told from orders where told != '' order by at desc limit 5000")
    return [Ordered(**json.loads(row["told"])) for row in rows]


def images(db: sqlite3.Connection, uid: str) -> list[Image]:
    """A study's images, by series and number."""
    rows = db.execute(
        "select digest, syntax, series, series_told, number, frames from objects "
        "where study = ? order by series_number, series, number, key",
        (uid,),
    )
    return [
        Image(r["digest"], r["syntax"], r["series"], r["series_told"], r["number"], r["frames"])
        for r in rows
    ]


def tidy(db: sqlite3.Connection) -> None:
    """Forget studies of which nothing is here any more."""
    db.execute("delete from studies where not exists (select 1 from objects where study = uid)")


def _study(row: sqlite3.Row) -> Study:
    told: Mapping[str, Any] = json.loads(row["told"])
    return Study(
        row["uid"], told["accession"], told["mrn"], told["patient_name"], told["birth_date"],
        told["sex"], told["modality"], told["description"], row["rank"], row["count"],
        row["first"], row["last"],
    )  # fmt: skip
