"""Write the demonstration's collaborative into the database, once."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from sqlalchemy import Connection, Engine

from confrere.analytics import service as analytics
from confrere.database.engine import transaction
from confrere.demo import (
    accounts,
    agreements,
    calls,
    catalogue,
    collaborative,
    credentials,
    history_choices,
    history_load,
    people,
    places,
    rota,
)
from confrere.demo.accounts import Account
from confrere.demo.history import EXAMS
from confrere.demo.history_load import Ids
from confrere.demo.machines import register_machines, result_ports
from confrere.kernel.ids import GroupId, ReaderId, SiteId
from confrere.network import service as network
from confrere.network import signing
from confrere.network.agreements import PROPOSED, SUSPENDED
from confrere.network.credentials import (
    UNITED_STATES,
    MammographyCount,
    MammographyFile,
    MammographyStart,
    ReadingPlace,
)
from confrere.network.model import Group, Privilege, Reader, Site
from confrere.network.signing import By
from confrere.network.terms import Terms
from confrere.orders import service as orders
from confrere.orders.model import Procedure
from confrere.worklist import choices_made

_NEW = UUID(int=0)  # the database gives the real id
_TARGETS = {"HCM": {"stat": 25, "ed": 45}, "CRM": {"routine": 720}}
# a demonstration should not wait minutes for a study to close
_QUIET = {"CT": 15, "MR": 20, "CR": 8, "DX": 8, "US": 15, "MG": 15, "default": 15}


@dataclass(frozen=True, slots=True)
class Built:
    """What stands in the database. `first` is False when it stood there before."""

    accounts: tuple[Account, ...]
    result_ports: Mapping[str, int]  # site code -> port of its results listener on loopback
    exams: int  # loaded by this call
    first: bool


def build(
    engine: Engine,
    now: datetime,
    seed: int,
    ports: Mapping[str, int],
    known: tuple[Account, ...] = (),
    *,
    exams: int = EXAMS,
) -> Built:
    """Build the collaborative, or find it and renew what ages: shifts, ports, tokens.

    `engine` is the system role's; `ports` are the results listeners', by site code (the
    sites that are left out keep theirs); `known` are the accounts of an earlier start, as
    `describe.known_accounts` reads them. Two transactions: the history may follow later
    than the rest and is loaded once.
    """
    with transaction(engine, frozenset()) as conn:
        first = not any(one.code == places.FOX for one in network.groups(conn))
        ids = _create(conn, now) if first else find_ids(conn, now)
        _refresh_shifts(conn, ids, now)
        _refresh_checks(conn, ids, now)
        register_machines(conn, ids, ports)
        calls.keep(conn, ids, now)
        holders = accounts.ensure(conn, ids, known, now)
        listening = result_ports(conn)
    with transaction(engine, frozenset()) as conn:
        loaded = 0
        if not analytics.has_synthetic(conn):
            drawn = history_load.draw(now, seed, exams)
            loaded = history_load.load(conn, drawn, ids, now, seed)
            past = history_choices.draw(now, seed, ids.readers, ids.groups)
            choices_made.load_synthetic(conn, past)
    return Built(holders, listening, loaded, first)


def find_ids(conn: Connection, now: datetime) -> Ids:
    """Look up what an earlier start made."""
    by_npi = {one.npi: one.id for one in network.readers(conn, now)}
    return Ids(
        {one.code: one.id for one in network.groups(conn)},
        {one.code: one.id for one in network.sites(conn)},
        {
            plan.key: by_npi[collaborative.npi(n)]
            for n, plan in enumerate(people.READERS)
            if collaborative.npi(n) in by_npi
        },
    )


def _create(conn: Connection, now: datetime) -> Ids:
    groups = {
        one.code: network.add_group(
            conn,
            Group(
                GroupId(_NEW),
                one.code,
                one.name,
                one.time_zone,
                synthetic=True,
                tin=credentials.tin(one.code),
            ),
        )
        for one in places.GROUPS
    }
    sites = {one.code: network.add_site(conn, _site(one, groups, now)) for one in places.SITES}
    readers = {
        one.key: network.add_reader(conn, _reader(one, n, groups, sites, now))
        for n, one in enumerate(people.READERS)
    }
    for plan in agreements.AGREEMENTS:
        _agree(conn, plan, groups, sites, now)
    orders.map_procedures(
        conn, [line for one in places.SITES for line in _procedures(one, groups, sites)]
    )
    return Ids(groups, sites, readers)


def _site(plan: places.SitePlan, groups: Mapping[str, GroupId], now: datetime) -> Site:
    return Site(
        SiteId(_NEW), groups[plan.group], plan.code, plan.name, plan.short_name, plan.state,
        plan.time_zone, plan.kind, plan.assigner, plan.prefix, plan.reporting,
        targets=_TARGETS.get(plan.code), quiet_seconds=_QUIET,
        synthetic=True, each_claim=Decimal(1_000_000), aggregate=Decimal(3_000_000),
        child_below=16 if plan.code == "GBR" else 0,
        certificates=(credentials.certificate(plan, now.date()),),
    )  # fmt: skip


def _reader(
    plan: people.ReaderPlan, number: int, groups: Mapping[str, GroupId],
    sites: Mapping[str, SiteId], now: datetime,
) -> Reader:  # fmt: skip
    today = now.date()
    held = collaborative.privileges(plan, today)
    granted = tuple(
        credentials.with_papers(plan, one.site, Privilege(
            sites[one.site], "all", one.path, one.valid_from, one.valid_to
        ), today)
        for one in held
    )  # fmt: skip
    breast = credentials.mammography(plan, [sites[one.site] for one in held], today)
    return Reader(
        ReaderId(_NEW), groups[plan.group], plan.formal_name, collaborative.npi(number),
        frozenset(plan.subspecialties), sits_in_state=plan.states[0],
        licences=collaborative.licences(plan, today), privileges=granted,
        competences=credentials.competences(plan, today),
        covers=(credentials.cover(plan, today),),
        enrolments=credentials.enrolments(plan, today), checks=credentials.checks(today),
        identifiers=tuple(
            credentials.identifier(plan, one.site, sites[one.site], one.valid_from)
            for one in held
        ),
        mammography_starts=tuple(x for x in breast if isinstance(x, MammographyStart)),
        mammography_counts=tuple(x for x in breast if isinstance(x, MammographyCount)),
        mammography_files=tuple(x for x in breast if isinstance(x, MammographyFile)),
    )  # fmt: skip


def _agree(
    conn: Connection, plan: agreements.AgreementPlan, groups: Mapping[str, GroupId],
    sites: Mapping[str, SiteId], now: datetime,
) -> None:  # fmt: skip
    """Propose, counter-sign and change an agreement as its two groups would have."""
    owner, reading = (
        By(groups[code], agreements.SIGNERS[code]) for code in (plan.owner, plan.reading)
    )
    history = agreements.versions(plan, now)
    made = signing.propose(
        conn, owner.group, reading.group, _terms(history[0], sites), owner, history[0].at
    )
    if plan.state == PROPOSED:
        return
    signing.sign(conn, made, 1, reading, history[0].at + timedelta(days=2))
    for step in history[1:]:
        number = signing.amend(conn, made, _terms(step, sites), reading, step.at)
        signing.sign(conn, made, number, owner, step.at + timedelta(days=1))
    if plan.state == SUSPENDED:
        since = now - timedelta(days=agreements.SUSPENDED_DAYS_AGO)
        signing.suspend(conn, made, owner, agreements.WHY_SUSPENDED, since)


def _terms(step: agreements.VersionPlan, sites: Mapping[str, SiteId]) -> Terms:
    return replace(step.terms, site_ids=frozenset(sites[one] for one in step.sites))


def _procedures(
    site: places.SitePlan, groups: Mapping[str, GroupId], sites: Mapping[str, SiteId]
) -> list[Procedure]:
    return [
        Procedure(
            groups[site.group], sites[site.code], catalogue.local_code(site, one.word),
            one.text, one.modality, one.body_region, one.subspecialty, one.advanced,
            one.minutes, one.wrvu, one.contrast, one.certificates, *_of_children(one),
        )
        for one in catalogue.PROCEDURES
    ]  # fmt: skip


def _of_children(one: catalogue.ProcedurePlan) -> tuple[int, str]:
    """Plain films and ultrasound of a child are a paediatric radiologist's."""
    is_theirs = one.modality in ("CR", "US") and one.subspecialty not in ("ir", "peds")
    return (12, "peds") if is_theirs else (0, "")


