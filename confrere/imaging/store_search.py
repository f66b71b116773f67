"""SQL of searches and of finding an object by its UIDs.

Own rows and shared ones are two queries in one: with OR the planner leaves the indexes that
start with the owner group.
"""

from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import ARRAY

from confrere.imaging.attributes import Level
from confrere.imaging.matching import (
    AnyOf,
    Between,
    Like,
    Match,
    Persons,
    Query,
    Sounding,
    folded,
    sql_pattern,
)
from confrere.imaging.model import Found, Instance, Scope, Series, Study
from confrere.imaging.rows import (
    INSTANCE,
    NEWEST,
    SERIES,
    STUDY,
    instance_of,
    series_of,
    study_of,
)
from confrere.imaging.tables import instances, series, studies
from confrere.kernel.ids import StudyId

TABLES = {Level.STUDY: studies, Level.SERIES: series, Level.INSTANCE: instances}
ORDER: dict[Level, tuple[Any, ...]] = {
    Level.STUDY: NEWEST,
    Level.SERIES: (*NEWEST, series.c.number.nulls_last(), series.c.id),
    Level.INSTANCE: (
        *NEWEST,
        series.c.number.nulls_last(),
        series.c.id,
        instances.c.number.nulls_last(),
        instances.c.id,
    ),
}
_LAST = 2**31  # beyond any number of a series or an instance
# what was rejected, or moved away, is not there for who asks
_SHOWN = (studies.c.instance_count > 0, series.c.instance_count > 0, instances.c.hidden == "")


def search(
    conn: Connection, level: Level, query: Query, study: StudyId | None = None
) -> list[Found]:
    """Return what fits, newest first; `study` narrows to one study picked before."""
    end = query.offset + query.limit
    shared: list[Found] = []
    if query.scope.shared:
        statement = _select(level, query, _shared(query.scope), study).limit(end)
        shared = [_found(level, row) for row in conn.execute(statement)]
    # so many own rows lie before the page, wherever the shared ones stand among them
    skipped = max(0, query.offset - len(shared))
    statement = _select(level, query, _own(query.scope), study)
    own = conn.execute(statement.offset(skipped).limit(end - skipped)).all()
    found = [_found(level, row) for row in own]
    if shared:
        found = sorted(found + shared, key=_newest_last, reverse=True)
    return found[query.offset - skipped : end - skipped]


def pick_study(conn: Connection, scope: Scope, study_uid: str) -> Study | None:
    """Find the one study a UID stands for: the caller's own first, then the newest."""
    own = studies.c.owner_group == sa.any_(sa.literal(sorted(scope.groups), ARRAY(sa.Uuid)))
    row = conn.execute(
        sa.select(*STUDY)
        .where(studies.c.study_uid == study_uid, _SHOWN[0], _visible(scope), *_at_site(scope))
        .order_by(own.desc(), studies.c.last_at.desc(), studies.c.id)
        .limit(1)
    ).one_or_none()
    return study_of(row) if row else None


def pick_series(conn: Connection, study: StudyId, series_uid: str) -> Series | None:
    """Find a series within a study row."""
    row = conn.execute(
        sa.select(*SERIES).where(series.c.study_id == study, series.c.series_uid == series_uid)
    ).one_or_none()
    return series_of(row) if row else None


def instances_of(
    conn: Connection, study: StudyId, series_uid: str | None, sop_uid: str | None
) -> list[Instance]:
    """Return a study's instances, or those of one series, or one, in their order."""
    wanted = [instances.c.study_id == study, _SHOWN[Level.INSTANCE]]
    if series_uid is not None:
        wanted.append(series.c.series_uid == series_uid)
    if sop_uid is not None:
        wanted.append(instances.c.sop_uid == sop_uid)
    rows = conn.execute(
        sa.select(*INSTANCE)
        .join(series, series.c.id == instances.c.series_id)
        .where(*wanted)
        .order_by(*ORDER[Level.INSTANCE][3:])
    )
    return [instance_of(row) for row in rows]


def series_of_study(conn: Connection, study: StudyId) -> list[Series]:
    """Return a study's series by number."""
    rows = conn.execute(
        sa.select(*SERIES)
        .where(series.c.study_id == study, _SHOWN[Level.SERIES])
        .order_by(series.c.number.nulls_last(), series.c.id)
    )
    return [series_of(row) for row in rows]


def _select(level: Level, query: Query, leg: Any, study: StudyId | None) -> Any:
    columns: list[Any] = [*STUDY]
    source: Any = studies
    if level >= Level.SERIES:
        columns += SERIES
        source = source.join(series, series.c.study_id == studies.c.id)
    if level is Level.INSTANCE:
        columns += INSTANCE
        source = source.join(instances, instances.c.series_id == series.c.id)
    wanted = [leg, *_at_site(query.scope), *(_condition(one) for one in query.matches)]
    wanted += _SHOWN[: level + 1]
    if study is not None:
        wanted.append(studies.c.id == study)
    if query.persons is not None:
        wanted.append(_of_persons(query.persons))
    if query.after is not None:
        wanted += _after(level, query.after)
    return sa.select(*columns).select_from(source).where(*wanted).order_by(*ORDER[level])


