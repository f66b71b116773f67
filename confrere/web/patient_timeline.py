"""A person's exams as one timeline: orders, images and reports that belong together. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from confrere.imaging.model import Study
from confrere.kernel.ids import OrderId, ReportId, SiteId, StudyId
from confrere.network.model import Site
from confrere.orders.model import Order
from confrere.reading.model import Report
from confrere.web.exceptions_found import day_of


@dataclass(frozen=True, slots=True)
class Exam:
    """One line of the timeline; `on` is local to its site."""

    on: date | None
    title: str
    modality: str
    site: Site | None
    accessions: tuple[str, ...]
    status: str
    orders: tuple[Order, ...]
    study: Study | None
    reports: tuple[Report, ...]


@dataclass(frozen=True, slots=True)
class Records:
    """What was found of one person."""

    studies: Sequence[Study]
    ties: Mapping[StudyId, Sequence[OrderId]]
    orders: Sequence[Order]
    reports: Sequence[Report]
    sites: Mapping[SiteId, Site]


def timeline(found: Records) -> tuple[Exam, ...]:
    """Make one exam of each study, then of each order and report left over; newest first."""
    orders = {one.id: one for one in found.orders}
    exams, used, told = [], set[OrderId](), set[ReportId]()
    for study in found.studies:
        own = tuple(orders[tie] for tie in found.ties.get(study.id, ()) if tie in orders)
        about = _reports(found, study, own)
        used |= {one.id for one in own}
        told |= {one.id for one in about}
        exams.append(_exam(found, study, own, about))
    for order in found.orders:
        if order.id not in used:
            about = tuple(one for one in _reports(found, None, (order,)) if one.id not in told)
            told |= {one.id for one in about}
            exams.append(_exam(found, None, (order,), about))
    exams += [_exam(found, None, (), (one,)) for one in found.reports if one.id not in told]
    return tuple(sorted(exams, key=lambda one: one.on or date.min, reverse=True))


def _reports(
    found: Records, study: Study | None, orders: Sequence[Order]
) -> tuple[Report, ...]:
    ids = {one.id for one in orders}
    return tuple(
        one
        for one in found.reports
        if (study is not None and one.study == study.id) or ids & set(one.orders)
    )


def _exam(
    found: Records, study: Study | None, orders: tuple[Order, ...], reports: tuple[Report, ...]
) -> Exam:
    site = _site(found, study, orders, reports)
    titles = [one.content.procedure_text or one.content.procedure_code for one in orders]
    titles += [study.description] if study else []
    titles += [one.title for one in reports]
    numbers = [one.content.accession for one in orders]
    modality = next((one.modality for one in orders if one.modality), "")
    return Exam(
        on=_day(site, study, orders, reports),
        title=next((one for one in titles if one), ""),
        modality=modality or (study.modalities[0] if study and study.modalities else ""),
        site=site,
        accessions=tuple(numbers or ([study.accession] if study and study.accession else [])),
        status=_status(study, orders, reports),
        orders=orders,
        study=study,
        reports=reports,
    )


def _site(
    found: Records, study: Study | None, orders: Sequence[Order], reports: Sequence[Report]
) -> Site | None:
    ids = [one.site for one in orders] + ([study.site_id] if study and study.site_id else [])
    ids += [one.site for one in reports if one.site]
    return next((found.sites[one] for one in ids if one in found.sites), None)


def _day(
    site: Site | None, study: Study | None, orders: Sequence[Order], reports: Sequence[Report]
) -> date | None:
    on = day_of(study.study_date) if study else None
    told: list[datetime | None] = [one.content.exam_complete_at for one in orders]
    told += [one.content.ordered_at for one in orders]
    told += [one.exam_at or one.final_at for one in reports]
    at = next((one for one in told if one), study.first_at if study else None)
    if on or at is None:
        return on
    return (at.astimezone(ZoneInfo(site.time_zone)) if site else at).date()


def _status(study: Study | None, orders: Sequence[Order], reports: Sequence[Report]) -> str:
    if reports:
        return reports[0].state
    if orders:
        return orders[0].content.status
    return "images only" if study else ""