def _refresh_shifts(conn: Connection, ids: Ids, now: datetime) -> None:
    """Add the shifts that are not there yet: a calendar day's are the same at every start."""
    until = {
        one.id: max((shift.ends_at for shift in one.shifts), default=None)
        for one in network.readers(conn, now - timedelta(days=2))
    }
    for group in places.GROUPS:
        staff = [one for one in people.READERS if one.group == group.code]
        for key, shifts in rota.duty(staff, group.time_zone, now).items():
            last = until[ids.readers[key]]
            new = [one for one in shifts if last is None or one.starts_at >= last]
            network.add_shifts(conn, ids.readers[key], new)
            state = people.BY_KEY[key].states[0]
            for one in new:
                seat = ReadingPlace(UNITED_STATES, state, one.starts_at, one.ends_at)
                network.attest_place(conn, ids.readers[key], seat, now)


def _refresh_checks(conn: Connection, ids: Ids, now: datetime) -> None:
    """Look into the exclusion lists again, as somebody does every month."""
    today = now.date()
    for reader in network.readers(conn, now):
        last = max((one.checked_on for one in reader.checks), default=today)
        if reader.id in ids.readers.values() and today - last > credentials.CHECKED_EVERY:
            network.add_credentials(conn, reader.id, credentials.checks(today))
