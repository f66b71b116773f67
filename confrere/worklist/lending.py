"""Whether the owner group lets another group read an exam now. Pure.

What an agreement needs to know of an exam is taken from its worklist item, in one place, so
that offer, claim and signature ask the same question.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from confrere.kernel.ids import AgreementId, ReaderId
from confrere.network.agreements import Asked, Consent, between, consent
from confrere.network.model import Agreement, Directory, Reader
from confrere.network.terms import FINAL, OVER_READ, PRELIMINARY, READ_TYPES
from confrere.worklist.model import Item

ANY_READ = frozenset(READ_TYPES)


def wanted_reads(item: Item, read_type: str = "") -> frozenset[str]:
    """The kinds of report that would do; `read_type` is known at the signature.

    Before it, an agreement that allows any read which is still needed will do. An over-read
    is the final report of an exam that has a preliminary one.
    """
    over = {OVER_READ} if item.preliminary_at else set()
    if read_type:
        return frozenset({read_type} | (over if read_type == FINAL else set()))
    return frozenset({FINAL} | (over or {PRELIMINARY}))


def asked(
    item: Item, reader: ReaderId | None, at: datetime, read_types: frozenset[str]
) -> Asked:
    """What is asked of an agreement.

    Who holds the exam goes on under the hours in which it was claimed.
    """
    return Asked(
        item.site, item.subspecialty, item.priority, item.modality, item.description, read_types,
        at, item.held_at if reader is not None and item.held_by == reader else None,
    )  # fmt: skip


def lent(
    item: Item, reader: Reader, agreements: tuple[Agreement, ...], at: datetime,
    read_types: frozenset[str],
) -> Consent:  # fmt: skip
    """Find the agreement by which a reader of another group may read an exam."""
    return consent(
        agreements, item.owner_group, reader.group, asked(item, reader.id, at, read_types)
    )


def capped(directory: Directory, item: Item, reader: Reader) -> tuple[Agreement, ...]:
    """The agreements with a daily cap by which a reader might read an exam."""
    offers = between(directory.agreements, item.owner_group, reader.group)
    return tuple(one for one in offers if one.daily_cap)


def with_taken(directory: Directory, taken: Mapping[AgreementId, int]) -> Directory:
    """The directory whose agreements know how many exams were taken under them today."""
    if not taken:
        return directory
    known = tuple(replace(a, taken=taken.get(a.id, 0)) for a in directory.agreements)
    return replace(directory, agreements=known)
