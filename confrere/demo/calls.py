"""The demonstration's call lists: chiefs, leads, readers, and each site's people. Invented.

Telephone numbers are of 555-0100 to 555-0199, which are kept for fiction; mail addresses end in
`.example`.
"""

from collections.abc import Iterator
from datetime import datetime, time
from itertools import count
from uuid import UUID

from sqlalchemy import Connection

from confrere.demo import people, places
from confrere.demo.history_load import Ids
from confrere.kernel.ids import ReaderId, SiteId
from confrere.notices import service as notices
from confrere.notices.contacts import (
    ASSISTANT,
    CHIEF,
    ED,
    LEAD,
    READER,
    ROLES,
    TECHNOLOGIST,
    Contact,
)
from confrere.notices.model import Channel

_NEW = UUID(int=0)  # the database gives the real id
_AREAS = {"IL": 312, "WI": 608, "IN": 317}
_ALL = frozenset({Channel.MAIL, Channel.SMS, Channel.VOICE})
_NIGHT = (time(22), time(6))


def keep(conn: Connection, ids: Ids, now: datetime) -> None:
    """Put everybody on the lists once; what a person changed stays."""
    if notices.contacts(conn):
        return
    for one in (*_groups(ids), *_sites(ids)):
        notices.add_contact(conn, one, "the demonstration", now)


def _groups(ids: Ids) -> Iterator[Contact]:
    """The first radiologist of a group is its chief, the second its lead; both sleep at night."""
    for group in places.GROUPS:
        staff = [one for one in people.RADIOLOGISTS if one.group == group.code]
        for number, one in enumerate(staff):
            mail = f"{one.key}@{group.code.casefold()}.example"
            phone = _phone(one.states[0], people.RADIOLOGISTS.index(one))
            reader = ReaderId(ids.readers[one.key])
            line = Contact(
                _NEW, ids.groups[group.code], READER, one.formal_name, reader, None, mail, phone,
                _ALL, time_zone=group.time_zone,
            )  # fmt: skip
            yield line
            if number < 2:  # noqa: PLR2004 - chief and lead
                yield Contact(
                    _NEW, line.owner_group, (CHIEF, LEAD)[number], line.name, reader, None, mail,
                    phone, _ALL, *_NIGHT, group.time_zone,
                )  # fmt: skip


def _sites(ids: Ids) -> Iterator[Contact]:
    numbers = count(60)
    for site in places.SITES:
        roles = (ASSISTANT, TECHNOLOGIST)
        for role in (*roles, ED) if site.kind == places.HOSPITAL else roles:
            yield Contact(
                _NEW, ids.groups[site.group], role, f"{site.short_name}: {ROLES[role].lower()}",
                None, SiteId(ids.sites[site.code]), f"{role}@{site.code.casefold()}.example",
                _phone(site.state, next(numbers)), frozenset({Channel.MAIL, Channel.SMS}),
                time_zone=site.time_zone,
            )  # fmt: skip


def _phone(state: str, number: int) -> str:
    return f"+1{_AREAS[state]}55501{number % 100:02d}"
