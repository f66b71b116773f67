"""Remove images whose retention is over: one person proposes, another approves, then a wait.

Only where Confrere is the site's declared archive; elsewhere images are a cache, and the
record is the PACS's to keep. Each study is judged again at the moment it is removed. The
caller owns the transaction.
"""

import hashlib
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from confrere.imaging import keeping as imaging
from confrere.imaging.kept import AWAY, REMOVED, Kept, Stored
from confrere.keeping import service, store_deletions
from confrere.keeping.model import (
    APPROVED,
    EXECUTED,
    GONE,
    LISTED,
    REFUSED,
    SPARED,
    WAITS,
    WITHDRAWN,
    By,
    Certificate,
    Deletion,
    Line,
    may_decide,
    may_undo,
    said,
)
from confrere.keeping.retention import Due, Rule, Subject, after, due, least
from confrere.kernel.errors import Invalid, NotFound, Refused
from confrere.kernel.ids import GroupId, StudyId
from confrere.network import service as network
from confrere.network import serving
from confrere.network.model import Site

LONGEST = 500  # studies on one list: a person reads it
PAGE = 500


def due_now(
    conn: Connection, site: Site, now: datetime, most: int = LONGEST
) -> list[tuple[Kept, Due]]:
    """A site's studies whose retention is over, oldest first; none while it has its own archive."""
    if not serving.is_archive(conn, site.id):
        return []
    rules = service.rules(conn, site.owner_group)
    today = now.astimezone(ZoneInfo(site.time_zone)).date()
    years = least(rules, site.id, site.state, today)
    if years is None:
        return []
    holds, found = service.held(conn), list[tuple[Kept, Due]]()
    before, place = f"{_years_ago(today, years):%Y%m%d}", imaging.START
    while page := imaging.of_period(conn, site.id, before, PAGE, place):
        for one in page:
            ends = _judge(conn, one, site, rules, today)
            if ends and ends.on <= today and not holds.cover(one.study, one.patient):
                found.append((one, ends))
        if len(found) >= most:
            break
        place = (page[-1].study_date, str(page[-1].study))
    return found[:most]


def propose(conn: Connection, site: Site, reason: str, by: By, now: datetime) -> Deletion:
    """List what is due at a site, for another person to approve.

    Raises Refused where Confrere is not the site's archive, Invalid when nothing is due.
    """
    if not serving.is_archive(conn, site.id):
        raise Refused(
            "the site's own PACS is its archive: images here are a cache with a lifetime, and "
            "nothing is removed by retention"
        )
    why = said(reason)
    found = due_now(conn, site, now)
    listed = store_deletions.on_open_lists(conn, [one.study for one, _ in found])
    new = [(one, ends) for one, ends in found if one.study not in listed]
    if not new:
        raise Invalid("nothing more is due at this site", "site")
    return store_deletions.add(
        conn,
        {
            "owner_group": site.owner_group, "site_id": site.id, "reason": why,
            "proposed_by": by.name, "proposed_by_user": by.user, "proposed_at": now,
        },
        [_line(conn, one, ends) for one, ends in new],
    )  # fmt: skip


def approve(conn: Connection, key: UUID, reason: str, by: By, now: datetime) -> Deletion:
    """Another person approves: after the waiting time the images are removed."""
    found = get(conn, key)
    may_decide(found, by)
    _decide(conn, found, APPROVED, said(reason), by, now, now + WAITS)
    return get(conn, key)


def refuse(conn: Connection, key: UUID, reason: str, by: By, now: datetime) -> Deletion:
    """Another person says no: nothing of the list is removed."""
    found = get(conn, key)
    may_decide(found, by)
    _decide(conn, found, REFUSED, said(reason), by, now, None)
    return get(conn, key)


def undo(conn: Connection, key: UUID, reason: str, by: By, now: datetime) -> Deletion:
    """Withdraw a list before it is executed; anyone who may decide may do that."""
    found = get(conn, key)
    may_undo(found)
    _decide(conn, found, WITHDRAWN, said(reason), by, now, None)
    return get(conn, key)


def get(conn: Connection, key: UUID) -> Deletion:
    """One list, locked; raises NotFound."""
    found = store_deletions.get(conn, key)
    if found is None:
        raise NotFound("no such list of your group; reload the page")
    return found


def listed(conn: Connection, owners: Sequence[GroupId]) -> list[Deletion]:
    """The groups' lists, newest first."""
    return store_deletions.listed(conn, owners)


