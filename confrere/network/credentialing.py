"""Record, renew, end and prove credentials; remind of what ends. The caller owns the transaction.

Nothing is overwritten: what is replaced or withdrawn keeps its row, with when and why it ended.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import Connection

from confrere.files.folder import BlobStore
from confrere.kernel.errors import Conflict, Invalid, NotFound
from confrere.kernel.ids import GroupId, ReaderId, SiteId
from confrere.network import store, store_credentials
from confrere.network.credentials import EXCLUSIONS, Exclusion, day_of
from confrere.network.facts import check, kind_of, same_thing
from confrere.network.importing import Plan
from confrere.network.kinds import Fact
from confrere.network.records import (
    MOST_BYTES,
    THRESHOLDS,
    Credential,
    Document,
    Recorded,
    Reminder,
    media_type_of,
    takes_over_at_once,
    threshold_of,
)
from confrere.network.rules import CODES, Rule

LONGEST_NAME = 120


def held(
    conn: Connection, reader: ReaderId | None, site: SiteId | None = None, *,
    ended: bool = False,
) -> list[Credential]:  # fmt: skip
    """A reader's credentials, or a site's own; with `ended` those of the past, too."""
    return store_credentials.of_subject(conn, reader, site, ended=ended)


def get(conn: Connection, credential: UUID) -> Credential:
    """One credential; NotFound."""
    found = store_credentials.get(conn, credential)
    if found is None:
        raise NotFound("no such credential")
    return found


def group_of(conn: Connection, one: Credential, at: datetime) -> GroupId:
    """Whose credential it is: the reader's group, or the site's owner."""
    if one.reader is not None:
        return store.readers(conn, at, [one.reader])[0].group
    return store.sites(conn, one.site)[0].owner_group


def record(
    conn: Connection, reader: ReaderId | None, site: SiteId | None, fact: Fact,
    recorded: Recorded,
) -> UUID:  # fmt: skip
    """Record a fact about a reader, or about a site itself.

    Raises Invalid where it is not sound, Conflict where the very same is on record.
    """
    check(fact)
    if any(one.fact == fact for one in held(conn, reader, site)):
        raise Conflict("this is on record already, with the same dates")
    return store_credentials.add(conn, [(reader, site, fact, None)], recorded)[0]


def renew(conn: Connection, credential: UUID, fact: Fact, recorded: Recorded) -> UUID:
    """Record what follows a credential: its next term, or its correction.

    The old one ends at once where the new one serves from today; a term that begins later
    leaves the present one to its last day. Raises Conflict when somebody ended or renewed it.
    """
    old, now = get(conn, credential), _when(recorded)
    check(fact)
    if kind_of(fact) is not old.kind:
        raise Invalid("a credential is renewed by one of its own kind", "kind")
    if fact == old.fact:
        raise Invalid("nothing was changed: give the new dates", "valid_to")
    if old.ended_at is not None:
        raise Conflict("this credential was ended or renewed meanwhile: reload the page")
    if takes_over_at_once(fact, old.fact, day_of(now)) and not store_credentials.end(
        conn, [old.id], "renewed", now
    ):
        raise Conflict("this credential was ended or renewed meanwhile: reload the page")
    return store_credentials.add(conn, [(old.reader, old.site, fact, old.id)], recorded)[0]


def end(conn: Connection, credential: UUID, because: str, recorded: Recorded) -> Credential:
    """Withdraw a credential from now on; what was read under it stays proven."""
    if not because.strip():
        raise Invalid("say why it ends", "because")
    found = get(conn, credential)
    if not store_credentials.end(conn, [credential], because.strip(), _when(recorded)):
        raise Conflict("this credential is ended already")
    return found


def _when(recorded: Recorded) -> datetime:
    if recorded.at is None:
        raise ValueError("a change has its instant")
    return recorded.at


def attach(
    conn: Connection, blobs: BlobStore, credential: UUID, name: str, content: bytes,
    recorded: Recorded,
) -> Document:  # fmt: skip
    """Keep a paper that proves a reader's credential; its type is told by its bytes.

    Raises Invalid for what is no PDF, PNG or JPEG, whatever it is called, and for too large a
    file.
    """
    found = get(conn, credential)
    if found.reader is None:
        raise Invalid("documents are attached to a reader's credential", "document")
    if not content or len(content) > MOST_BYTES:
        raise Invalid(f"a document has 1 byte to {MOST_BYTES >> 20} MB", "document")
    told = media_type_of(content[:16])
    if told is None:
        raise Invalid("attach a PDF, PNG or JPEG file; this is none of them", "document")
    media_type, ending = told
    stem = "".join(c for c in name.rsplit(".", 1)[0] if c.isalnum() or c in " -_.").strip()
    owner, at = group_of(conn, found, _when(recorded)), _when(recorded)
    shown = f"{stem[:LONGEST_NAME] or 'document'}.{ending}"
    digest = blobs.put(content)
    values = {
        "owner_group": owner, "reader_id": found.reader, "credential_id": credential,
        "name": shown, "media_type": media_type, "size": len(content), "digest": digest,
        "added_at": at, "added_by": recorded.by,
    }  # fmt: skip
    made = store_credentials.add_document(conn, values)
    return Document(
        made, owner, found.reader, credential, shown, media_type, len(content), digest, at,
        recorded.by,
    )  # fmt: skip


def documents(conn: Connection, reader: ReaderId) -> list[Document]:
    """A reader's documents, newest first, as far as the caller may see them."""
    return store_credentials.documents(conn, reader)


