"""A small collaborative for tests, built through services: two groups, one site, three readers."""

from dataclasses import dataclass, fields, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from sqlalchemy import Connection

from confrere.kernel.ids import AgreementId, GroupId, PeerId, ReaderId, SiteId
from confrere.network import service as network
from confrere.network import signing
from confrere.network.credentials import (
    ALL,
    PAYERS,
    Cover,
    Enrolment,
    ReadingPlace,
    SanctionCheck,
)
from confrere.network.model import Agreement, Group, Licence, Privilege, Reader, Site
from confrere.network.npi import with_check_digit
from confrere.network.presence import Shift
from confrere.network.signing import By
from confrere.network.systems import Peer
from confrere.network.terms import Rate, Terms
from confrere.orders import service as orders
from confrere.orders.model import Procedure

NONE = UUID(int=0)
NOW = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
ALWAYS = (date(2020, 1, 1), date(2035, 1, 1))
OWNERS_TIN = "36-1111111"


@dataclass(frozen=True)
class World:
    """Ids of the small collaborative."""

    owner: GroupId
    partner: GroupId
    site: SiteId
    general: ReaderId  # of the owner group, reads general only
    neuro: ReaderId  # of the partner group, licensed and privileged
    unlicensed: ReaderId  # of the partner group, no licence in the site's state
    agreement: AgreementId
    dicom: PeerId
    hl7: PeerId
    results: PeerId


def build(conn: Connection, now: datetime = NOW, results_port: int = 1) -> World:
    owner = network.add_group(
        conn, Group(GroupId(NONE), "OWN", "Lakeshore", "America/Chicago", tin=OWNERS_TIN)
    )
    partner = network.add_group(
        conn, Group(GroupId(NONE), "PAR", "Prairie", "America/Chicago", tin="36-2222222")
    )
    site = network.add_site(
        conn,
        Site(
            SiteId(NONE), owner, "LMH", "Lakeshore Memorial", "Lakeshore", "IL",
            "America/Chicago", "hospital", "LMH-MRN", "LM",
            quiet_seconds={"default": 1, "CT": 1},
        ),
    )  # fmt: skip
    general = network.add_reader(
        conn, reader(owner, "Gray, Gail", {"general"}, site, "IL", now)
    )
    neuro = network.add_reader(conn, reader(partner, "Novak, Nina", {"neuro"}, site, "IL", now))
    unlicensed = network.add_reader(
        conn, reader(partner, "Ulrich, Uma", {"neuro"}, site, "WI", now)
    )
    agreement = agree(conn, agreed(owner, partner))
    orders.map_procedures(
        conn,
        [
            Procedure(
                owner, site, "CTHEAD", "CT head without contrast", "CT", "head", "neuro",
                wrvu=Decimal("0.85"),
            )
        ],
    )  # fmt: skip
    dicom = network.register_peer(
        conn, Peer(PeerId(NONE), owner, "dicom", "CT 1", "CT1", site=site)
    )
    hl7 = network.register_peer(
        conn,
        Peer(PeerId(NONE), owner, "hl7", "RIS", application="RIS", facility="LMH", site=site),
    )
    results = network.register_peer(
        conn,
        Peer(PeerId(NONE), owner, "results", "RIS inbox", "", "RIS", "LMH", port=results_port),
    )
    network.send_results_to(conn, site, results)
    return World(
        owner, partner, site, general, neuro, unlicensed, agreement, dicom, hl7, results
    )


def reader(
    group: GroupId, name: str, reads: set[str], site: SiteId, state: str, now: datetime
) -> Reader:
    return Reader(
        ReaderId(NONE), group, name, npi_of(name), frozenset(reads), sits_in_state=state,
        licences=(Licence(state, f"{state}-1", "active", *ALWAYS),),
        privileges=(Privilege(site, "all", "full", *ALWAYS),),
        shifts=(Shift(now - timedelta(hours=8), now + timedelta(days=2)),),
        covers=(COVER,),
        enrolments=tuple(Enrolment(one, OWNERS_TIN, "IL", *ALWAYS) for one in PAYERS),
        checks=tuple(
            SanctionCheck(one, now.date() - timedelta(days=3), "clear")
            for one in ("LEIE", "SAM")
        ),
        places=(
            ReadingPlace("US", state, now - timedelta(hours=8), now + timedelta(days=2)),
        ),
    )  # fmt: skip


def npi_of(name: str) -> str:
    """An NPI of a name's own."""
    return with_check_digit(f"1{sum(ord(c) * 7**n for n, c in enumerate(name)) % 10**8:08d}")


COVER = Cover(
    "MPL-1", "Prairie Mutual", "occurrence", None, frozenset({ALL}), frozenset({ALL}),
    frozenset({"facility", "teleradiology"}), Decimal(1_000_000), Decimal(3_000_000), *ALWAYS,
)  # fmt: skip


def agreed(owner: GroupId, partner: GroupId, **changes: object) -> Agreement:
    made = Agreement(
        AgreementId(NONE), owner, partner, "neuro cover", frozenset(), frozenset({"neuro"}),
        frozenset(), frozenset({"final", "preliminary"}), *ALWAYS, "in force",
        window_zone="America/Chicago",
    )  # fmt: skip
    return replace(made, **changes)  # type: ignore[arg-type]


def terms_of(agreement: Agreement, rate: Rate | None = None) -> Terms:
    """The terms that would make this agreement."""
    shared = {one.name for one in fields(Terms)} & {one.name for one in fields(Agreement)}
    return Terms(**{name: getattr(agreement, name) for name in shared}, rate=rate)


def agree(conn: Connection, agreement: Agreement, now: datetime = NOW) -> AgreementId:
    """Propose by the owner; sign by the reading group too, unless it says proposed."""
    owner, reading = agreement.owner_group, agreement.reading_group
    made = signing.propose(
        conn, owner, reading, terms_of(agreement), By(owner, "Olga Owner"), now
    )
    if agreement.state != "proposed":
        signing.sign(conn, made, 1, By(reading, "Rolf Reading"), now)
    return made


def suspend(conn: Connection, world: World) -> None:
    """The owner group stops lending."""
    signing.suspend(conn, world.agreement, By(world.owner, "Olga Owner"), "staffing", NOW)


def resume(conn: Connection, world: World) -> None:
    """The owner group lends again."""
    signing.resume(conn, world.agreement, By(world.owner, "Olga Owner"), NOW)


def order_message(
    accession: str = "LM100", mrn: str = "M1", code: str = "CTHEAD", control: str = "MSG1",
    status: str = "SC", priority: str = "S", patient_class: str = "E", name: str = "DOE^JANE",
) -> bytes:  # fmt: skip
    complete = "202611240850-0600"
    return "\r".join(
        [
            f"MSH|^~\\&|RIS|LMH|CONFRERE|LMH|202611240900-0600||ORM^O01|{control}|P|2.5.1",
            f"PID|1||{mrn}^^^LMH-MRN^MR||{name}||19620412|F|||^^^IL^60614",
            f"PV1|1|{patient_class}|ED^7^1|||||||||||||||||Medicare",
            f"ORC|NW|P{accession}|F{accession}||{status}||^^^^^{priority}||202611240830-0600",
            f"OBR|1|P{accession}|F{accession}|{code}^CT head without contrast^L|||{complete}|"
            f"{complete if status == 'CM' else ''}||||||||||{accession}||||||||||||"
            "|Sudden headache, worst of life. Bleed?",
            "NTE|1||Patient moved, two slices repeated",
            "",
        ]
    ).encode()
