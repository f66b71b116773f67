"""A collaborative of the size that the live figures name: 186 sites, 150 readers, 1,000 rules.

Ten groups; each reader is licensed in four states and privileged at the own group's sites and
at some partners'. The rules are agreements between neighbouring groups, opt-outs and excluded
readers. Two of three readers have a shift now.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import Connection

from confrere.kernel.ids import AgreementId, GroupId, PeerId, ReaderId, SiteId
from confrere.network import credentialing, opt_outs
from confrere.network import service as network
from confrere.network.credentials import BY_SITE, PAYERS, Enrolment, Exclusion
from confrere.network.model import Agreement, Group, OptOut, Privilege, Reader, Site
from confrere.network.npi import with_check_digit
from confrere.network.presence import Shift
from confrere.network.records import Recorded
from confrere.network.systems import Peer
from confrere.orders import service as orders
from confrere.orders.model import Procedure
from tests.integration import world as small

GROUPS, SITES, READERS, RULES = 10, 186, 150, 1000
STATES = ("IL", "WI", "IN", "IA", "MI", "MN", "OH", "MO", "KY", "TN")
SUBSPECIALTIES = ("general", "neuro", "body", "msk", "chest")
ONLY_THE_FIRST = "breast"  # what reader 0 alone reads
CODES = (
    ("CTHEAD", "CT head without contrast", "CT", "head", "neuro", False, 6, "0.85"),
    ("MRBRAIN", "MR brain with and without", "MR", "head", "neuro", True, 14, "2.29"),
    ("CTABD", "CT abdomen and pelvis", "CT", "abdomen", "body", False, 10, "1.82"),
    ("MRKNEE", "MR knee", "MR", "knee", "msk", True, 10, "1.35"),
    ("XRCHEST", "Chest 2 views", "DX", "chest", "chest", False, 2, "0.22"),
    ("USBREAST", "US breast", "US", "breast", ONLY_THE_FIRST, False, 6, "0.70"),
    ("USABD", "US abdomen complete", "US", "abdomen", "body", False, 6, "0.81"),
)


@dataclass(frozen=True)
class Large:
    """What was built."""

    groups: list[GroupId]
    sites: list[SiteId]
    readers: list[ReaderId]
    agreements: list[AgreementId]
    rules: int


def build(conn: Connection, now: datetime) -> Large:
    """Build it through the services; takes some seconds."""
    groups = [
        network.add_group(
            conn,
            Group(small.NONE, f"G{n}", f"Group {n}", "America/Chicago", tin=f"36-{n:07d}"),  # type: ignore[arg-type]
        )
        for n in range(GROUPS)
    ]
    sites = [_site(conn, groups[n % GROUPS], n) for n in range(SITES)]
    readers = [network.add_reader(conn, _reader(groups, sites, n, now)) for n in range(READERS)]
    agreements = [
        small.agree(conn, _agreed(groups[n], groups[(n + step) % GROUPS]), now)
        for n in range(GROUPS)
        for step in (1, 2, 3)
    ]
    return Large(
        groups,
        sites,
        readers,
        agreements,
        len(agreements) + _rules(conn, groups, sites, readers, now),
    )


def _site(conn: Connection, owner: GroupId, n: int) -> SiteId:
    state = STATES[n % len(STATES)]
    made = network.add_site(
        conn,
        Site(
            SiteId(small.NONE), owner, f"S{n:03d}", f"Hospital {n}", f"H{n}", state,
            "America/Chicago", "hospital", f"S{n:03d}-MRN", f"{n:03d}-",
            quiet_seconds={"default": 1},
        ),
    )  # fmt: skip
    orders.map_procedures(
        conn,
        [
            Procedure(
                owner, made, code, text, kind, region, of, advanced, minutes, Decimal(rvu)
            )
            for code, text, kind, region, of, advanced, minutes, rvu in CODES
        ],
    )
    network.register_peer(
        conn,
        Peer(
            PeerId(small.NONE), owner, "hl7", f"RIS {n}", application="RIS",
            facility=f"S{n:03d}", site=made,
        ),
    )  # fmt: skip
    return made


def _reader(groups: list[GroupId], sites: list[SiteId], n: int, now: datetime) -> Reader:
    group, home = groups[n % GROUPS], STATES[n % len(STATES)]
    own = [site for m, site in enumerate(sites) if m % GROUPS in (n % GROUPS, (n + 9) % GROUPS)]
    some = small.reader(
        group,
        f"Reader, R{n:03d}",
        {"general", ONLY_THE_FIRST if n == 0 else SUBSPECIALTIES[1 + n // GROUPS % 4]},
        sites[0],
        home,
        now,
    )
    on = n % 3 != 2
    starts = now - timedelta(hours=4) if on else now + timedelta(hours=8)
    return replace(
        some,
        npi=with_check_digit(f"1{n:08d}"),
        licences=tuple(
            replace(some.licences[0], state=one, number=f"{one}-{n}") for one in STATES
        ),
        privileges=tuple(Privilege(site, "all", "full", *small.ALWAYS) for site in own),
        shifts=(Shift(starts, starts + timedelta(days=1)),),
        enrolments=tuple(Enrolment(one, "36-0000000", home, *small.ALWAYS) for one in PAYERS),
    )


def _agreed(owner: GroupId, reading: GroupId) -> Agreement:
    return small.agreed(owner, reading, subspecialties=frozenset())


def _rules(
    conn: Connection, groups: list[GroupId], sites: list[SiteId], readers: list[ReaderId],
    now: datetime,
) -> int:  # fmt: skip
    """Opt-outs and exclusions until there are about a thousand rules."""
    day = now.date()
    wanted = RULES - 3 * GROUPS
    for n in range(wanted // 2):
        owner = groups[n % GROUPS]
        site = sites[(n % GROUPS) + GROUPS * (n // GROUPS % (SITES // GROUPS))]
        opt_outs.keep_home(
            conn,
            OptOut(
                small.NONE, owner, day, None, site, procedure=f"research protocol {n}",
                reason="the study's own readers", entered_by="bench",
            ),
        )  # fmt: skip
    for n in range(wanted - wanted // 2):
        site = sites[n % SITES]
        credentialing.exclude(
            conn,
            groups[n % SITES % GROUPS],
            Exclusion(readers[(n * 7 + 3) % READERS], BY_SITE, site=site, valid_from=day),
            Recorded("bench", now),
        )
    return wanted
