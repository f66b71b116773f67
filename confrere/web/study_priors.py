"""Earlier exams of the same person, the most relevant first. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

from confrere.chart.relevance import Subject, rank, relevance, side_of
from confrere.imaging.model import Study
from confrere.kernel.ids import OrderId, ReportId, SiteId, StudyId
from confrere.network.model import Site
from confrere.orders.model import Order
from confrere.orders.suggesting import words_say
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

    The most relevant come first, each with the reason. What was made after this exam is no
    prior of it.
    """
    today = _local(item.clock_at, found.sites.get(item.site)) if item.clock_at else None
    exam = Subject(item.body_region, item.modality, side_of(item.description), today)
    told: set[ReportId] = set()
    priors = []
    for study in found.studies:
        ties = found.ties.get(study.id, ())
        about = tuple(
            one for one in found.reports if one.study == study.id or set(one.orders) & set(ties)
        )
        told |= {one.id for one in about}
        order = next((found.orders[tie] for tie in ties if tie in found.orders), None)
        priors.append(_of_study(exam, study, about, order, found))
    priors += [_of_report(exam, one, found) for one in found.reports if one.id not in told]
    if today:
        priors = [one for one in priors if not (one.on and one.on > today)]
    return tuple(priors[index] for index in rank(exam, [_subject(one) for one in priors]))


def _of_study(
    exam: Subject, study: Study, about: tuple[Report, ...], order: Order | None, found: Earlier
) -> Prior:
    modality = next((one for one in study.modalities if one not in NOT_IMAGES), "")
    title = (order.content.procedure_text if order else "") or study.description
    site = found.sites.get(study.site_id) if study.site_id else None
    return _prior(
        exam, study, about, _day(study.study_date), title or modality, modality, order,
        site.short_name if site else study.institution,
    )  # fmt: skip


def _of_report(exam: Subject, report: Report, found: Earlier) -> Prior:
    order = next((found.orders[one] for one in report.orders if one in found.orders), None)
    site = found.sites.get(report.site) if report.site else None
    return _prior(
        exam, None, (report,), _local(report.exam_at or report.final_at, site), report.title,
        order.modality if order else "", order, site.short_name if site else "",
    )  # fmt: skip


def _prior(
    exam: Subject, study: Study | None, about: tuple[Report, ...], on: date | None, title: str,
    modality: str, order: Order | None, site: str,
) -> Prior:  # fmt: skip
    """Where neither order nor images tell region or modality, the title's words do."""
    words = words_say(title)
    region = (order.body_region if order else "") or words.region
    made = Prior(study, about, on, title, modality or words.modality, region, site, "")
    return replace(made, relevance=relevance(exam, _subject(made)).why)


def _subject(prior: Prior) -> Subject:
    return Subject(prior.body_region, prior.modality, side_of(prior.title), prior.on)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(f"{text[:4]}-{text[4:6]}-{text[6:8]}")
    except ValueError:
        return None


def _local(at: datetime | None, site: Site | None) -> date | None:
    if at is None:
        return None
    return at.astimezone(ZoneInfo(site.time_zone)).date() if site else at.date()