def document(conn: Connection, document_id: UUID) -> Document:
    """One document; NotFound, also when it is another group's."""
    found = store_credentials.document(conn, document_id)
    if found is None:
        raise NotFound("no such document")
    return found


def expiring(
    conn: Connection, groups: Sequence[GroupId] | None, today: date, days: int = THRESHOLDS[0]
) -> list[Credential]:
    """What ends within some days or has lapsed, and was not renewed; None: of all groups."""
    return store_credentials.ending(conn, today + timedelta(days=days), groups)


def remind(conn: Connection, now: datetime) -> int:
    """Note what came to 90, 30 or 7 days before its end, or lapsed: once each. Say how many.

    Run by the worker as the system role. A credential that was recorded late gets only the
    threshold it stands at.
    """
    groups = {one.id: one.group for one in store.readers(conn, now)}
    owners = {one.id: one.owner_group for one in store.sites(conn)}
    rows = []
    for one in expiring(conn, None, day_of(now)):
        threshold = threshold_of(one, day_of(now))
        if threshold is None:
            continue
        owner = groups[one.reader] if one.reader else owners[one.site] if one.site else None
        rows.append({
            "owner_group": owner, "credential_id": one.id, "reader_id": one.reader,
            "threshold": threshold, "made_at": now,
        })  # fmt: skip
    return store_credentials.add_reminders(conn, rows)


def reminders(conn: Connection) -> list[Reminder]:
    """The caller's groups' reminders that nobody has seen."""
    return store_credentials.reminders(conn)


def see_reminder(conn: Connection, reminder: UUID, by: str, now: datetime) -> None:
    """Take a reminder off the list; NotFound when it is another group's."""
    if not store_credentials.see_reminder(conn, reminder, by, now):
        raise NotFound("no such reminder among yours")


def exclude(conn: Connection, owner: GroupId, made: Exclusion, recorded: Recorded) -> UUID:
    """Keep a reader from a patient's or a site's exams, from now on."""
    if made.kind not in EXCLUSIONS:
        raise Invalid(f"the reason must be one of {', '.join(EXCLUSIONS)}", "kind")
    if (made.patient is None) == (made.site is None):
        raise Invalid("name the patient or the site", "site")
    if made.valid_from and made.valid_to and made.valid_to < made.valid_from:
        raise Invalid("the exclusion ends before it starts", "valid_to")
    reader = store.readers(conn, _when(recorded), [made.reader])
    if not reader:
        raise NotFound("no such reader")
    return store_credentials.add_exclusion(conn, owner, reader[0].group, made, recorded)


def exclusions(
    conn: Connection, reader: ReaderId | None = None
) -> list[tuple[UUID, Exclusion]]:
    """What keeps readers from patients and sites, with ids, as far as the caller may see."""
    return store_credentials.standing_exclusions(conn, reader)


def end_exclusion(conn: Connection, exclusion: UUID, now: datetime) -> None:
    """Withdraw an exclusion; NotFound when it is not the caller's group's."""
    if not store_credentials.end_exclusion(conn, exclusion, now):
        raise NotFound("no such exclusion of your group")


def change_rule(conn: Connection, rule: Rule, recorded: Recorded) -> None:
    """Change what a rule cites, who owns it, and when it is in force; its past is kept."""
    if rule.code not in CODES:
        raise NotFound("no such rule")
    if not rule.cites.strip() or not rule.owner.strip():
        raise Invalid("a rule names its source and its owner", "cites")
    if rule.effective_to is not None and rule.effective_to < rule.effective_from:
        raise Invalid("the rule ends before it starts", "effective_to")
    tidy = replace(rule, cites=rule.cites.strip(), owner=rule.owner.strip())
    store_credentials.change_rule(conn, tidy, recorded)


def carry_out(conn: Connection, plan: Plan, recorded: Recorded) -> int:
    """Record all facts of an import, or none; say how many were new.

    Raises Invalid when the plan has problems: nothing is half imported.
    """
    if plan.problems:
        raise Invalid("correct the file first: nothing was imported", "file")
    now, today, added = _when(recorded), day_of(_when(recorded)), []
    known: dict[UUID | None, list[Credential]] = {}
    ending: list[UUID] = []
    for row in plan.rows:
        whose = row.reader or row.site
        if whose not in known:
            known[whose] = held(conn, row.reader, row.site)
        if any(one.fact == row.fact for one in known[whose]):
            continue
        old = next((one for one in known[whose] if same_thing(one.fact, row.fact)), None)
        if old and takes_over_at_once(row.fact, old.fact, today):
            ending.append(old.id)
            known[whose].remove(old)
        added.append((row.reader, row.site, row.fact, old.id if old else None))
    store_credentials.end(conn, ending, "renewed by import", now)
    return len(store_credentials.add(conn, added, recorded))
