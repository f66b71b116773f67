"""SQL of what one group read for another, and of when work comes in."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy import Connection

from confrere.kernel.ids import GroupId, SiteId


@dataclass(frozen=True, slots=True)
class Lent:
    """What a group read for another in one month."""

    month: date
    exams: int
    wrvu: Decimal
    unvalued: int  # exams whose procedure has no wRVU on the map


@dataclass(frozen=True, slots=True)
class Came:
    """An exam that came to be read, without its patient."""

    owner_group: GroupId
    site: SiteId
    at: datetime
    due: datetime
    priority: str
    modality: str
    body_region: str
    subspecialty: str
    wrvu: Decimal | None


def came(conn: Connection, since: datetime, until: datetime) -> list[Came]:
    """Exams completed in a period that had a limit, in order of time."""
    query = sa.text(
        """
        select owner_group, site_id, complete_at, due_at, priority, modality, body_region,
            subspecialty, wrvu
        from exam_facts
        where complete_at >= :since and complete_at < :until and due_at > complete_at
        order by complete_at, id
        """
    )
    return [Came(*row) for row in conn.execute(query, {"since": since, "until": until})]


def lent(
    conn: Connection, owner: GroupId, reading: GroupId, now: datetime, months: int
) -> tuple[Lent, ...]:
    """Count what `reading` signed for `owner` in the last months (UTC), newest first.

    Months without a read are there too.
    """
    query = sa.text(
        """
        with months as (
            select generate_series(
                date_trunc('month', cast(:now as timestamp)) - make_interval(months => :back),
                date_trunc('month', cast(:now as timestamp)), interval '1 month') as starts
        )
        select starts::date as month, count(f.id) as exams,
            coalesce(sum(f.wrvu), 0) as wrvu,
            count(f.id) filter (where f.wrvu is null) as unvalued
        from months left join exam_facts f on f.owner_group = :owner
            and f.reader_group = :reading and f.final_at is not null
            and f.counted_at >= starts at time zone 'UTC'
            and f.counted_at < (starts + interval '1 month') at time zone 'UTC'
        group by starts order by starts desc
        """
    )
    naive = now.replace(tzinfo=None)
    values = {"now": naive, "back": months - 1, "owner": owner, "reading": reading}
    rows = conn.execute(query, values)
    return tuple(Lent(r.month, r.exams, r.wrvu, r.unvalued) for r in rows)


def demand(
    conn: Connection, owner: GroupId, since: datetime, until: datetime,
    zones: Mapping[SiteId, str],
) -> dict[tuple[int, int, str], int]:  # fmt: skip
    """Count a group's exams by (weekday, hour) of the sites' wall clocks and subspecialty.

    Weekdays count from Monday 0. A site that `zones` does not name is left out.
    """
    query = sa.text(
        """
        select (extract(isodow from wall) - 1)::integer as weekday,
            extract(hour from wall)::integer as hour, subspecialty, count(*) as exams
        from (
            select f.subspecialty, f.complete_at at time zone z.zone as wall
            from exam_facts f join unnest(
                cast(:sites as uuid[]), cast(:zones as text[])) as z(site_id, zone)
                on z.site_id = f.site_id
            where f.owner_group = :owner and f.complete_at >= :since and f.complete_at < :until
                and f.subspecialty <> ''
        ) as placed group by 1, 2, 3
        """
    )
    values = {
        "owner": owner, "since": since, "until": until, "sites": list(zones),
        "zones": list(zones.values()),
    }  # fmt: skip
    rows = conn.execute(query, values)
    return {(r.weekday, r.hour, r.subspecialty): r.exams for r in rows}
