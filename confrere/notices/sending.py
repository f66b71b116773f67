"""Send what is due by the way it wants. No transaction is open meanwhile."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from confrere.kernel.errors import Refused
from confrere.notices import gateway as by_gateway
from confrere.notices import mail as by_mail
from confrere.notices.contacts import Contact
from confrere.notices.gateway import Gateway
from confrere.notices.mail import MailServer
from confrere.notices.model import NO_WAY, Channel, Notice, masked
from confrere.notices.wording import subject, text


@dataclass(frozen=True, slots=True)
class Ways:
    """What is set up, and the address of the pages that links lead to."""

    mail: MailServer | None
    gateway: Gateway | None
    address: str


def send(
    ways: Ways, message: Sequence[Notice], contact: Contact | None, now: datetime
) -> tuple[str, str]:
    """Send notices that go as one message; return the words, and where to (masked).

    Raises Refused where it is no use to try again, Unavailable where it is.
    """
    told = [one.what for one in message]
    channel = told[0].channel
    to = contact.address(channel) if contact else ""
    if not to:
        raise Refused("the call list has no address for it any more: look under Call lists")
    words = text(told, channel, now, ways.address)
    if channel is Channel.MAIL:
        if ways.mail is None:
            raise Refused(NO_WAY)
        by_mail.send(ways.mail, to, subject(told, now), words, message[0].message, now)
    else:
        if ways.gateway is None:
            raise Refused(NO_WAY)
        by_gateway.send(ways.gateway, channel, to, words, message[0].message)
    return words, masked(to)
