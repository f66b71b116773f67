"""What a reader's file at a site still lacks before the first read there. Pure.

The packet of credentialing by proxy (42 CFR 482.22(a)(3)-(4)), with what else the rules will ask.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from confrere.kernel.ids import GroupId
from confrere.network.agreements import IN_FORCE
from confrere.network.credentials import (
    TELERADIOLOGY,
    current,
    includes,
)
from confrere.network.model import BY_PROXY, Agreement, Reader, Site
from confrere.worklist.competence import reads_mammograms
from confrere.worklist.licensure import ACTIVE, proxy_gaps
from confrere.worklist.model import Outcome

BREAST = "breast"


@dataclass(frozen=True, slots=True)
class Gap:
    """One thing that is missing, and the kind of credential that would close it."""

    says: str
    kind: str


def gaps(reader: Reader, site: Site, day: date) -> tuple[Gap, ...]:
    """Everything that is missing for one reader at one site; empty when the file is whole."""
    found = []
    licensed = any(
        one.status == ACTIVE and one.state == site.state
        for one in current(reader.licences, day)
    )
    if not licensed:
        found.append(Gap(f"a licence in {site.state}", "licence"))
    found += [Gap(says, "privilege") for says in _privilege(reader, site, day)]
    covered = any(
        includes(one.states, site.state)
        and TELERADIOLOGY in one.activities
        and one.each_claim >= (site.each_claim or 0)
        and one.aggregate >= (site.aggregate or 0)
        for one in current(reader.covers, day)
    )
    if not covered:
        found.append(Gap(f"cover for teleradiology in {site.state}, with its limits", "cover"))
    known = [one for one in reader.identifiers if one.site == site.id]
    if not known:
        found.append(Gap("the site's identifier of the reader", "identifier"))
    elif not any(one.verified_on and one.verified_on <= day for one in known):
        found.append(Gap("an acknowledged test result with the identifier", "identifier"))
    if BREAST in reader.subspecialties:
        judged = reads_mammograms(reader, site, day)
        if judged.outcome is not Outcome.HOLDS:
            found.append(Gap(f"for mammography: {judged.because}", "mammography file"))
    return tuple(found)


def _privilege(reader: Reader, site: Site, day: date) -> list[str]:
    there = [one for one in current(reader.privileges, day) if one.site == site.id]
    if not there:
        return ["a privilege"]
    if any(one.path != BY_PROXY for one in there):
        return []
    return min((proxy_gaps(one, day) for one in there), key=len)


def sites_read(
    group: GroupId, sites: Iterable[Site], agreements: Iterable[Agreement]
) -> list[Site]:
    """The sites that a group reads for: its own first, then those of agreements in force."""
    lent = [one for one in agreements if one.reading_group == group and one.state == IN_FORCE]
    own = [one for one in sites if one.owner_group == group]
    others = [
        one
        for one in sites
        if any(
            a.owner_group == one.owner_group and (not a.site_ids or one.id in a.site_ids)
            for a in lent
        )
    ]
    return own + [one for one in others if one not in own]
