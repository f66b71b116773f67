"""One finished exam as the measures see it."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from confrere.kernel.ids import GroupId, ItemId, OrderId, ReaderId, SiteId


@dataclass(frozen=True, slots=True)
class ExamFact:
    """Who, where, what and when, without the patient. Instants are UTC."""

    owner_group: GroupId
    order_id: OrderId | None
    item_id: ItemId | None
    site_id: SiteId
    accession: str
    modality: str
    body_region: str
    subspecialty: str
    priority: str
    patient_class: str
    ordered_at: datetime | None
    complete_at: datetime | None
    clock_source: str
    first_image_at: datetime | None
    offered_at: datetime | None
    claimed_at: datetime | None
    preliminary_at: datetime | None
    final_at: datetime | None
    due_at: datetime | None
    reader_id: ReaderId | None
    reader_group: GroupId | None
    reported_by: str  # confrere, or external: the site's own dictation
    wrvu: Decimal | None
    synthetic: bool = False
