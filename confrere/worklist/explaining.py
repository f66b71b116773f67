"""Why a study was given to a reader: as data that is stored, and as a sentence. Pure."""

from dataclasses import dataclass

import numpy as np

from confrere.kernel.errors import Conflict
from confrere.orders.priorities import NAMES
from confrere.worklist.ordering import Choice
from confrere.worklist.policy import OWN_ABLE, OWN_MATCH
from confrere.worklist.queues import NEVER, Id
from confrere.worklist.routing import Pool

COUNTS = 0.005  # terms below this are left out of a sentence


@dataclass(frozen=True, slots=True)
class Decision:
    """All that a decision rested on. Times are the pool's minutes.

    `opens` are the instants at which the four rings open as things stood, None where only an
    agreement's hours could tell. `visible` counts the queues that the reader could choose
    from; `runner_up` would have been next.
    """

    study: Id
    reader: Id
    at: float
    due: float
    level: str
    subspecialty: str
    advanced: bool
    ring: int
    opens: tuple[float | None, ...]
    terms: dict[str, float]
    visible: int
    runner_up: Id | None
    agreement: Id | None
    overloaded: bool
    pressed: bool
    held: bool
    never_held: bool
    policy: str


def explain(pool: Pool, now: float, reader: Id, study: Id) -> Decision:
    """Explain why a waiting study is, or would be, this reader's.

    To be asked before it is reported taken. Conflict when it is not open to the reader.
    """
    if not pool.may_take(now, reader, study):
        raise Conflict(f"study {study} is not open to reader {reader} now")
    one = pool.presence.reader(reader)
    q, found = pool.queues.waiting_study(study)
    ring, pact = one.place(int(pool.queues.lane[q]))
    every = pool.ordering.visible(one, now)
    mood = pool.ordering.terms(one, every, now).mood
    at, rings, pacts = (np.array([x], np.int32) for x in (q, ring, pact))
    only = Choice(at, rings, pacts, np.array([found.due]))
    terms = pool.ordering.terms(one, only, now, mood)
    service, level = pool.queues.service(q), pool.policy.levels[q % pool.queues.width]
    opens = pool.rings.opening(q, found.due, pact, now)
    others = [other for other in pool.best(now, reader, 2) if other != study]
    return Decision(
        study=study,
        reader=reader,
        at=now,
        due=found.due,
        level=level.name,
        subspecialty=service.subspecialty,
        advanced=service.advanced,
        ring=ring,
        opens=tuple(None if opening == NEVER else float(opening) for opening in opens),
        terms={
            name: float(getattr(terms, name)[0])
            for name in ("first", "urgency", "reserve", "scarce", "match", "cross")
        },
        visible=len(every),
        runner_up=others[0] if others else None,
        agreement=pool.agreements.terms[pact].id,
        overloaded=mood.overloaded,
        pressed=mood.pressed,
        held=pool.rings.specialist_comes(q, found.due),
        never_held=bool(level.first),
        policy=pool.policy.version,
    )


def sentence(decision: Decision) -> str:
    """Say it to the reader, in one sentence."""
    group = (
        "your group"
        if decision.ring in (OWN_MATCH, OWN_ABLE)
        else ("partner group under agreement")
    )
    weights = [
        f"{name} {value:+.2f}"
        for name, value in sorted(decision.terms.items(), key=lambda one: -abs(one[1]))
        if abs(value) > COUNTS
    ]
    queues = "queue" if decision.visible == 1 else "queues"
    parts = [
        f"{group}, {_fit(decision)}",
        _due(decision.due - decision.at),
        f"first of {decision.visible} open {queues} you may read",
        ", ".join(weights),
    ]
    if decision.pressed:
        parts.append("acute work first while much of it waits")
    if decision.overloaded:
        parts.append("the quick before the long so that more are in time")
    level = NAMES.get(decision.level, decision.level.capitalize())
    name = f"{level} {decision.subspecialty}".strip()
    return f"{name}: {'; '.join(parts)}"


def briefly(decision: Decision, group: str) -> str:
    """Say it in a few words, as a line of a list; `group` is the reader's."""
    return f"{decision.subspecialty or 'any reader'} · {group} · {_fit(decision)}"


def _fit(decision: Decision) -> str:
    if not decision.advanced:
        return "general study"
    if decision.ring < OWN_ABLE:
        return "subspecialty match"
    if decision.never_held:
        why = f"{decision.level} is never held for a subspecialist"
    elif decision.held:
        why = "the hold for a subspecialist has ended"
    else:
        why = "no subspecialist is rostered in time"
    return f"outside your subspecialty, {why}"


def _due(minutes: float) -> str:
    if minutes < 0:
        return f"late by {-minutes:.0f} min"
    return f"due in {minutes:.0f} min"
