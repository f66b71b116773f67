"""Exams that are read at a site's gateway while the centre cannot be reached.

The caller owns the transaction. Whether a read is entered is decided above, in `reading`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy import Connection

from confrere.jobs import events
from confrere.kernel.errors import Conflict, DomainError
from confrere.kernel.ids import ItemId, SiteId, StudyId
from confrere.network.model import Directory, Reader, Site
from confrere.orders.priorities import due
from confrere.worklist import claims, store
from confrere.worklist.case import case_in
from confrere.worklist.eligibility import agreement_used, eligibility, is_eligible
from confrere.worklist.model import DOWNTIME, READ, Item, ItemFinished, Proof, State
from confrere.worklist.tables import items

ACT = "sign in downtime"
AT_GATEWAY = "last image at the gateway"
MOST = 3000


@dataclass(frozen=True, slots=True)
class Times:
    """When an exam was opened and signed at a gateway, and when its last image had come there."""

    opened_at: datetime
    signed_at: datetime
    images_at: datetime | None


def of_site(conn: Connection, site: SiteId, since: datetime) -> list[Item]:
    """A site's exams that are open, or were finished since; the newest first."""
    query = (
        sa.select(items.c.id)
        .where(
            items.c.site_id == site, items.c.kind == READ,
            sa.or_(items.c.finished_at.is_(None), items.c.finished_at > since),
        )
        .order_by(items.c.created_at.desc())
        .limit(MOST)
    )  # fmt: skip
    return store.get(conn, [ItemId(one) for one in conn.execute(query).scalars()])


def judge(
    conn: Connection, item: Item, reader: Reader, directory: Directory, times: Times, kind: str
) -> list[str]:
    """Judge a reader for what they signed at a gateway, keep the proof; say what stands against it.

    That the exam is outside what the reader usually reads does not: nobody else was there.
    """
    case = case_in(directory, item, reader, times.signed_at, kind)
    judged = eligibility(case)
    store.add_proofs(conn, [Proof(
        item.id, reader.id, reader.group, ACT, is_eligible(judged), agreement_used(case),
        judged, times.signed_at, directory.version,
    )])  # fmt: skip
    return [f"{v.rule}: {v.because}" for v in judged if not v.holds and v.rule != "SCOPE"]


def finish(
    conn: Connection, item: Item, reader: Reader, site: Site, times: Times, now: datetime
) -> Item:
    """Close an exam that was read at a gateway, with its true times; publishes ItemFinished.

    Conflict when it was closed meanwhile.
    """
    done = store.change(
        conn, item.id,
        {
            "state": State.FINAL, "finished_at": times.signed_at, "finished_by": reader.id,
            "finished_group": reader.group, "held_by": None, "held_name": "",
            "hold_token": None, "lease_until": None, "held_at": times.opened_at,
            "flags": _plain(item), "updated_at": now, **_clock(item, site, times),
        },
        items.c.finished_at.is_(None),
    )  # fmt: skip
    if done is None:
        raise Conflict("this exam was closed a moment ago: reload the page")
    events.publish(conn, ItemFinished(done.owner_group, done.id, State.FINAL.value, now))
    return done


def note_preliminary(
    conn: Connection, item: Item, reader: Reader, site: Site, times: Times, now: datetime,
    lease: timedelta,
) -> Item:  # fmt: skip
    """Mark that a preliminary report was signed at a gateway; its reader has the exam."""
    done = store.change(
        conn, item.id,
        {
            "state": State.PRELIMINARY, "held_by": reader.id, "held_group": reader.group,
            "held_name": reader.name, "hold_token": sa.func.gen_random_uuid(),
            "held_at": times.opened_at, "lease_until": now + lease,
            "preliminary_at": item.preliminary_at or times.signed_at,
            "flags": _plain(item), "updated_at": now, **_clock(item, site, times),
        },
        items.c.finished_at.is_(None),
    )  # fmt: skip
    if done is None:
        raise Conflict("this exam was closed a moment ago: reload the page")
    return done


def mark(conn: Connection, item: Item, now: datetime, *, on: bool) -> None:
    """Show on the exam, or no more, that it was also read in downtime and a person must look."""
    flags = [*_plain(item), DOWNTIME] if on else _plain(item)
    if flags != list(item.flags):
        store.change(conn, item.id, {"flags": flags, "updated_at": now})


def hold(
    conn: Connection, found: Sequence[Item], reader: Reader, directory: Directory,
    now: datetime, lease: timedelta,
) -> str:  # fmt: skip
    """Hold an exam for who has begun it at a gateway; say why not, empty where it is held."""
    open_ones = [one for one in found if one.finished_at is None and one.kind == READ]
    if not open_ones:
        return "the centre has read it" if found else "the centre does not know it yet"
    try:
        with conn.begin_nested():
            claims.claim(conn, open_ones[0], reader, directory, now, lease)
    except DomainError as error:
        return str(error)
    return ""


def attach(conn: Connection, item: ItemId, study: StudyId, count: int) -> None:
    """Tie a finished exam to its images, which came after its report."""
    store.change(
        conn, item, {"study_id": study, "image_count": count}, items.c.study_id.is_(None)
    )


def _plain(item: Item) -> list[str]:
    return [one for one in item.flags if one != DOWNTIME]


def _clock(item: Item, site: Site, times: Times) -> dict[str, object]:
    """Start the clock when the images were at the gateway, where it says they came later here."""
    at = times.images_at
    if at is None or (item.clock_at is not None and item.clock_at <= times.opened_at):
        return {}
    return {
        "clock_at": at, "clock_source": AT_GATEWAY,
        "due_at": due(at, item.priority, site.targets),
    }  # fmt: skip
