"""Reading while the centre cannot be reached: the list, an exam, its report. Each access is noted.

Offered only while the line is down; who has begun by then may finish after it is back.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any
from uuid import uuid4

from confrere.gateway.exams import Exam, Mine, Standing, Word, listed, without_images
from confrere.gateway.model import Ordered
from confrere.gateway.people import Person
from confrere.gateway.pictures import Pictures, Stack
from confrere.gateway.queue import Queue
from confrere.gateway.record import Record
from confrere.kernel.errors import Conflict, NotFound, Refused
from confrere.reading.model import FINAL, PRELIMINARY
from confrere.reading.text import clean, require_signable

NO_DETAIL: Mapping[str, str | int] = MappingProxyType({})
LEFT_SECONDS = 30 * 60  # so long untouched, another may take an exam over here


@dataclass(frozen=True, slots=True)
class Downtime:
    """Whether exams are offered now, and what the page says of it. Times are seconds since 1970."""

    offers: bool
    why: str  # why not
    since: float  # when the line went down; 0 while it is up
    heard_at: float  # when the centre last said what waits and what is read; 0 for never
    site: str
    time_zone: str
    cleared: bool  # the site has recorded the viewer's clearance for its intended use


class ReadingRoom:
    """What readers do; safe to use from many threads. `down` says how long the line is down."""

    def __init__(
        self, queue: Queue, record: Record, pictures: Pictures, down: Callable[[], float],
        after_seconds: int, now: Callable[[], float],
    ) -> None:  # fmt: skip
        self._queue, self._record, self._pictures = queue, record, pictures
        self._down, self._after, self._now = down, after_seconds, now
        self._one = threading.Lock()  # who opens first has it

    def downtime(self) -> Downtime:
        """Say whether exams are offered now."""
        told = self._record.said("standing") or {}
        down, heard = self._down(), float(self._record.said("heard_at") or 0)
        why = str(told.get("why", ""))
        if not told:
            why = "the centre has not said yet who may read here"
        elif told.get("offers") and (not down or down < self._after):
            why = "the centre can be reached: read there"
        return Downtime(
            not why, why, self._now() - down if down else 0.0, heard,
            str(told.get("site", "")), str(told.get("time_zone", "UTC")),
            bool(told.get("cleared")),
        )  # fmt: skip

    def worklist(self, who: Person) -> tuple[list[Exam], list[Ordered]]:
        """What came in here, what is to be read first; and orders without images."""
        found, waiting = self._exams()
        self._note(who, "R", "downtime list", shown=len(found))
        return found, waiting

    def open(self, who: Person, uid: str, reason: str) -> None:
        """Take an exam to read. Conflict names who has it, or why it is not to be read here."""
        with self._one:
            exam = self._exam(uid)
            mine = exam.mine
            if mine and mine.user == who.user:
                return
            self._require_downtime()
            self._refuse_taken(exam, who, reason)
            now = self._now()
            made = Mine(
                uid, who.user, who.reader, who.name, now, now, exam.study.count,
                exam.study.last, reason,
                mine.signed if mine else "",
            )  # fmt: skip
            with self._record.writing():
                self._note(who, "U", "exam", uid, act="opened to read", reason=reason)
                self._record.hold(made)

    def look(self, who: Person, uid: str) -> tuple[Exam, list[Stack], dict[str, str]]:
        """An exam with its series and the reader's draft; NotFound, Conflict when not theirs.

        What is shown now is what a signature will say was seen.
        """
        exam = self._exam(uid)
        if exam.mine is None or exam.mine.user != who.user:
            raise Conflict("open the exam from the list first")
        self._note(who, "R", "study", uid, images=exam.study.count)
        stacks = self._pictures.stacks(self._queue.images(uid))
        if exam.mine.signed != FINAL:
            seen = replace(exam.mine, images=exam.study.count, images_at=exam.study.last)
            self._record.hold(replace(seen, touched=self._now()))
            exam = replace(exam, mine=seen)
        return exam, stacks, self._record.draft(uid, who.user)

    def signed(self, uid: str) -> list[dict[str, Any]]:
        """What was signed here of an exam."""
        return self._record.signings(uid)

    def picture(
        self, who: Person, uid: str, number: int, window: tuple[float, float] | None
    ) -> bytes:
        """A frame as PNG, of an exam that the reader has open."""
        mine = self._record.held().get(uid)
        if mine is None or mine.user != who.user:
            raise Refused("open the exam from the list first")
        return self._pictures.picture(self._queue.images(uid), number, window)

    def draft(self, who: Person, uid: str, sections: Mapping[str, str]) -> None:
        """Keep a draft; Conflict when another has the exam."""
        text = clean(dict(sections))
        self._own(who, uid)
        with self._record.writing():
            self._note(who, "U", "draft", uid)
            self._record.keep_draft(uid, who.user, text, self._now())

    def sign(self, who: Person, uid: str, sections: Mapping[str, str], kind: str) -> None:
        """Sign preliminary or final: durable when this returns, sent when the line is back.

        Refused for a resident's final signature. Conflict when more images came than were
        shown, or it is signed already.
        """
        text = clean(dict(sections))
        require_signable(text)
        if kind not in (PRELIMINARY, FINAL) or (kind == FINAL and not who.signs_final):
            raise Refused("a resident signs preliminary; the final signature is an attending's")
        with self._one:
            mine, exam = self._own(who, uid), self._exam(uid)
            if mine.signed == FINAL:
                raise Conflict("this exam is signed; an addendum is written at the centre")
            more = exam.study.count - mine.images
            if more > 0:
                self.draft(who, uid, text)
                raise Conflict(
                    f"{more} more images came since the page was loaded. Your draft is kept: "
                    "reload the page, look at them, then sign"
                )
            now = self._now()
            content = _content(exam, mine, who, text, kind, now)
            with self._record.writing():
                self._note(who, "C", "report", uid, act=f"signed {kind}")
                self._record.keep_draft(uid, who.user, text, now)
                self._record.sign(content["key"], uid, content, now)

    def give_back(self, who: Person, uid: str) -> None:
        """Let others read it; the draft stays. Conflict when it was signed."""
        mine = self._own(who, uid)
        if mine.signed:
            raise Conflict("this exam was signed here")
        with self._record.writing():
            self._note(who, "U", "exam", uid, act="given back")
            self._record.let_go(uid)

    def _exams(self) -> tuple[list[Exam], list[Ordered]]:
        studies, orders = self._queue.exams()
        told = self._record.said("standing") or {}
        words = [Word.of(one) for one in told.get("exams", [])]
        found = listed(studies, orders, words, self._record.held())
        return found, without_images(studies, orders, words)

    def _exam(self, uid: str) -> Exam:
        found = next((one for one in self._exams()[0] if one.study.uid == uid), None)
        if found is None:
            raise NotFound("no such exam is here")
        return found

    def _own(self, who: Person, uid: str) -> Mine:
        mine = self._record.held().get(uid)
        if mine is None or mine.user != who.user:
            raise Conflict(f"{mine.name if mine else 'nobody'} has this exam: reload the list")
        return mine

    def _require_downtime(self) -> None:
        told = self.downtime()
        if not told.offers:
            raise Refused(told.why)

    def _refuse_taken(self, exam: Exam, who: Person, reason: str) -> None:
        mine, word, standing = exam.mine, exam.word, exam.standing
        if standing in (Standing.READ, Standing.CANCELLED):
            raise Conflict(f"this exam is {standing}: there is nothing to read")
        if standing is Standing.FINAL:
            raise Conflict("this exam has a final report here")
        if mine and not mine.signed and self._now() - mine.touched < LEFT_SECONDS:
            raise Conflict(f"{mine.name} reads this exam here")
        taken = standing is Standing.HELD and word and word.reader != who.reader
        if taken and word and not reason.strip():
            raise Conflict(
                f"{word.by or 'a reader'} had this exam at the centre when it was last heard "
                "of. Telephone them; to take it over, say why"
            )

    def _note(
        self, who: Person, action: str, kind: str, uid: str = "", **detail: str | int
    ) -> None:
        note(self._record, self._now(), who, action, kind, uid, detail=detail)


def note(
    record: Record, now: float, who: Person | None, action: str, kind: str, uid: str = "",
    outcome: str = "success", detail: Mapping[str, str | int] = NO_DETAIL,
) -> None:  # fmt: skip
    """Note who did what, durably, before it is done; no patient data but the study's UID."""
    record.note({
        "at": _iso(now), "action": action, "kind": kind, "study_uid": uid, "outcome": outcome,
        "user": who.user if who else "", "name": who.name if who else "nobody known",
        "session": who.session if who else "",
        "detail": {name: str(value) for name, value in detail.items() if value != ""},
    })  # fmt: skip


def _content(
    exam: Exam, mine: Mine, who: Person, text: Mapping[str, str], kind: str, now: float
) -> dict[str, Any]:
    """What the centre is sent."""
    study = exam.study
    return {
        "key": str(uuid4()), "kind": kind, "sections": dict(text), "reader": who.reader,
        "user": who.user, "name": who.name, "session": who.session,
        "opened_at": _iso(mine.opened), "signed_at": _iso(now),
        "images_at": _iso(mine.images_at), "image_count": mine.images,
        "study_uid": study.uid, "accession": study.accession, "mrn": study.mrn,
        "patient_name": study.patient_name, "description": exam.description,
        "taken_over": mine.taken_over,
    }  # fmt: skip


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()
