"""Keep files of earlier reports and the reports in them. The caller owns the transaction.

An earlier report is a prior and nothing else: no event tells of it, so that no item, no
charge and no turnaround follows from it.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection

from confrere.jobs import events
from confrere.kernel.errors import NotFound
from confrere.kernel.ids import GroupId, OrderId, PatientId, SiteId
from confrere.reading import store, store_backloads
from confrere.reading.backload_rows import PriorRow, Problem
from confrere.reading.backloads import (
    CHECK_TASK,
    CHECKING,
    LOAD_TASK,
    Backload,
    Tally,
)
from confrere.reading.model import ELSEWHERE, FINAL
from confrere.reading.tables import reports

MOST_LISTED = 50


def take(
    conn: Connection, owner: GroupId, site: SiteId, form: str, name: str, digest: bytes,
    size: int, by: str, now: datetime,
) -> Backload:  # fmt: skip
    """Register a file whose bytes are in the blob store; the same file again is the same."""
    return store_backloads.add(conn, {
        "owner_group": owner, "site_id": site, "form": form, "name": name[:200],
        "digest": digest, "size": size, "state": CHECKING, "asked_by": by,
        "created_at": now, "updated_at": now,
    })  # fmt: skip


def queue_check(conn: Connection, backload: Backload) -> None:
    """Let the worker try every row without writing any."""
    events.defer(
        conn, CHECK_TASK, once=f"backload:{backload.id}", queue=events.LONG,
        backload_id=backload.id,
    )  # fmt: skip


def go_on(conn: Connection, key: UUID, now: datetime) -> Backload:
    """Queue the loading of a checked file, or of one that was stopped, from where it stood."""
    made = begin(conn, key, now)
    events.defer(conn, LOAD_TASK, once=f"backload:{key}", queue=events.LONG, backload_id=key)
    return made


def begin(conn: Connection, key: UUID, now: datetime) -> Backload:
    """Let a file be loaded by the caller; Conflict where its state forbids it."""
    found = get(conn, key, lock=True)
    values: dict[str, object] = {"state": found.begin(), "updated_at": now}
    if found.state != "stopped":
        values |= {"done": 0, "added": 0, "same": 0, "failed": 0, "untyped": 0}
        store_backloads.forget_problems(conn, key)
    return store_backloads.change(conn, key, values)


def stop(conn: Connection, key: UUID, now: datetime) -> Backload:
    """Stop loading after the rows at hand; what is loaded stays."""
    found = get(conn, key, lock=True)
    return store_backloads.change(conn, key, {"state": found.stop(), "updated_at": now})


def restart_check(conn: Connection, key: UUID, rows: int, now: datetime) -> Backload:
    """Begin a dry run."""
    store_backloads.forget_problems(conn, key)
    return store_backloads.change(conn, key, {
        "state": CHECKING, "rows": rows, "done": 0, "added": 0, "same": 0, "failed": 0,
        "untyped": 0, "updated_at": now,
    })  # fmt: skip


def note_progress(
    conn: Connection, key: UUID, rows: int, tally: Tally, problems: Sequence[Problem],
    now: datetime,
) -> Backload:  # fmt: skip
    """Add what became of the next `rows` rows; with them in one transaction, so none twice."""
    found = get(conn, key, lock=True)
    store_backloads.add_problems(conn, found, problems)
    return store_backloads.change(conn, key, {
        "done": found.done + rows, "added": found.added + tally.added,
        "same": found.same + tally.same, "failed": found.failed + tally.failed,
        "untyped": found.untyped + tally.untyped, "updated_at": now,
    })  # fmt: skip


def set_state(conn: Connection, key: UUID, state: str, now: datetime) -> Backload:
    """Write the state of a file."""
    return store_backloads.change(conn, key, {"state": state, "updated_at": now})


def get(conn: Connection, key: UUID, *, lock: bool = False) -> Backload:
    """One file; NotFound, also when it is another group's."""
    found = store_backloads.get(conn, key, lock=lock)
    if found is None:
        raise NotFound("no such file of reports")
    return found


def listed(conn: Connection) -> list[Backload]:
    """The newest files."""
    return store_backloads.listed(conn, MOST_LISTED)


def problems(conn: Connection, key: UUID, limit: int) -> list[Problem]:
    """What was wrong with a file's rows."""
    return store_backloads.problems(conn, key, limit)


def is_here(conn: Connection, owner: GroupId, order: OrderId) -> bool:
    """Say whether an order has a signed report: a backloaded one adds nothing to it."""
    asked = [
        reports.c.owner_group == owner, reports.c.order_ids.overlap([order]),
        reports.c.state == FINAL,
    ]  # fmt: skip
    return bool(store.search(conn, asked, 1))


def add(
    conn: Connection, backload: Backload, patient: PatientId, order: OrderId, row: PriorRow,
    now: datetime,
) -> None:  # fmt: skip
    """Keep one earlier report; nothing is told of it."""
    made = store.add(conn, {
        "owner_group": backload.owner_group, "reader_group": None, "item_id": None,
        "site_id": backload.site, "patient_id": patient, "study_id": None,
        "order_ids": [order], "author_name": row.signed_by, "origin": ELSEWHERE,
        "state": FINAL, "title": row.procedure, "draft": {}, "exam_at": row.exam_at,
        "final_at": row.signed_at, "updated_at": now, "backload_id": backload.id,
    })  # fmt: skip
    store.add_version(conn, made, {
        "kind": FINAL, "sections": {}, "text": row.text, "signer_id": None,
        "signer_name": row.signed_by, "signed_at": row.signed_at,
    })  # fmt: skip
