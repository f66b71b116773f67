"""Call lists: people of a group or a site, how they are reached, and when not to. Pure."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, time
from uuid import UUID
from zoneinfo import ZoneInfo

from confrere.kernel.errors import Invalid
from confrere.kernel.ids import GroupId, ReaderId, SiteId
from confrere.notices.model import OUTSIDE, Channel

READER, CHIEF, LEAD, IT = "reader", "chief", "lead", "it"
ED, TECHNOLOGIST, ASSISTANT = "ed", "technologist", "assistant"
OF_GROUP, OF_SITE = (CHIEF, LEAD, IT), (ED, TECHNOLOGIST, ASSISTANT)
ROLES = {
    READER: "Reader", CHIEF: "Chief", LEAD: "Lead", IT: "IT engineer", ED: "Emergency department",
    TECHNOLOGIST: "Technologist", ASSISTANT: "Reading-room assistant",
}  # fmt: skip
LONGEST = 120
E164 = re.compile(r"\+[1-9][0-9]{7,14}")  # ITU-T E.164: a plus, then at most 15 digits
MAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")


@dataclass(frozen=True, slots=True)
class Contact:
    """One line of a call list. Quiet hours are wall times in `time_zone` (IANA)."""

    id: UUID
    owner_group: GroupId
    role: str
    name: str
    reader: ReaderId | None = None
    site: SiteId | None = None
    mail: str = ""
    phone: str = ""  # E.164
    channels: frozenset[Channel] = frozenset()
    quiet_from: time | None = None
    quiet_until: time | None = None
    time_zone: str = "UTC"

    def is_quiet(self, at: datetime) -> bool:
        """Say whether `at` lies in the quiet hours, which may run past midnight."""
        if self.quiet_from is None or self.quiet_until is None:
            return False
        wall = at.astimezone(ZoneInfo(self.time_zone)).time()
        if self.quiet_from <= self.quiet_until:
            return self.quiet_from <= wall < self.quiet_until
        return wall >= self.quiet_from or wall < self.quiet_until

    def address(self, channel: Channel) -> str:
        """Where a channel ends; empty where it is off or there is no address."""
        if channel not in self.channels:
            return ""
        return self.mail if channel is Channel.MAIL else self.phone

    def reached_by(self, wanted: Channel) -> Channel | None:
        """The loudest way that is there and no louder than `wanted`."""
        for one in OUTSIDE[OUTSIDE.index(wanted) :]:
            if self.address(one):
                return one
        return None


@dataclass(frozen=True, slots=True)
class CallLists:
    """All call lists, by whom they reach."""

    readers: dict[ReaderId, Contact]
    groups: dict[tuple[GroupId, str], list[Contact]]
    sites: dict[tuple[SiteId, str], list[Contact]]

    def of_group(self, group: GroupId, *roles: str) -> list[Contact]:
        """A group's people of these roles, in this order."""
        return [one for role in roles for one in self.groups.get((group, role), [])]

    def of_site(self, site: SiteId, *roles: str) -> list[Contact]:
        """A site's people of these roles, in this order."""
        return [one for role in roles for one in self.sites.get((site, role), [])]


def listed(contacts: Iterable[Contact]) -> CallLists:
    """Sort contacts into lists; in each by name."""
    made = CallLists({}, {}, {})
    for one in sorted(contacts, key=lambda c: (c.name, str(c.id))):
        if one.role == READER and one.reader:
            made.readers[one.reader] = one
        elif one.role in OF_GROUP:
            made.groups.setdefault((one.owner_group, one.role), []).append(one)
        elif one.site:
            made.sites.setdefault((one.site, one.role), []).append(one)
    return made


def checked(contact: Contact, zones: frozenset[str]) -> Contact:
    """Return a contact with addresses in their one form; Invalid names field and remedy."""
    phone = re.sub(r"[\s().-]", "", contact.phone)
    mail = contact.mail.strip()
    name = " ".join(contact.name.split())
    if contact.role not in ROLES:
        raise Invalid(f"choose a role: {', '.join(ROLES.values())}", "role")
    if not name or len(name) > LONGEST:
        raise Invalid(f"give a name of up to {LONGEST} characters", "name")
    if (contact.role in OF_SITE) != (contact.site is not None):
        raise Invalid(f"a {ROLES[contact.role].lower()} is listed "
                      f"{'with a site' if contact.role in OF_SITE else 'without a site'}",
                      "site")  # fmt: skip
    if contact.role == READER and contact.reader is None:
        raise Invalid("choose the reader", "reader")
    if phone and not E164.fullmatch(phone):
        raise Invalid(
            "write the telephone number in E.164: a plus, the country code, then the number, "
            "as +13125550142",
            "phone",
        )
    if mail and not (MAIL.fullmatch(mail) and len(mail) <= 254):  # noqa: PLR2004 - RFC 5321
        raise Invalid("write the mail address as name@hospital.example", "mail")
    _check_ways(contact, mail, phone)
    _check_quiet(contact, zones)
    return replace(contact, name=name, phone=phone, mail=mail)


def _check_ways(contact: Contact, mail: str, phone: str) -> None:
    if not contact.channels:
        raise Invalid("choose at least one way: mail, SMS or voice", "channels")
    if Channel.MAIL in contact.channels and not mail:
        raise Invalid("mail is chosen: give the mail address, or choose another way", "mail")
    if contact.channels & {Channel.SMS, Channel.VOICE} and not phone:
        raise Invalid(
            "SMS or voice is chosen: give the telephone number, or choose another way", "phone"
        )


def _check_quiet(contact: Contact, zones: frozenset[str]) -> None:
    if (contact.quiet_from is None) != (contact.quiet_until is None):
        raise Invalid("quiet hours need both a beginning and an end", "quiet_from")
    if contact.time_zone not in zones:
        raise Invalid("choose the time zone by its IANA name, as America/Chicago", "time_zone")
