"""The demonstration's credentials beyond licences: competences, cover, checks, enrolments. Pure.

Nearly everything is in order; the gaps below are there to be found on the pages.
"""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

from confrere.demo import places
from confrere.demo.people import READERS, ReaderPlan
from confrere.kernel.ids import SiteId
from confrere.network.credentials import (
    ALL,
    CLAIMS_MADE,
    CLEAR,
    FACILITY,
    HOSPITAL,
    LEIE,
    MEDICARE,
    OCCURRENCE,
    PAYERS,
    SAM,
    TELERADIOLOGY,
    Competence,
    Cover,
    Enrolment,
    FacilityCertificate,
    MammographyCount,
    MammographyFile,
    MammographyStart,
    SanctionCheck,
    SiteIdentifier,
)
from confrere.network.model import BY_PROXY, Privilege

MADE = frozenset({"2D", "DBT"})
CHECKED_EVERY = timedelta(days=20)
BOARDED = frozenset({"neuro", "peds", "nuclear"})  # the board certifies no other of these
# (reader, payer) without enrolment; (reader, site) whose proxy lacks a paper
_NOT_ENROLLED = {("novak", "medicaid"), ("petrov", "medicaid"), ("kim", "medicare advantage")}
_NO_LIST, _NO_FEEDBACK = {("sullivan", "CRM")}, {("becker", "LBH")}
_UNVERIFIED = {("foster", "SMC"), ("abrams", "GBR")}
_COVER_ENDS = {"haddad": 21}  # days from today


def tin(group: str) -> str:
    """An invented tax number; the prefix 00 is never issued."""
    order = [one.code for one in places.GROUPS].index(group)
    return f"00-{4_100_000 + order * 1371:07d}"


def competences(reader: ReaderPlan, today: date) -> tuple[Competence, ...]:
    """What a reader reads, each with evidence; board certificates last ten years."""
    number = READERS.index(reader)
    made = []
    for word in reader.subspecialties:
        if word in BOARDED:
            ends = today + timedelta(days=400 + number * 83)
            made.append(Competence(
                word, "board certificate", f"ABR-{61_000 + number * 17}",
                ends - timedelta(days=3652), ends,
            ))  # fmt: skip
        else:
            basis = "case log" if word == "general" else "fellowship"
            made.append(Competence(word, basis, "", date(2008 + number % 12, 7, 1)))
    if "nuclear" in reader.subspecialties:
        made.append(Competence("pet", "fellowship", "", date(2012, 7, 1)))
    return tuple(made)


def cover(reader: ReaderPlan, today: date) -> Cover:
    """The group's policy, as far as it names this reader."""
    number = [one.code for one in places.GROUPS].index(reader.group)
    ends = today + timedelta(days=_COVER_ENDS.get(reader.key, 140 + number * 31))
    is_claims_made = number % 2 == 0
    return Cover(
        f"MPL-{2200 + number}-{READERS.index(reader):02d}", "Heartland Physicians Mutual",
        CLAIMS_MADE if is_claims_made else OCCURRENCE,
        date(2016, 7, 1) if is_claims_made else None, frozenset(reader.states),
        frozenset({ALL}), frozenset({FACILITY, TELERADIOLOGY}), Decimal(1_000_000),
        Decimal(3_000_000), ends - timedelta(days=364), ends,
        mammography_each_claim=Decimal(1_000_000) if "breast" in reader.subspecialties else None,
    )  # fmt: skip


def enrolments(reader: ReaderPlan, today: date) -> tuple[Enrolment, ...]:
    """With Medicare where the reader sits; with the others in every state of a licence."""
    since = today - timedelta(days=900)
    return tuple(
        Enrolment(payer, tin(reader.group), state, since)
        for payer in PAYERS
        if payer != "self-pay" and (reader.key, payer) not in _NOT_ENROLLED
        for state in (reader.states[:1] if payer == MEDICARE else reader.states)
    )


def checks(today: date) -> tuple[SanctionCheck, ...]:
    """The month's look into both lists."""
    return tuple(SanctionCheck(one, today - timedelta(days=4), CLEAR) for one in (LEIE, SAM))


def with_papers(reader: ReaderPlan, site: str, held: Privilege, today: date) -> Privilege:
    """Add to a privilege by proxy what 42 CFR 482.22(a)(3) asks for."""
    if held.path != BY_PROXY:
        return held
    key, began = (reader.key, site), held.valid_from
    home = next(one for one in places.SITES if one.group == reader.group)
    sent = began + timedelta(days=330)
    return replace(
        held, agreement_ref=f"TSA-{site}-{home.code}", distant_site=home.name,
        distant_kind=HOSPITAL,
        list_supplied_on=None if key in _NO_LIST else began + timedelta(days=3),
        feedback_sent_on=None if key in _NO_FEEDBACK or sent > today else sent,
    )  # fmt: skip


def identifier(reader: ReaderPlan, code: str, site: SiteId, began: date) -> SiteIdentifier:
    """What a site's systems call the reader."""
    verified = None if (reader.key, code) in _UNVERIFIED else began + timedelta(days=9)
    return SiteIdentifier(site, f"{code}{1000 + READERS.index(reader) * 7}", verified)


def mammography(
    reader: ReaderPlan, sites: list[SiteId], today: date
) -> tuple[MammographyStart | MammographyCount | MammographyFile, ...]:
    """A breast reader's qualification, and the files at the facilities where they read."""
    if "breast" not in reader.subspecialties:
        return ()
    number, inspected = READERS.index(reader), inspected_on(today)
    files = [
        MammographyFile(one, today - timedelta(days=700), None, today + timedelta(days=250))
        for one in sites
    ]
    return (
        MammographyStart(date(2009 + number % 9, 9, 1), MADE),
        MammographyCount(inspected, 1040 + number * 61, Decimal(16 + number % 9)),
        *files,
    )


def inspected_on(today: date) -> date:
    """The day of the last yearly inspection."""
    return today - timedelta(days=96)


def certificate(plan: places.SitePlan, today: date) -> FacilityCertificate:
    """A facility's certificate of three years."""
    ends = today + timedelta(days=210 + 41 * places.SITES.index(plan))
    number = f"{210_000 + places.SITES.index(plan) * 37}"
    return FacilityCertificate(
        number, ends - timedelta(days=1095), ends, inspected_on(today), MADE
    )