def lines(conn: Connection, key: UUID, *, left: bool = False) -> list[Line]:
    """The studies of a list; `left`: those that are still to be removed."""
    return store_deletions.lines(conn, key, LISTED if left else None)


def certificates(conn: Connection, key: UUID) -> list[Certificate]:
    """What was removed by a list."""
    return store_deletions.certificates(conn, key)


def ripe(conn: Connection, now: datetime) -> list[Deletion]:
    """Approved lists whose waiting time is over."""
    return store_deletions.due(conn, now)


def execute(conn: Connection, found: Deletion, line: Line, now: datetime) -> list[Stored]:
    """Remove one study of an approved list, with a certificate; return what its bytes were.

    It is spared, with the reason, where a hold, a rule or the archive's declaration says
    otherwise by now. The bytes are the caller's to remove once this is committed.
    """
    study = imaging.kept(conn, [line.study]).get(line.study)
    spared = _spared(conn, found, study, now)
    if spared or study is None:
        store_deletions.settle(conn, line.id, SPARED, spared)
        return []
    removed = imaging.empty(conn, study, f"retention is over: {line.source}", now)
    store_deletions.certify(conn, Certificate(
        found.owner_group, found.site, found.id, study.study, study.study_uid,
        study.study_date, study.modalities, study.patient, len(removed),
        sum(one.size for one in removed), _hash(removed), line.rule, line.words, line.source,
        line.due_on, found.proposed_by, found.decided_by, now,
    ))  # fmt: skip
    store_deletions.settle(conn, line.id, GONE, "")
    return removed


def finish(conn: Connection, found: Deletion, now: datetime) -> None:
    """All lines of a list are settled."""
    store_deletions.change(conn, found.id, {"state": EXECUTED, "executed_at": now})


def _spared(conn: Connection, found: Deletion, study: Kept | None, now: datetime) -> str:
    """Why a study is not removed after all; empty when it is."""
    if study is None or study.place in (AWAY, REMOVED):
        return "its images are not here any more"
    site = network.site(conn, found.site)
    if not serving.is_archive(conn, site.id):
        return "Confrere is no longer the site's archive"
    if service.held(conn).cover(study.study, study.patient):
        return "on legal hold"
    today = now.astimezone(ZoneInfo(site.time_zone)).date()
    ends = _judge(conn, study, site, service.rules(conn, site.owner_group), today)
    if ends is None or ends.on > today:
        return f"a rule asks for longer now: {ends.rule.source}" if ends else "no rule ends it"
    return ""


def _judge(
    conn: Connection, one: Kept, site: Site, rules: Sequence[Rule], today: date
) -> Due | None:
    made = day(one.study_date)
    if made is None:
        return None
    return due(Subject(
        made, day(one.birth_date), one.modalities, site.id, site.state,
        lambda modality: imaging.has_later(conn, one, modality),
    ), rules, today)  # fmt: skip


def _line(conn: Connection, one: Kept, ends: Due) -> dict[str, object]:
    images = imaging.stored(conn, one.study)
    return {
        "study_id": one.study, "rule": ends.rule.code, "words": ends.rule.words,
        "source": ends.rule.source, "due_on": ends.on, "images": len(images),
        "bytes": sum(image.size for image in images),
    }  # fmt: skip


def _decide(
    conn: Connection, found: Deletion, state: str, why: str, by: By, now: datetime,
    waits: datetime | None,
) -> None:  # fmt: skip
    store_deletions.change(conn, found.id, {
        "state": state, "decided_by": by.name, "decided_by_user": by.user, "decided_at": now,
        "decided_because": why, "waits_until": waits,
    })  # fmt: skip


def _hash(removed: Sequence[Stored]) -> bytes:
    found = hashlib.sha256()
    for one in removed:
        found.update(one.sop_uid.encode() + b"\0" + one.digest)
    return found.digest()


def _years_ago(today: date, years: int) -> date:
    return after(today, -years) + timedelta(days=1)


def day(text: str) -> date | None:
    """Read a DA value; None when it is not one."""
    try:
        return datetime.strptime(text, "%Y%m%d").replace(tzinfo=UTC).date()
    except ValueError:
        return None


def study_ids(found: Sequence[Line]) -> list[StudyId]:
    """The studies of lines."""
    return [one.study for one in found]
