"""What is said, by each way: no patient, no accession number, no exam description. Pure.

Texts name a site, a level and minutes, and lead to a page that asks who is there.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from confrere.notices.contacts import READER, ROLES
from confrere.notices.model import OVERDUE, Channel, Kind, Telling

MINUTE = timedelta(minutes=1)
HOURS_FROM, DAYS_FROM = 120, 2880  # minutes from which on hours and days are told


def subject(told: Sequence[Telling], now: datetime) -> str:
    """One line: what it is, where, by when."""
    first = most_urgent(told)
    if len(told) == 1:
        return line(first, now)
    return f"{len(told)} exams need attention, the first: {line(first, now)}"


def line(one: Telling, now: datetime) -> str:
    """One notice as a line."""
    if one.kind is Kind.PREALERT:
        return f"{one.level} on its way from {one.site_name}"
    if one.kind is Kind.GATEWAY:
        since = length(now - one.due_at) if one.due_at else "some time"
        return f"{one.level} at {one.site_name} not heard of for {since}"
    if one.kind is Kind.NOBODY:
        return f"{one.level} exam at {one.site_name}: nobody on duty may read it"
    return f"{one.level} exam at {one.site_name} {due(one.due_at, now)}"


def why(one: Telling) -> str:
    """Why somebody is told, for the page and the mail."""
    if one.kind is Kind.PREALERT:
        return "pre-alert"
    if one.kind is Kind.GATEWAY:
        return "no line, or it stopped"
    if one.kind is Kind.NOBODY:
        return "nobody may be offered it"
    return "overdue" if one.tier >= OVERDUE else f"{one.tier} % of its time is gone"


def asks(told: Sequence[Telling]) -> str:
    """What the person is asked to do."""
    first = most_urgent(told)
    if first.kind is Kind.PREALERT:
        if first.role == ROLES[READER]:
            return "Please be ready, and answer in Confrere."
        return "No reader is ready for it yet. Please find one."
    if first.kind is Kind.GATEWAY:
        return "It keeps what it takes. Please see to its line or its machine."
    if first.kind is Kind.NOBODY:
        return "You may assign it by attestation."
    return "Please see to it in Confrere."


def text(told: Sequence[Telling], channel: Channel, now: datetime, address: str) -> str:
    """The words for a channel. `address` is where the pages are, without a slash at its end."""
    first = most_urgent(told)
    if channel is Channel.VOICE:
        return (
            f"This is Confrere. {subject(told, now)}. {asks(told)} "
            f"I repeat: {line(first, now)}."
        )
    if channel is Channel.SMS:
        return f"Confrere: {subject(told, now)}. {asks(told)} {link(told, address)}"
    if channel is Channel.MAIL:
        rows = [f"- {line(one, now)} ({why(one)}): {link([one], address)}" for one in told]
        return "\n".join(
            [asks(told), "", *rows, "", "Sent by Confrere by itself: do not answer."]
        )
    return line(first, now)


def link(told: Sequence[Telling], address: str) -> str:
    """Where to go: the exam's page, or the list when there are several or no exam yet."""
    if all(one.kind is Kind.GATEWAY for one in told):
        return f"{address}/network/gateways"
    if len(told) == 1 and told[0].item:
        return f"{address}/items/{told[0].item}"
    return f"{address}/worklist"


def due(at: datetime | None, now: datetime) -> str:
    """How long until due, in words."""
    if at is None:
        return "waits"
    left = at - now
    if left <= timedelta():
        return f"overdue by {length(-left)}"
    return f"due in {length(left)}"


def length(span: timedelta) -> str:
    """A length of time in the largest unit that says enough."""
    minutes = int(span / MINUTE)
    if minutes < HOURS_FROM:
        return f"{minutes} min"
    if minutes < DAYS_FROM:
        return f"{minutes // 60} h"
    return f"{minutes // 1440} days"


def most_urgent(told: Sequence[Telling]) -> Telling:
    """The one to name first: emergencies nobody may read, pre-alerts, then the earliest due."""
    order = (Kind.NOBODY, Kind.PREALERT, Kind.ESCALATION, Kind.GATEWAY)
    return min(
        told,
        key=lambda one: (
            order.index(one.kind), one.due_at.timestamp() if one.due_at else float("inf"),
            str(one.about),
        ),
    )  # fmt: skip
