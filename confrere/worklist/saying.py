"""What a round says of each exam: whom it is offered to, or for what it waits."""

from datetime import datetime

from sqlalchemy import Connection

from confrere.kernel.ids import ItemId
from confrere.network.model import Directory, Reader
from confrere.worklist import declining
from confrere.worklist.case import case_in
from confrere.worklist.choosing import on_call
from confrere.worklist.eligibility import eligibility
from confrere.worklist.explaining import briefly
from confrere.worklist.feasibility import forecast
from confrere.worklist.lending import capped, with_taken
from confrere.worklist.model import (
    NO_ANSWER,
    NOBODY,
    OFF_DUTY,
    PUT_ASIDE,
    UNMAPPED,
    UNMATCHED,
    Item,
)
from confrere.worklist.offering import Offering, Word
from confrere.worklist.offers import Chosen, Round
from confrere.worklist.pooling import Look


def say(
    conn: Connection, look: Look, directory: Directory, good: set[ItemId], now: datetime
) -> int:
    """Say of each exam whom it is offered to or what it waits for, and write it all."""
    chosen = Round(look)
    offers = {one.item.id: one for one in chosen.offers()}
    next_up = {item.id: reader for item, reader in chosen.queued()}
    made = Offering(now, directory.version)
    for item in look.waiting.values():
        if item.id in offers:
            directory = _offer(made, offers[item.id], look, directory, now)
        elif item.id in look.hour.silent:
            continue  # nobody else is idle: it stays where it is
        elif item.id in next_up:
            _queue(made, item, next_up[item.id], directory, now)
        elif item.id not in good or item.id not in look.standing:
            _leave(made, item, look, directory, now)
    for item in look.unclocked:
        _leave(made, item, look, directory, now)
    done = made.write(conn)
    for word in made.words:
        if word.item.id in look.hour.silent and word.item.offered_to:
            declining.note_silence(conn, word.item, directory, now)
    return done


def _offer(
    made: Offering, one: Chosen, look: Look, directory: Directory,
    now: datetime,
) -> Directory:  # fmt: skip
    """Offer an exam to the reader whom the policy chose, with the proof of all rules.

    Returns the directory with what this offer took of a daily cap.
    """
    item, reader = one.item, one.reader
    case = case_in(directory, item, reader, now)
    pact = case.lent().agreement if reader.group != item.owner_group else None
    if reader.group != item.owner_group and pact is None:
        return directory  # what this round has offered has filled the day's number
    judged = eligibility(case)
    finish = forecast({reader.id: now + item.reading_time}, item.due_at)
    reason = _reason(one, directory.groups[reader.group].name)
    reason += " · late forecast" if finish.breach else ""
    marks = [PUT_ASIDE] if one.put_aside else []
    marks += [NO_ANSWER] if item.id in look.hour.silent else []
    said = made.say(Word(
        item, reader, reason, tuple(marks), case, (*judged, finish.verdicts[reader.id]),
        one.decision,
    ))  # fmt: skip
    if said and pact is not None and capped(directory, item, reader):
        directory = with_taken(
            directory,
            {a.id: a.taken + (a.id == pact.id) for a in directory.agreements if a.daily_cap},
        )
    return directory


def _reason(one: Chosen, group: str) -> str:
    if one.decision is not None:
        aside = " · put aside what you read" if one.put_aside else ""
        return briefly(one.decision, group) + aside
    return f"{one.item.subspecialty or 'any reader'} · {group} · same patient as what you have"


def _queue(
    made: Offering, item: Item, reader: Reader, directory: Directory, now: datetime
) -> None:
    """Let an acute exam stand next with a reader who is busy: they and their group see it."""
    if item.offered_to == reader.id:
        return
    case = case_in(directory, item, reader, now)
    if reader.group != item.owner_group and case.lent().agreement is None:
        return
    group = directory.groups[reader.group].name
    reason = f"{item.subspecialty or 'any reader'} · {group} · next, nobody is idle"
    made.say(Word(item, reader, reason, (), case, eligibility(case)))


def _leave(made: Offering, item: Item, look: Look, directory: Directory, now: datetime) -> None:
    """Let an exam wait, saying for what; one that nobody can type goes to who is on call."""
    able = len(look.able.get(item.id, ()))
    if item.id in look.waiting and (there := len(look.serving(item.id))):
        waits = f"waits for a reader: {there} on duty may read it"
        made.say(Word(item, None, waits))
        return
    if not able and {UNMATCHED, UNMAPPED} & set(item.flags):
        offer = on_call(item, directory, now)
        if offer.reader is None:
            made.say(Word(item, None, offer.reason, (NOBODY,)))
            return
        case = case_in(directory, item, offer.reader, now)
        made.say(Word(item, offer.reader, offer.reason, (), case, eligibility(case)))
        return
    if able:
        made.say(Word(item, None, f"{able} eligible, none on duty now", (OFF_DUTY,)))
        return
    reason = "nobody is eligible: see why, reader by reader"
    made.say(Word(item, None, reason, (NOBODY,)))
