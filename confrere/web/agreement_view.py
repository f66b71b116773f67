"""What one group sees of its agreements: where each stands and what can be done. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from confrere.kernel.ids import AgreementId, GroupId, SiteId
from confrere.network.agreements import IN_FORCE, PROPOSED, SUSPENDED
from confrere.network.model import Agreement, Directory, Site, Suspension
from confrere.network.terms import AgreementVersion, version_in_force
from confrere.web.agreement_words import Change, changes, lifetime, lines, sentence


@dataclass(frozen=True, slots=True)
class Row:
    """One agreement in a list."""

    agreement: Agreement
    words: str
    span: str
    other: str  # the other group's name
    waiting: AgreementVersion | None  # the version that waits for a signature
    waits_for_me: bool


@dataclass(frozen=True, slots=True)
class Step:
    """One version in the history: what it changed, who signed, what became of it."""

    version: AgreementVersion
    standing: str
    changed: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Acts:
    """What the viewer's group may do with an agreement now."""

    amend: bool
    sign: bool
    refuse: str  # withdraw or decline; empty: neither
    suspend: bool
    resume: bool
    end: bool


def rows(
    directory: Directory, me: GroupId, waiting: Mapping[AgreementId, AgreementVersion],
    today: date,
) -> list[Row]:  # fmt: skip
    """Make the lines of the list, what waits for the viewer's group first."""
    made = [
        Row(
            one, _sentence(one, waiting.get(one.id), directory), lifetime(one, today),
            directory.groups[_other(one, me)].name, waiting.get(one.id),
            waits_for_me=one.id in waiting and waiting[one.id].proposed_by != me,
        )
        for one in directory.agreements
        if me in (one.owner_group, one.reading_group)
    ]  # fmt: skip
    return sorted(made, key=lambda row: (not row.waits_for_me, row.agreement.ended))


def acts(agreement: Agreement, waiting: AgreementVersion | None, me: GroupId) -> Acts:
    """Say what the viewer's group may do."""
    runs = agreement.state in (IN_FORCE, SUSPENDED)
    mine = waiting is not None and waiting.proposed_by == me
    suspended = any(one.party == me for one in agreement.suspensions)
    refuse = "" if waiting is None else "withdraw" if mine else "decline"
    return Acts(
        amend=(runs or agreement.state == PROPOSED) and (waiting is None or mine),
        sign=waiting is not None and not mine, refuse=refuse,
        suspend=runs and not suspended, resume=runs and suspended, end=runs,
    )  # fmt: skip


def history(
    agreement: Agreement, versions: Sequence[AgreementVersion], sites: Mapping[SiteId, Site]
) -> list[Step]:
    """Tell every version against the one that stood before it, newest first."""
    told = []
    for number, one in enumerate(versions):
        older = [before for before in versions[number + 1 :] if before.signed_by_both]
        changed = changes(older[0].terms, one.terms, sites) if older else ()
        told.append(Step(one, _standing(agreement, one), changed))
    return told


def terms_shown(
    agreement: Agreement, versions: Sequence[AgreementVersion], sites: Mapping[SiteId, Site]
) -> dict[str, str]:
    """The terms in words: those in force, else the newest proposed."""
    stands = version_in_force(agreement, versions) or versions[0]
    return lines(stands.terms, sites)


def stopped(agreement: Agreement, directory: Directory) -> list[tuple[str, Suspension]]:
    """Who suspends it now."""
    return [(directory.groups[one.party].name, one) for one in agreement.suspensions]


def _standing(agreement: Agreement, version: AgreementVersion) -> str:
    if version.closed_how:
        return version.closed_how
    if not version.signed_by_both:
        return "waits for a signature" if not agreement.ended else "never signed"
    if version.number != agreement.version:
        return "replaced"
    return agreement.state


def _sentence(
    agreement: Agreement, waiting: AgreementVersion | None, directory: Directory
) -> str:
    told = waiting.terms if waiting and agreement.state == PROPOSED else agreement
    return sentence(
        told, agreement.owner_group, agreement.reading_group, directory.groups, directory.sites
    )


def _other(agreement: Agreement, me: GroupId) -> GroupId:
    is_owner = agreement.owner_group == me
    return agreement.reading_group if is_owner else agreement.owner_group


def waiting_for(listed: Iterable[Row]) -> list[Row]:
    """Those that wait for the viewer's group."""
    return [row for row in listed if row.waits_for_me]
