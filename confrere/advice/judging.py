"""From an order, the earlier exams and the rules to cards. Pure."""

from collections.abc import Mapping, Sequence

from confrere.advice.model import APPROPRIATENESS, DUPLICATE, Asked, Card, Prior
from confrere.kernel.ids import SiteId
from confrere.network.model import Site
from confrere.orders.appropriateness import AppropriatenessRule, Doubt, doubts
from confrere.orders.similar import Similar, Window, find_similar

MOST_CARDS = 5
LONGEST_SUMMARY = 140  # CDS Hooks 2.0: "<140-character"
LONGEST_IMPRESSION = 1200


def cards_of(
    asked: Asked, priors: Sequence[Prior], windows: Sequence[Window],
    rules: Sequence[AppropriatenessRule], sites: Mapping[SiteId, Site],
) -> tuple[Card, ...]:  # fmt: skip
    """The cards for one order: recent similar exams first, then doubts about the need."""
    by_id = {one.exam.id: one for one in priors}
    earlier = [one.exam for one in priors]
    alike = find_similar(asked.exam, earlier, windows)
    made = [_duplicate(one, by_id[one.exam.id], sites) for one in alike]
    made += [_doubt(one) for one in doubts(asked.exam, asked.known, rules)]
    return tuple(made[:MOST_CARDS])


def _duplicate(found: Similar, prior: Prior, sites: Mapping[SiteId, Site]) -> Card:
    site = sites.get(prior.site) if prior.site else None
    where = site.short_name if site else found.exam.site or "an unnamed site"
    what = found.exam.text or f"{found.exam.modality} {found.exam.region}"
    ago = "today" if not found.days else f"{found.days} day{'s' * (found.days != 1)} ago"
    state = "Already ordered" if prior.waiting else "A similar exam was made"
    summary = f"{state} {ago}: {what}, {where}"
    said = "It is not made yet." if prior.waiting else "No report that may be shown here."
    if prior.impression:
        said = f"Impression: {prior.impression[:LONGEST_IMPRESSION]}"
    kept = f"window {found.window.code}, kept by {found.window.owner}"
    lines = (
        f"**{what}** ({found.exam.modality}), {where}, {found.exam.on.isoformat()}.",
        said,
        f"Alert for {found.window.days} days ({kept}). You decide.",
    )
    return Card(
        DUPLICATE, found.window.code, 1, shortened(summary), "\n\n".join(lines),
        found.window.cites, f"{DUPLICATE}:{found.exam.id}", found.window.days, found.days, prior,
    )  # fmt: skip


def _doubt(found: Doubt) -> Card:
    rule = found.rule
    summary = f"May not be needed: {rule.title}"
    detail = (
        f"May not be needed: {rule.says}; because {found.because}.\n\nSource: {rule.cites} "
        f"(rule {rule.code} version {rule.version}, kept by {rule.owner}). You decide."
    )
    return Card(
        APPROPRIATENESS, rule.code, rule.version, shortened(summary), detail, rule.cites,
        f"{APPROPRIATENESS}:{rule.code}",
    )  # fmt: skip


def shortened(text: str) -> str:
    """Cut a summary to what a card may have."""
    if len(text) < LONGEST_SUMMARY:
        return text
    return text[: LONGEST_SUMMARY - 2].rstrip() + "\N{HORIZONTAL ELLIPSIS}"
