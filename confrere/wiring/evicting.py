"""Empty the cache: where a site's PACS is its archive, images leave after their lifetime.

Never what is still to be read or sent, what is on legal hold, what was corrected or rejected
here (its holders, the PACS among them, have it under new UIDs since they were told), and never
what the PACS does not say it has: it is asked before each study goes.
A study's rows stay; its images are fetched again when somebody opens it.
"""

import time
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection

from confrere.archives import service as archives
from confrere.archives.again import archive_of
from confrere.archives.model import Archive
from confrere.audit import service as audit
from confrere.audit.model import Agent, Event
from confrere.database.engine import transaction
from confrere.delivery import sendings
from confrere.delivery.model import WAITING
from confrere.imaging import keeping as imaging
from confrere.imaging.kept import AWAY, Kept
from confrere.keeping import service as keeping
from confrere.kernel.errors import DomainError
from confrere.kernel.ids import SiteId, StudyId
from confrere.network import service as network
from confrere.network import serving
from confrere.wiring import archive_clients, sweeping
from confrere.wiring.house import House
from confrere.worklist import service as worklist
from confrere.worklist.finished import read_of_studies

MOST = 200  # studies looked at together
SECONDS = 60.0  # of one run: others wait for the same worker
AGENT = Agent(None, "cache", None)
AT_PACS = "its lifetime in the cache is over: it is at the site's PACS"
NO_ARCHIVE = "no archive is registered to fetch the site's images from again"
UNKNOWN_THERE = "the PACS does not say that it has the study"
CHANGED = "corrected or rejected here: the PACS has it under other UIDs"
NOT_ASKED = "the PACS could not be asked"
NO_PATIENT = "it is not known whose study it is"
FETCHED_PRIOR = "a prior fetched from another archive, whose lifetime is over"


@dataclass(frozen=True, slots=True)
class Evicted:
    """What one run did, and why it left what was due: reason -> studies."""

    studies: int = 0
    images: int = 0
    kept: dict[str, int] = field(default_factory=dict)


def evict(house: House, most: int = MOST, seconds: float = SECONDS) -> Evicted:
    """Look at each site's cache, for so long, then at priors fetched from foreign archives."""
    until = time.monotonic() + seconds
    with transaction(house.system, frozenset()) as conn:
        lifetimes = {
            site: one.cache_lifetime for site, one in serving.services(conn).items()
            if one.cache_lifetime is not None
        }  # fmt: skip
    total = Evicted()
    for site, lifetime in lifetimes.items():
        total = _add(total, _of_site(house, site, house.now() - lifetime, most, until))
    return _add(total, _priors(house, most))


def _of_site(house: House, site: SiteId, before: datetime, most: int, until: float) -> Evicted:
    """Go through what is due, from where the last round stopped, so that what stays hides nothing."""
    with transaction(house.system, frozenset()) as conn:
        owner, last = network.site(conn, site).owner_group, keeping.rounds(conn).get(site)
        archive = archive_of(conn, owner, site)
        token = archives.token_of(conn, archive) if archive else ""
    place = last.after if last else None
    told, done = (dict(last.kept) if last and place else {}), Evicted()
    while time.monotonic() < until:
        with transaction(house.system, frozenset()) as conn:
            due = imaging.unused(conn, site, before, most, after=place)
        page = _page(house, archive, token, due)
        done, place = _add(done, page), (due[-1].used_at, due[-1].study) if due else None
        if len(due) < most or any(why.startswith(NOT_ASKED) for why in page.kept):
            place = None
            break
    told = _add(Evicted(kept=told), done).kept
    with transaction(house.system, frozenset()) as conn:
        keeping.note_round(conn, owner, site, done.studies, told, house.now(), place)
    return done


