"""What a batch of arrivals means for the index: rows, duplicates and counts. Pure."""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Protocol
from uuid import UUID

from confrere.imaging.head import Head
from confrere.imaging.model import Arrival, Aside
from confrere.kernel.ids import SiteId

LONGEST = 1024  # characters kept of a value that is only listed
Key = tuple[UUID, str]  # owner group, then a UID


class Counted(Protocol):
    """What is read of a locked study before it is changed."""

    id: UUID
    series_count: int
    instance_count: int
    modalities: Sequence[str]
    last_at: datetime
    accession: str
    description: str
    referrer: str
    study_date: str
    study_time: str


def instance_key(arrival: Arrival) -> Key:
    """Name an instance within its owner group; two groups may hold one UID."""
    return arrival.owner_group, arrival.head.sop_instance


def study_key(arrival: Arrival) -> Key:
    """Name a study within its owner group."""
    return arrival.owner_group, arrival.head.study_instance


def once(arrivals: Iterable[Arrival]) -> dict[Key, Arrival]:
    """Keep the first arrival of each UID, in the order that all writers lock in."""
    kept: dict[Key, Arrival] = {}
    for arrival in arrivals:
        kept.setdefault(instance_key(arrival), arrival)
    return dict(sorted(kept.items()))


def study_row(arrival: Arrival) -> dict[str, object]:
    """Make a study's row from its first instance; counts start at zero."""
    head = arrival.head
    return {
        "owner_group": arrival.owner_group,
        "site_id": arrival.site_id,
        "study_uid": head.study_instance,
        "accession": clean(head.accession_number),
        "study_id": clean(head.study_id),
        "study_date": clean(head.study_date),
        "study_time": clean(head.study_time),
        "description": clean(head.study_description),
        "referrer": clean(head.referring_physician),
        "patient_name": clean(head.patient_name),
        "patient_name_key": name_key(clean(head.patient_name)),
        "mrn": clean(head.patient_id),
        "issuer": clean(head.patient_id_issuer) or arrival.issuer,
        "birth_date": clean(head.birth_date),
        "sex": clean(head.sex),
        "institution": clean(head.institution),
        "calling_aet": arrival.calling_aet,
        "first_at": arrival.received_at,
        "last_at": arrival.received_at,
        "acquired_at": acquired(arrival),
        "synthetic": arrival.synthetic,
    }


def series_row(arrival: Arrival, study_id: UUID) -> dict[str, object]:
    """Make a series' row from its first instance."""
    head = arrival.head
    return {
        "owner_group": arrival.owner_group,
        "study_id": study_id,
        "series_uid": head.series_instance,
        "modality": clean(head.modality),
        "number": head.series_number,
        "description": clean(head.series_description),
        "body_part": clean(head.body_part),
        "series_date": clean(head.series_date),
        "series_time": clean(head.series_time),
    }


def instance_row(arrival: Arrival, study_id: UUID, series_id: UUID) -> dict[str, object]:
    """Make an instance's row."""
    head = arrival.head
    return {
        "owner_group": arrival.owner_group,
        "study_id": study_id,
        "series_id": series_id,
        "sop_uid": head.sop_instance,
        "sop_class": arrival.sop_class,
        "number": head.instance_number,
        "rows": head.rows,
        "columns": head.columns,
        "frames": max(1, head.frames or 1),
        "transfer_syntax": arrival.transfer_syntax,
        "digest": arrival.digest,
        "size": arrival.size,
        "received_at": arrival.received_at,
    }


def conflict(arrival: Arrival) -> Aside:
    """Keep bytes aside whose UID is taken by other bytes."""
    return Aside(
        owner_group=arrival.owner_group,
        kind="conflict",
        reason="other bytes are already filed under this SOP Instance UID",
        field="SOPInstanceUID",
        remedy="compare the two; if these are right, have the sender give them a new UID",
        digest=arrival.digest,
        size=arrival.size,
        at=arrival.received_at,
        door=arrival.door,
        calling_aet=arrival.calling_aet,
        sop_uid=arrival.head.sop_instance,
        study_uid=arrival.head.study_instance,
        transfer_syntax=arrival.transfer_syntax,
        detail=replay_detail(arrival),
    )


def replay_detail(arrival: Arrival) -> dict[str, str]:
    """Keep what filing again needs and the bytes do not hold."""
    site = str(arrival.site_id) if arrival.site_id else ""
    return {"site_id": site, "issuer": arrival.issuer}


def arrival_of(aside: Aside, head: Head, now: datetime) -> Arrival:
    """Make an arrival again of what was kept aside."""
    site = aside.detail.get("site_id", "")
    return Arrival(
        owner_group=aside.owner_group,
        site_id=SiteId(UUID(site)) if site else None,
        head=head,
        sop_class=head.sop_class,
        transfer_syntax=aside.transfer_syntax,
        digest=aside.digest,
        size=aside.size,
        calling_aet=aside.calling_aet,
        received_at=now,
        issuer=aside.detail.get("issuer", ""),
        door=aside.door,
    )


def study_change(
    study: Counted, arrivals: Sequence[Arrival], images: int, more_series: int
) -> dict[str, object]:
    """Bring a study up to date with the instances just added to it.

    Blank values of the study are filled from the first that has them; who the patient is
    stays as the first instance said, because a change there is a matter for people.
    """
    rows = [study_row(one) for one in arrivals]
    filled = {
        name: next(filter(None, (getattr(study, name), *(row[name] for row in rows))), "")
        for name in ("accession", "description", "referrer", "study_date", "study_time")
    }
    modalities = {*study.modalities, *(clean(one.head.modality) for one in arrivals)} - {""}
    return {
        "id": study.id,
        "series_count": study.series_count + more_series,
        "instance_count": study.instance_count + images,
        "modalities": "\\".join(sorted(modalities)),
        "last_at": max(study.last_at, *(one.received_at for one in arrivals)),
        **filled,
    }


def acquired(arrival: Arrival) -> datetime | None:
    """Place the acquisition on the UTC line; None when its zone or date is unknown.

    DA and TM carry no zone (PS3.5 table 6.2-1): the data set's own offset (0008,0201) is
    taken, else the site's zone.
    """
    head = arrival.head
    zone = offset(head.timezone_offset) or arrival.zone
    moments = (
        (head.acquisition_date, head.acquisition_time),
        (head.content_date, head.content_time),
        (head.study_date, head.study_time),
    )
    date, time = next(((date, time) for date, time in moments if date and time), ("", ""))
    if zone is None or not re.fullmatch("[0-9]{8}", date):
        return None
    try:
        wall = datetime.strptime(date + (time[:6] + "000000")[:6], "%Y%m%d%H%M%S")  # noqa: DTZ007
        return wall.replace(tzinfo=zone).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def offset(text: str) -> timezone | None:
    """Read a TimezoneOffsetFromUTC such as -0600; None when it is not one."""
    found = re.fullmatch(r"([+-])([0-9]{2})([0-9]{2})", text)
    if found is None:
        return None
    sign = -1 if found[1] == "-" else 1
    ahead = sign * timedelta(hours=int(found[2]), minutes=int(found[3]))
    return timezone(ahead) if abs(ahead) < timedelta(hours=24) else None


def name_key(name: str) -> str:
    """Fold a person name for searching: case is ignored, empty last components dropped."""
    return name.casefold().rstrip("^= ")


def clean(value: str) -> str:
    """Keep what a text column can hold: no NUL, no outer spaces, a bounded length."""
    return value.replace("\0", "").strip()[:LONGEST]
