"""Cut a message into what is said once and what is said per order.

Source: HL7 v2.5.1 sections 4.4.1 (ORM), 4.4.4 (OMG), 4.4.12 (OMI) and 7.3.1 (ORU).
"""

from dataclasses import dataclass

from confrere.hl7.parse import Message, Segment
from confrere.kernel.errors import Invalid

MOST_GROUPS = 1_000


@dataclass(frozen=True, slots=True)
class OrderGroup:
    """One order: its ORC and OBR, either may be missing, and the segments that follow them."""

    orc: Segment | None
    obr: Segment | None
    rest: tuple[Segment, ...]

    def first(self, name: str) -> Segment | None:
        """Return the group's first segment of that name, besides ORC and OBR."""
        return next((s for s in self.rest if s.name == name), None)

    def all(self, name: str) -> tuple[Segment, ...]:
        """Return the group's segments of that name, besides ORC and OBR."""
        return tuple(s for s in self.rest if s.name == name)


def order_groups(message: Message) -> tuple[OrderGroup, ...]:
    """Begin a group at each ORC, and at an OBR that no ORC announced."""
    groups: list[list[Segment]] = []
    has_obr = False
    for segment in message.segments:
        if segment.name == "ORC" or (segment.name == "OBR" and (has_obr or not groups)):
            groups.append([])
            has_obr = False
        has_obr = has_obr or segment.name == "OBR"
        if groups:
            groups[-1].append(segment)
    if len(groups) > MOST_GROUPS:
        raise Invalid("The message holds more than 1,000 orders; send fewer", field="ORC")
    return tuple(map(_group, groups))


def preamble(message: Message) -> tuple[Segment, ...]:
    """Return what comes before the first order and so holds for all of them."""
    names = [segment.name for segment in message.segments]
    starts = [names.index(name) for name in ("ORC", "OBR") if name in names]
    return message.segments[: min(starts, default=len(names))]


def _group(segments: list[Segment]) -> OrderGroup:
    orc = segments[0] if segments[0].name == "ORC" else None
    obr = next((s for s in segments if s.name == "OBR"), None)
    rest = tuple(s for s in segments if s is not orc and s is not obr)
    return OrderGroup(orc, obr, rest)
