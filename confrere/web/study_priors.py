"""Earlier exams of the same person, the ones worth comparing first. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from confrere.imaging.model import Study
from confrere.kernel.ids import OrderId, ReportId, SiteId, StudyId
from confrere.network.model import Site
from confrere.orders.model import Order
from confrere.reading.model import ELSEWHERE, Report
from confrere.worklist.model import Item

NOT_IMAGES = frozenset({"SR", "PR", "KO", "DOC", "SEG"})


@dataclass(frozen=True, slots=True)
class Prior:
    """An earlier exam: its images, its reports, or both."""

    study: Study | None
    reports: tuple[Report, ...]
    on: date | None  # local to its site
    title: str
    modality: str
    body_region: str
    site_name: str
    relevance: str  # why it stands where it stands; empty: only by its date

    @property
    def elsewhere(self) -> bool:
        """Say whether its report was signed in another system."""
        return any(one.origin == ELSEWHERE for one in self.reports)


@dataclass(frozen=True, slots=True)
class Earlier:
    """What was found of the same person, to be put together."""

    studies: Sequence[Study]
    ties: Mapping[StudyId, Sequence[OrderId]]
    reports: Sequence[Report]
    orders: Mapping[OrderId, Order]
    sites: Mapping[SiteId, Site]


def put_together(item: Item, found: Earlier) -> tuple[Prior, ...]:
    """Make one prior of each study with its reports, and of each report without images.

    Same body region and modality come first, then the same region, then the same modality;
    within each the newest. What was made after this exam is no prior of it.
    """
    told: set[ReportId] = set()
    priors = []
    for study in found.studies:
        ties = found.ties.get(study.id, ())
        about = tuple(
            one for one in found.reports if one.study == study.id or set(one.orders) & set(ties)
        )
        told |= {one.id for one in about}
        order = next((found.orders[tie] for tie in ties if tie in found.orders), None)
        priors.append(_of_study(item, study, about, order, found))
    priors += [_of_report(item, one, found) for one in found.reports if one.id not in told]
    if item.clock_at:
        today = _local(item.clock_at, found.sites.get(item.site))
        priors = [one for one in priors if not (one.on and today and one.on > today)]
    newest = sorted(priors, key=lambda one: one.on or date.min, reverse=True)
    return tuple(sorted(newest, key=lambda one: _rank(item, one)))


def _of_study(
    item: Item, study: Study, about: tuple[Report, ...], order: Order | None, found: Earlier
) -> Prior:
    modality = next((one for one in study.modalities if one not in NOT_IMAGES), "")
    title = (order.content.procedure_text if order else "") or study.description
    site = found.sites.get(study.site_id) if study.site_id else None
    region = order.body_region if order else _region(item, title)
    return Prior(
        study, about, _day(study.study_date), title or modality, modality, region,
        site.short_name if site else study.institution, _why(item, modality, region),
    )  # fmt: skip


def _of_report(item: Item, report: Report, found: Earlier) -> Prior:
    order = next((found.orders[one] for one in report.orders if one in found.orders), None)
    site = found.sites.get(report.site) if report.site else None
    modality = order.modality if order else ""
    region = order.body_region if order else _region(item, report.title)
    return Prior(
        None, (report,), _local(report.exam_at or report.final_at, site), report.title,
        modality, region, site.short_name if site else "", _why(item, modality, region),
    )  # fmt: skip


def _region(item: Item, title: str) -> str:
    """Without an order the title tells the region, when it names that of the present exam."""
    known = item.body_region.casefold()
    return item.body_region if known and known in title.casefold() else ""


def _why(item: Item, modality: str, region: str) -> str:
    same_region = bool(region) and region == item.body_region
    same_modality = bool(modality) and modality == item.modality
    if same_region and same_modality:
        return f"same region, {modality}"
    if same_region:
        return "same region"
    return f"{modality} of another region" if same_modality and region else ""


def _rank(item: Item, prior: Prior) -> int:
    region = bool(prior.body_region) and prior.body_region == item.body_region
    modality = bool(prior.modality) and prior.modality == item.modality
    return 3 - 2 * region - modality


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(f"{text[:4]}-{text[4:6]}-{text[6:8]}")
    except ValueError:
        return None


def _local(at: datetime | None, site: Site | None) -> date | None:
    if at is None:
        return None
    return at.astimezone(ZoneInfo(site.time_zone)).date() if site else at.date()
