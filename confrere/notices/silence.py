"""Whom to tell that a gateway at a hospital was not heard of. Pure.

What is said names the gateway and its site, no patient and no exam.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid5

from confrere.kernel.ids import GroupId
from confrere.notices.contacts import CHIEF, IT, LEAD, ROLES, CallLists, Contact
from confrere.notices.model import Channel, Kind, Telling

NOBODY = "the group's call list names no IT engineer, lead or chief: add one under Call lists"
NO_ADDRESS = "the call list has no way to reach them: add an address under Call lists"


@dataclass(frozen=True, slots=True)
class Silent:
    """A gateway that was last heard of at `since`."""

    gateway: UUID
    owner_group: GroupId
    name: str
    site_name: str
    since: datetime

    @property
    def about(self) -> UUID:
        """Name the outage: each is told once, the next one anew."""
        return uuid5(self.gateway, self.since.isoformat())


def tellings(silent: Sequence[Silent], lists: CallLists, now: datetime) -> list[Telling]:
    """Tell the owner group's IT engineers and its lead, else its chief: by SMS, at night by mail."""
    return [one for each in silent for one in _of(each, lists, now)]


def _of(silent: Silent, lists: CallLists, now: datetime) -> list[Telling]:
    group = silent.owner_group
    leads = lists.of_group(group, LEAD) or lists.of_group(group, CHIEF)
    people = [*lists.of_group(group, IT), *leads[:1]]
    if not people:
        return [_telling(silent, None, Channel.MAIL, NOBODY)]
    found = []
    for one in people:
        way = one.reached_by(Channel.MAIL if one.is_quiet(now) else Channel.SMS)
        way = way or one.reached_by(Channel.VOICE)
        found.append(_telling(silent, one, way or Channel.MAIL, "" if way else NO_ADDRESS))
    return found


def _telling(silent: Silent, to: Contact | None, way: Channel, trouble: str) -> Telling:
    return Telling(
        Kind.GATEWAY, 0, silent.about, None, silent.owner_group, silent.owner_group,
        to.id if to else silent.owner_group, ROLES[to.role if to else IT],
        to.name if to else "nobody named", way, silent.site_name, silent.name, silent.since,
        None, to.id if to else None, trouble,
    )  # fmt: skip
