"""SQL of tier rules, retention rules and legal holds, in and out."""

from collections.abc import Collection
from dataclasses import asdict
from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import insert

from confrere.keeping.model import By, Hold, TierRule
from confrere.keeping.retention import Rule
from confrere.keeping.tables import legal_holds, retention_rules, tier_rules
from confrere.kernel.ids import GroupId, PatientId, SiteId, StudyId

NEWEST = 500  # holds shown


def tiers(conn: Connection) -> dict[SiteId, TierRule]:
    """The tier rule of each site that has one."""
    return {
        SiteId(r.site_id): TierRule(
            SiteId(r.site_id), GroupId(r.owner_group), r.unused_days, r.age_days, r.warm
        )
        for r in conn.execute(sa.select(tier_rules))
    }


def set_tier(conn: Connection, rule: TierRule) -> None:
    """Write a site's tier rule."""
    values = asdict(rule)
    site = values.pop("site")
    made = insert(tier_rules).values(site_id=site, **values)
    conn.execute(made.on_conflict_do_update(index_elements=["site_id"], set_=values))


def rules(conn: Connection, owner: GroupId | None) -> list[Rule]:
    """The common rules and a group's own, by name."""
    c = retention_rules.c
    query = sa.select(retention_rules).where(
        sa.or_(c.owner_group.is_(None), c.owner_group == owner)
    )
    return [_rule(r) for r in conn.execute(query.order_by(c.code, c.starts_on, c.id))]


def add_rule(conn: Connection, rule: Rule) -> None:
    """Add a group's own rule."""
    values = asdict(rule)
    del values["id"]
    values["site_id"] = values.pop("site")
    conn.execute(sa.insert(retention_rules).values(**values))


def end_rule(conn: Connection, key: UUID, owner: GroupId, on: date, by: str) -> bool:
    """End a group's own rule; False when it is not there or ended."""
    c = retention_rules.c
    done = (
        sa.update(retention_rules)
        .where(c.id == key, c.owner_group == owner, c.ends_on.is_(None))
        .values(ends_on=on, by_name=by)
        .returning(c.id)
    )
    return conn.execute(done).first() is not None


def holds(conn: Connection, owners: Collection[GroupId], *, lifted: bool) -> list[Hold]:
    """Holds, newest first."""
    c = legal_holds.c
    query = sa.select(legal_holds).where(c.owner_group.in_(owners))
    if not lifted:
        query = query.where(c.lifted_at.is_(None))
    return [
        _hold(r) for r in conn.execute(query.order_by(c.placed_at.desc(), c.id).limit(NEWEST))
    ]


def held(conn: Connection) -> tuple[frozenset[StudyId], frozenset[PatientId]]:
    """All that is on hold, of every group the caller sees."""
    c = legal_holds.c
    found = conn.execute(sa.select(c.study_id, c.patient_id).where(c.lifted_at.is_(None))).all()
    return (
        frozenset(StudyId(r.study_id) for r in found if r.study_id),
        frozenset(PatientId(r.patient_id) for r in found if r.patient_id),
    )


def add_hold(
    conn: Connection, owner: GroupId, study: StudyId | None, patient: PatientId | None,
    reason: str, by: By, at: datetime,
) -> Hold:  # fmt: skip
    """Place a hold."""
    made = sa.insert(legal_holds).values(
        owner_group=owner, study_id=study, patient_id=patient, reason=reason,
        placed_by=by.name, placed_by_user=by.user, placed_at=at,
    ).returning(legal_holds)  # fmt: skip
    return _hold(conn.execute(made).one())


def lift(conn: Connection, key: UUID, reason: str, by: By, at: datetime) -> Hold | None:
    """Lift a hold; None when it is not there or lifted already."""
    c = legal_holds.c
    done = sa.update(legal_holds).where(c.id == key, c.lifted_at.is_(None)).values(
        lifted_by=by.name, lifted_by_user=by.user, lifted_at=at, lifted_because=reason,
    ).returning(legal_holds)  # fmt: skip
    row = conn.execute(done).first()
    return _hold(row) if row else None


def _rule(r: Any) -> Rule:
    return Rule(
        r.id, r.code, r.words, r.years, r.source, r.starts_on,
        GroupId(r.owner_group) if r.owner_group else None,
        SiteId(r.site_id) if r.site_id else None, r.modality, r.state, r.years_if_later,
        r.until_age, r.ends_on, r.by_name,
    )  # fmt: skip


def _hold(r: Any) -> Hold:
    return Hold(
        r.id, GroupId(r.owner_group), StudyId(r.study_id) if r.study_id else None,
        PatientId(r.patient_id) if r.patient_id else None, r.reason, r.placed_by, r.placed_at,
        r.lifted_by, r.lifted_at, r.lifted_because,
    )  # fmt: skip