def _page(house: House, archive: Archive | None, token: str, due: list[Kept]) -> Evicted:
    done, images, kept = 0, 0, dict[str, int]()
    for number, one in enumerate(due):
        why = NO_ARCHIVE if archive is None else ""
        if archive is not None:
            with transaction(house.system, frozenset()) as conn:
                why = _stays(conn, [one]).get(one.study, "")
            try:
                why = why or _not_there(house, archive, token, one)
            except DomainError as error:  # the next ones would wait for it too
                kept[f"{NOT_ASKED}: {error}"] = len(due) - number
                break
        if why:
            kept[why] = kept.get(why, 0) + 1
            continue
        gone = _let_go(house, one, AT_PACS)
        done, images = done + bool(gone), images + gone
    return Evicted(done, images, kept)


def _priors(house: House, most: int) -> Evicted:
    """Fetched priors go at their lifetime, unless an open exam of the person may need them."""
    done, images, kept = 0, 0, dict[str, int]()
    with transaction(house.system, frozenset()) as conn:
        lapsed = archives.lapsed(conn, house.now(), most)
    for fetch in lapsed:
        with transaction(house.system, frozenset()) as conn:
            study = imaging.of_uid(conn, fetch.owner_group, fetch.study_uid)
            why = _needed(conn, study) if study else ""
            if study is not None and not why and study.place != AWAY:
                why = _stays(conn, [study], prior=True).get(study.study, "")
        if why:
            kept[why] = kept.get(why, 0) + 1
            continue
        if study is not None and study.place != AWAY:
            gone = _let_go(house, study, FETCHED_PRIOR)
            if not gone:
                continue  # used at this moment: the next round looks again
            done, images = done + 1, images + gone
        with transaction(house.system, frozenset()) as conn:
            archives.note_expired(conn, fetch)
    return Evicted(done, images, kept)


def _needed(conn: Connection, study: Kept) -> str:
    if study.patient is not None and worklist.open_of_patients(conn, [study.patient]):
        return "a prior of an exam that is still to be read"
    return ""


def _stays(
    conn: Connection, due: Collection[Kept], *, prior: bool = False
) -> dict[StudyId, str]:
    """Why some of these stay here though their lifetime is over."""
    ids = [one.study for one in due]
    holds, read = keeping.held(conn), read_of_studies(conn, ids)
    found: dict[StudyId, str] = {}
    for one in due:
        if holds.cover(one.study, one.patient):
            found[one.study] = "on legal hold"
        elif read.get(one.study, prior) is not True:
            found[one.study] = "still to be read"
        elif one.outside:
            found[one.study] = "brought from outside: no PACS has it"
        elif one.patient is None:
            found[one.study] = NO_PATIENT
        elif imaging.was_changed(conn, one.study):
            found[one.study] = CHANGED
        elif _waits(conn, one.study):
            found[one.study] = "still to be sent to another machine"
    return found


def _waits(conn: Connection, study: StudyId) -> bool:
    """Say whether a study is still to be sent somewhere."""
    return any(one.state == WAITING for one in sendings.of_study(conn, study))


def _not_there(house: House, archive: Archive, token: str, one: Kept) -> str:
    found = archive_clients.find(archive, token, house.settings.aet, one.mrn)
    return "" if any(c.study_uid == one.study_uid for c in found) else UNKNOWN_THERE


def _let_go(house: House, study: Kept, why: str) -> int:
    """Say that the study is away, audited; then take its bytes out of use."""
    now = house.now()
    with transaction(house.system, frozenset()) as conn:
        images = imaging.let_go(conn, study, why, now)
        if not images:
            return 0
        audit.note(conn, house.audit_key, Event(
            study.owner_group, now, "D", "images", "cache", AGENT, patient_id=study.patient,
            study_id=study.study, object_id=study.study,
            detail={"what": why, "images": len(images)},
        ))  # fmt: skip
    sweeping.let_go(house, [one.digest for one in images])
    return len(images)


def _add(one: Evicted, other: Evicted) -> Evicted:
    kept = {
        why: one.kept.get(why, 0) + other.kept.get(why, 0) for why in {**one.kept, **other.kept}
    }
    return Evicted(one.studies + other.studies, one.images + other.images, kept)
