"""Which site an order or image belongs to: one PACS or engine serves many. Pure."""

from collections.abc import Iterable

from confrere.kernel.ids import SiteId
from confrere.network.systems import Peer, SiteHints, SiteRule


def resolve_site(peer: Peer, rules: Iterable[SiteRule], hints: SiteHints) -> SiteId | None:
    """Pick the site by the first rule that matches, in rank order, then the peer's own.

    A rule matches when every field that it fills agrees: facility, institution and issuer
    in full (case and outer spaces aside), the accession number by its beginning. None means
    that nothing says so, and a person must: the site is never guessed.
    """
    for rule in sorted(rules, key=lambda r: r.rank):
        if rule.owner_group == peer.owner_group and _matches(rule, peer, hints):
            return rule.site
    return peer.site


def _matches(rule: SiteRule, peer: Peer, hints: SiteHints) -> bool:
    if rule.peer is not None and rule.peer != peer.id:
        return False
    asked = (
        (rule.facility, hints.facility),
        (rule.institution, hints.institution),
        (rule.issuer, hints.issuer),
    )
    if any(want and want.strip().casefold() != have.strip().casefold() for want, have in asked):
        return False
    if rule.accession_prefix and not hints.accession.startswith(rule.accession_prefix):
        return False
    says_nothing = not any(
        (rule.facility, rule.institution, rule.issuer, rule.accession_prefix)
    )
    return not says_nothing or rule.peer is not None
