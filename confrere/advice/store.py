"""SQL of this part, in and out."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import insert

from confrere.advice.model import Asked, Card, Given, Repeats, Tally
from confrere.advice.tables import advice_given, advice_rules, advice_windows, exam_repeats
from confrere.kernel.ids import (
    GroupId,
    OrderId,
    PatientId,
    ReportId,
    SiteId,
    StudyId,
)
from confrere.orders.appropriateness import AppropriatenessRule, When
from confrere.orders.similar import Window


def windows(conn: Connection, owner: GroupId) -> list[Window]:
    """The windows that a group changed, as they stand."""
    c = advice_windows.c
    query = sa.select(advice_windows).where(c.owner_group == owner, c.ended_at.is_(None))
    return [
        Window(
            r.code, r.modality, r.region, r.days, r.same_contrast, r.cites, r.kept_by,
            r.effective_from, r.effective_to,
        )
        for r in conn.execute(query)
    ]  # fmt: skip


def rules(conn: Connection, owner: GroupId) -> list[AppropriatenessRule]:
    """The rules that a group changed or loaded, as they stand."""
    c = advice_rules.c
    query = sa.select(advice_rules).where(c.owner_group == owner, c.ended_at.is_(None))
    return [
        AppropriatenessRule(
            r.code, r.version, r.title, r.says, r.cites, r.kept_by, r.effective_from,
            r.effective_to, _when(r.conditions), r.area, r.origin,
        )
        for r in conn.execute(query.order_by(c.code))
    ]  # fmt: skip


def keep_window(conn: Connection, owner: GroupId, new: Window, by: str, at: datetime) -> None:
    """End what stands under this code and keep the new."""
    values = asdict(new) | {"kept_by": new.owner}
    values.pop("owner")
    _replace(conn, advice_windows, owner, values, by, at)


def keep_rule(
    conn: Connection, owner: GroupId, new: AppropriatenessRule, by: str, at: datetime
) -> None:
    """End what stands under this code and keep the new."""
    values = asdict(new) | {"kept_by": new.owner, "conditions": asdict(new.when)}
    values.pop("owner")
    values.pop("when")
    _replace(conn, advice_rules, owner, values, by, at)


def _replace(
    conn: Connection, table: sa.Table, owner: GroupId, values: dict[str, Any], by: str,
    at: datetime,
) -> None:  # fmt: skip
    stands = sa.update(table).where(
        table.c.owner_group == owner, table.c.code == values["code"], table.c.ended_at.is_(None)
    )
    conn.execute(stands.values(ended_at=at))
    row = values | {"owner_group": owner, "recorded_at": at, "recorded_by": by}
    conn.execute(sa.insert(table).values(**row))


def give(conn: Connection, asked: Asked, card: Card, at: datetime) -> Given:
    """Keep a card that is shown; the same for the same request is found again."""
    prior = card.prior
    values: dict[str, Any] = {
        "owner_group": asked.owner_group, "site_id": asked.site, "patient_id": asked.patient,
        "order_id": asked.order, "request": asked.request, "about": card.about,
        "channel": asked.channel, "kind": card.kind, "rule": card.rule,
        "rule_version": card.version, "window_days": card.window_days,
        "summary": card.summary, "detail": card.detail, "cites": card.cites,
        "procedure_code": asked.procedure_code, "procedure_text": asked.exam.text,
        "modality": asked.exam.modality, "region": asked.exam.region,
        "placer_number": asked.placer_number, "days": card.days, "shown_at": at,
    }  # fmt: skip
    if prior is not None:
        values |= {
            "prior_group": prior.owner_group, "prior_site": prior.site,
            "prior_order": prior.order, "prior_study": prior.study,
            "prior_report": prior.report, "prior_on": prior.exam.on,
            "across_sites": prior.site != asked.site,
        }  # fmt: skip
    made = insert(advice_given).values(**values).on_conflict_do_nothing()
    row = conn.execute(made.returning(advice_given)).first()
    c = advice_given.c
    if row is None:
        row = conn.execute(
            sa.select(advice_given).where(
                c.owner_group == asked.owner_group, c.request == asked.request,
                c.about == card.about,
            )
        ).one()  # fmt: skip
    return _given(row)


def find(
    conn: Connection, owner: GroupId, *, site: SiteId | None = None,
    ids: Sequence[UUID] = (), order: OrderId | None = None, patient: PatientId | None = None,
    since: datetime | None = None, undecided: bool = False, limit: int = 200,
) -> list[Given]:  # fmt: skip
    """Advice that was shown, newest first; every condition given must hold."""
    c = advice_given.c
    query = sa.select(advice_given).where(c.owner_group == owner)
    for condition in (
        c.site_id == site if site else None,
        c.id.in_(ids) if ids else None,
        c.order_id == order if order else None,
        c.patient_id == patient if patient else None,
        c.shown_at >= since if since else None,
        c.outcome == "" if undecided else None,
    ):
        if condition is not None:
            query = query.where(condition)
    rows = conn.execute(query.order_by(c.shown_at.desc(), c.id).limit(limit))
    return [_given(row) for row in rows]


def decide(
    conn: Connection, owner: GroupId, ids: Sequence[UUID], outcome: str, reason: str, by: str,
    at: datetime,
) -> int:  # fmt: skip
    """Note what was decided; return how many there were."""
    c = advice_given.c
    done = sa.update(advice_given).where(c.owner_group == owner, c.id.in_(ids))
    done = done.values(outcome=outcome, reason=reason, decided_by=by, decided_at=at)
    return len(conn.execute(done.returning(c.id)).all())


def tie(
    conn: Connection, owner: GroupId, site: SiteId, patients: Sequence[PatientId],
    placer: str, code: str, order: OrderId, since: datetime,
) -> None:  # fmt: skip
    """Tie advice that was shown before the order came to it: by placer number, else by code."""
    c = advice_given.c
    same = c.procedure_code == code if code else sa.false()
    if placer:
        same = sa.or_(c.placer_number == placer, sa.and_(c.placer_number == "", same))
    conn.execute(
        sa.update(advice_given)
        .where(
            c.owner_group == owner, c.site_id == site, c.patient_id.in_(patients),
            c.order_id.is_(None), c.shown_at >= since, same,
        )
        .values(order_id=order)
    )  # fmt: skip


def set_fate(conn: Connection, order: OrderId, fate: str, at: datetime) -> None:
    """Note that an order with advice was cancelled or changed."""
    c = advice_given.c
    conn.execute(
        sa.update(advice_given)
        .where(c.order_id == order, c.fate != fate)
        .values(fate=fate, fate_at=at)
    )


def note_repeat(conn: Connection, values: dict[str, Any]) -> None:
    """Keep what an exam is to the one before it."""
    made = insert(exam_repeats).values(**values)
    news = {name: made.excluded[name] for name in values if name != "order_id"}
    conn.execute(made.on_conflict_do_update(index_elements=["order_id"], set_=news))


def forget_repeat(conn: Connection, order: OrderId) -> None:
    """Take an exam out of the repeats, as when its order was cancelled."""
    conn.execute(sa.delete(exam_repeats).where(exam_repeats.c.order_id == order))


def tallies(
    conn: Connection, owner: GroupId, site: SiteId | None, since: datetime, until: datetime
) -> list[Tally]:
    """What became of advice, by month, kind and channel."""
    c, number = advice_given.c, sa.func.count()
    month = sa.func.date_trunc("month", sa.func.timezone("UTC", c.shown_at)).cast(sa.Date)
    query = sa.select(
        month, c.kind, c.channel, number, number.filter(c.outcome == "accepted"),
        number.filter(c.outcome.in_(("overridden", "go on"))),
        number.filter(c.outcome == "", c.fate == ""),
        number.filter(sa.or_(c.outcome == "cancelled", c.fate == "cancelled")),
        number.filter(sa.or_(c.outcome == "changed", c.fate == "changed")),
    ).where(c.owner_group == owner, c.shown_at >= since, c.shown_at < until)  # fmt: skip
    if site:
        query = query.where(c.site_id == site)
    rows = conn.execute(query.group_by(month, c.kind, c.channel).order_by(month, c.kind))
    return [Tally(*row) for row in rows]


def reasons(
    conn: Connection, owner: GroupId, site: SiteId | None, since: datetime, until: datetime
) -> list[tuple[str, int]]:
    """Why advice was not followed, most frequent first."""
    c, number = advice_given.c, sa.func.count()
    query = sa.select(c.reason, number).where(
        c.owner_group == owner, c.shown_at >= since, c.shown_at < until, c.reason != "",
        c.outcome.in_(("overridden", "go on")),
    )  # fmt: skip
    if site:
        query = query.where(c.site_id == site)
    rows = conn.execute(query.group_by(c.reason).order_by(number.desc(), c.reason).limit(12))
    return [(row[0], row[1]) for row in rows]


def data_end(conn: Connection, owner: GroupId, site: SiteId | None) -> date | None:
    """The day of the last exam that the repeats know."""
    c = exam_repeats.c
    query = sa.select(sa.func.max(c.exam_on)).where(c.owner_group == owner)
    found: date | None = conn.execute(
        query.where(c.site_id == site) if site else query
    ).scalar_one()
    return found


def repeats(
    conn: Connection, owner: GroupId, site: SiteId | None, since: date, end: date, days: int
) -> Repeats:
    """Count the repeats of index exams since a day whose window lies within the data."""
    index, later = exam_repeats.alias("index"), exam_repeats.alias("later")
    last = end - timedelta(days=days)
    joined = sa.and_(
        later.c.previous == index.c.order_id, later.c.excuse == "", later.c.days <= days
    )
    hit = sa.distinct(index.c.order_id)
    query = (
        sa.select(
            sa.func.count(hit),
            sa.func.count(hit).filter(later.c.order_id.is_not(None)),
            sa.func.count(hit).filter(later.c.site_id != index.c.site_id),
            sa.func.count(hit).filter(later.c.report_at_hand),
        )
        .select_from(index.outerjoin(later, joined))
        .where(index.c.owner_group == owner, index.c.exam_on >= since, index.c.exam_on <= last)
    )
    if site:
        query = query.where(index.c.site_id == site)
    return Repeats(days, *conn.execute(query).one())


def _when(said: dict[str, Any]) -> When:
    values: dict[str, Any] = {
        k: tuple(v) if isinstance(v, list) else v for k, v in said.items()
    }
    return When(**values)


def _given(r: Any) -> Given:
    return Given(
        r.id, GroupId(r.owner_group), SiteId(r.site_id), PatientId(r.patient_id),
        OrderId(r.order_id) if r.order_id else None, r.channel, r.kind, r.rule,
        r.rule_version, r.window_days, r.summary, r.detail, r.cites, r.procedure_code,
        r.procedure_text, r.modality, r.region,
        GroupId(r.prior_group) if r.prior_group else None,
        SiteId(r.prior_site) if r.prior_site else None,
        OrderId(r.prior_order) if r.prior_order else None,
        StudyId(r.prior_study) if r.prior_study else None,
        ReportId(r.prior_report) if r.prior_report else None,
        r.prior_on, r.days, r.across_sites, r.shown_at, r.outcome, r.reason, r.decided_at,
        r.decided_by, r.fate,
    )  # fmt: skip