def _after(level: Level, last: Found) -> list[Any]:
    """What sorts behind a result; numbers that are missing come last, as in ORDER."""
    study = last.study
    newest = sa.tuple_(studies.c.study_date, studies.c.study_time, studies.c.id)
    place = sa.tuple_(
        sa.literal(study.study_date), sa.literal(study.study_time), sa.literal(study.id)
    )
    if level is Level.STUDY or last.series is None:
        return [newest < place]
    below = [_numbered(series.c.number), series.c.id]
    values = [_number(last.series.number), sa.literal(last.series.id)]
    if level is Level.INSTANCE and last.instance is not None:
        below += [_numbered(instances.c.number), instances.c.id]
        values += [_number(last.instance.number), sa.literal(last.instance.id)]
    further = sa.and_(studies.c.id == study.id, sa.tuple_(*below) > sa.tuple_(*values))
    # the first of the two is what the index follows
    return [newest <= place, sa.or_(newest < place, further)]


def _numbered(column: Any) -> Any:
    return sa.func.coalesce(sa.cast(column, sa.BigInteger), _LAST)


def _number(value: int | None) -> Any:
    return sa.literal(_LAST if value is None else value, sa.BigInteger)


def _of_persons(persons: Persons) -> Any:
    known = studies.c.patient_id == sa.any_(
        sa.literal(sorted(persons.patients), ARRAY(sa.Uuid))
    )
    number = sa.tuple_(studies.c.owner_group, studies.c.mrn, studies.c.issuer)
    strange = sa.and_(studies.c.patient_id.is_(None), number.in_(sorted(persons.numbers)))
    return sa.or_(known, strange)


def _own(scope: Scope) -> Any:
    if len(scope.groups) == 1:  # equality keeps the index's order; = any() does not
        return studies.c.owner_group == next(iter(scope.groups))
    return studies.c.owner_group == sa.any_(sa.literal(sorted(scope.groups), ARRAY(sa.Uuid)))


def _shared(scope: Scope) -> Any:
    shared = studies.c.id == sa.any_(sa.literal(sorted(scope.shared), ARRAY(sa.Uuid)))
    return sa.and_(shared, sa.not_(_own(scope)))


def _visible(scope: Scope) -> Any:
    return sa.or_(_own(scope), _shared(scope)) if scope.shared else _own(scope)


def _at_site(scope: Scope) -> list[Any]:
    return [studies.c.site_id == scope.site] if scope.site else []


def _condition(match: Match) -> Any:
    if isinstance(match, Sounding):
        known = studies.c.patient_id == sa.any_(sa.literal(match.patients, ARRAY(sa.Uuid)))
        return sa.or_(_condition(match.literal), known)
    attribute = match.attribute
    column: Any = TABLES[attribute.level].c[attribute.column]
    if attribute.column == "modalities":
        return _modality(column, match)
    if attribute.column == "patient_name":
        column = studies.c.patient_name_key.collate("C")  # as its index
    if isinstance(match, AnyOf):
        return column == match.values[0] if len(match.values) == 1 else column.in_(match.values)
    if isinstance(match, Between):
        bytewise = column.collate("C") if attribute.vr == "TM" else column
        low = bytewise >= (match.low or "0")
        return low if match.high is None else sa.and_(low, bytewise <= match.high)
    if folded(attribute) and attribute.column != "patient_name":
        pattern = sql_pattern(match.pattern.casefold())
        return sa.func.lower(column).like(pattern, escape="\\")
    return column.like(sql_pattern(match.pattern), escape="\\")


def _modality(column: Any, match: Match) -> Any:
    if isinstance(match, AnyOf):
        return column.overlap(sa.cast(list(match.values), ARRAY(sa.Text)))
    assert isinstance(match, Like)  # noqa: S101 - text has no other form
    one = sa.func.unnest(column).table_valued("modality").render_derived()
    fits = one.c.modality.like(sql_pattern(match.pattern), escape="\\")
    return sa.exists(sa.select(1).select_from(one).where(fits))


def _found(level: Level, row: Any) -> Found:
    start = len(STUDY)
    return Found(
        study_of(row),
        series_of(row, start) if level >= Level.SERIES else None,
        instance_of(row, start + len(SERIES)) if level is Level.INSTANCE else None,
    )


def _newest_last(found: Found) -> tuple[str, str, str]:
    return found.study.study_date, found.study.study_time, str(found.study.id)
