"""What was read at a gateway in downtime, and what becomes of it at the centre. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from confrere.kernel.ids import GroupId, ItemId, ReaderId, ReportId, SiteId
from confrere.worklist.model import READ, Item, State

WAITING = "waiting"  # its exam has not come yet
ENTERED = "entered"
CONFLICT = "in conflict"  # also read, begun or held at the centre, or a rule stands against it
UNMATCHED = "to be matched"  # a person must say which exam it is
ASIDE = "set aside"
OPEN = (CONFLICT, UNMATCHED, WAITING)


@dataclass(frozen=True, slots=True)
class Signed:
    """One signature at a gateway. `key` is the gateway's own; times are the gateway's clock's.

    `images_at` is when the last image that the reader had came in, `image_count` how many.
    `taken_over` is the reader's reason when the centre last said that another had the exam.
    """

    key: UUID
    kind: str  # preliminary, final
    sections: Mapping[str, str]
    signer: ReaderId
    signer_name: str
    opened_at: datetime
    signed_at: datetime
    images_at: datetime | None
    image_count: int
    study_uid: str
    accession: str
    mrn: str
    patient_name: str
    description: str
    taken_over: str = ""


@dataclass(frozen=True, slots=True)
class DowntimeRead:
    """A signature from a gateway as the centre keeps it: never changed, only entered or settled."""

    id: UUID
    owner_group: GroupId
    gateway: UUID
    gateway_name: str
    site: SiteId
    what: Signed
    state: str
    why: str
    item: ItemId | None
    report: ReportId | None
    received_at: datetime
    settled_at: datetime | None = None
    settled_by: str = ""
    resolution: str = ""

    @property
    def provenance(self) -> str:
        """Where the report says that it comes from."""
        return f"read in downtime at {self.gateway_name}"


@dataclass(frozen=True, slots=True)
class Met:
    """What a read met at the centre: its state then, why, and the exam."""

    state: str
    why: str = ""
    item: Item | None = None


def meet(
    read: DowntimeRead, items: Sequence[Item], names: Mapping[ReaderId, str], now: datetime
) -> Met:
    """Say what becomes of a read, given the items that its study or order has here.

    Nothing is entered over another's read: what the centre signed, or a reader there holds,
    makes a conflict that a person resolves. `names` are readers' names.
    """
    known = [one for one in items if one.kind == READ and one.state is not State.CANCELLED]
    if not known:
        return Met(WAITING, "its exam has not come here yet")
    item = min(known, key=lambda one: (one.finished_at is not None, one.study is None))
    if item.site != read.site or (read.what.mrn and item.mrn and item.mrn != read.what.mrn):
        return Met(UNMATCHED, "the exam with this number is another patient's")
    return Met(CONFLICT, told, item) if (told := _taken(read, item, names, now)) else Met(
        ENTERED, "", item
    )  # fmt: skip


def _taken(read: DowntimeRead, item: Item, names: Mapping[ReaderId, str], now: datetime) -> str:
    if item.state is State.EXTERNAL:
        return "the site's own report closed this exam"
    if item.finished_at is not None:
        by = names.get(item.finished_by, "a reader") if item.finished_by else "a reader"
        return f"{by} signed this exam at the centre, {item.finished_at:%d %b %H:%M} UTC"
    if item.held_by not in (None, read.what.signer) and item.held_at_instant(now):
        return f"{item.held_name} has this exam at the centre"
    return ""
