"""The collaborative of the demonstration as data: credentials, agreements, machines. Pure."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from confrere.demo import places
from confrere.demo.people import READERS, RESIDENT_KEYS, ReaderPlan
from confrere.demo.places import (
    CARDINAL,
    CENTRAL,
    FOX,
    GRANITE,
    INDIANA,
    LANTERN,
    MAPLE,
    OAK,
)
from confrere.network.agreements import IN_FORCE
from confrere.network.model import BY_PROXY, FULL_FILE, Licence
from confrere.network.npi import with_check_digit

SUSPENDED, PROPOSED = "suspended", "proposed"


@dataclass(frozen=True, slots=True)
class PrivilegePlan:
    """A privilege at a site, by the site's code."""

    site: str
    path: str
    valid_from: date
    valid_to: date


@dataclass(frozen=True, slots=True)
class AgreementPlan:
    """An agreement; days count from the day of the build, empty sets mean all."""

    owner: str
    reading: str
    title: str
    starts: int
    ends: int
    subspecialties: frozenset[str] = frozenset()
    sites: frozenset[str] = frozenset()
    priorities: frozenset[str] = frozenset()
    window: tuple[time, time, str] | None = None
    state: str = IN_FORCE

    def covers_hour(self, hour: int) -> bool:
        """Say whether its daily window holds a local hour of its zone."""
        if self.window is None:
            return True
        start, end = self.window[0].hour, self.window[1].hour
        return start <= hour < end if start < end else hour >= start or hour < end


AGREEMENTS = (
    AgreementPlan(
        FOX, OAK, "Fox Hollow neuroradiology by Meridian Oak", -184, 546, frozenset({"neuro"})
    ),
    AgreementPlan(
        FOX, GRANITE, "Hollow Creek neuro and pediatric cover by Granite Bluff", -140, 590,
        frozenset({"neuro", "peds"}), frozenset({"HCM"}),
    ),
    AgreementPlan(
        GRANITE, OAK, "Granite Bluff neuro and musculoskeletal by Meridian Oak", -124, 606,
        frozenset({"neuro", "msk"}),
    ),
    AgreementPlan(
        MAPLE, CARDINAL, "Sugar Maple nights by Cardinal Ridge", -210, 520,
        window=(time(22), time(7), INDIANA),
    ),
    AgreementPlan(
        MAPLE, FOX, "Sugar Maple body and musculoskeletal by Fox Hollow", -95, 635,
        frozenset({"body", "msk"}), frozenset({"SMC"}),
    ),
    AgreementPlan(
        LANTERN, OAK, "Lantern Bay neuro and cardiac by Meridian Oak", -160, 570,
        frozenset({"neuro", "cardiac"}),
    ),
    AgreementPlan(
        LANTERN, GRANITE, "Lantern Bay evenings and nights by Granite Bluff", -150, 580,
        priorities=frozenset({"stroke", "stat", "ed"}), window=(time(19), time(7), CENTRAL),
    ),
    AgreementPlan(
        OAK, GRANITE, "Meridian Oak pediatric by Granite Bluff", -170, 560, frozenset({"peds"})
    ),
    AgreementPlan(
        CARDINAL, MAPLE, "Cardinal Ridge chest and breast by Sugar Maple", -130, 600,
        frozenset({"chest", "breast"}),
    ),
    AgreementPlan(
        CARDINAL, LANTERN, "Cardinal Ridge mammography by Lantern Bay", -260, 470,
        frozenset({"breast"}), state=SUSPENDED,
    ),
    AgreementPlan(
        CARDINAL, OAK, "Cardinal Ridge neuroradiology by Meridian Oak", 14, 744,
        frozenset({"neuro"}), state=PROPOSED,
    ),
)  # fmt: skip

# (reader, state) or (reader, site) -> the day its licence or privilege ends, from today
_LICENCE_ENDS = {("becker", "IL"): -47, ("nakamura", "IN"): 12}
_PRIVILEGE_ENDS = {("vasquez", "HCM"): -38, ("yang", "LBH"): 9}


def npi(number: int) -> str:
    """Make the n-th person's NPI: ten digits, the last the Luhn check digit (45 CFR 162.406).

    Issued numbers begin with 1 or 2; these begin with 3, so that none is a real person's.
    """
    return with_check_digit(f"{300_000_000 + number:09d}")


def licences(reader: ReaderPlan, today: date) -> tuple[Licence, ...]:
    """A reader's state licences: two years each, renewed on different days."""
    made = []
    for place, state in enumerate(reader.states):
        offset = (READERS.index(reader) * 37 + place * 101) % 500
        ends = today + timedelta(days=_LICENCE_ENDS.get((reader.key, state), 120 + offset))
        status = "active" if ends >= today else "expired"
        kind = "T" if reader.key in RESIDENT_KEYS else "036"
        number = f"{state}-{kind}-{48000 + READERS.index(reader) * 131 + place:06d}"
        made.append(Licence(state, number, status, ends - timedelta(days=730), ends))
    return tuple(made)


def privileges(reader: ReaderPlan, today: date) -> tuple[PrivilegePlan, ...]:
    """A reader's privileges: all sites of the own group, and those of agreements."""
    own = {site.code: FULL_FILE for site in places.sites_of(reader.group)}
    paths = {"full": FULL_FILE, "proxy": BY_PROXY}
    granted = own | {site: paths[path] for site, path in reader.privileges.items()}
    made = []
    for place, (site, path) in enumerate(granted.items()):
        offset = (READERS.index(reader) * 53 + place * 89) % 420
        ends = today + timedelta(days=_PRIVILEGE_ENDS.get((reader.key, site), 150 + offset))
        made.append(PrivilegePlan(site, path, ends - timedelta(days=730), ends))
    return tuple(made)


def agreement_dates(plan: AgreementPlan, now: datetime) -> tuple[date, date]:
    """The first and last day of an agreement."""
    today = now.date()
    return today + timedelta(days=plan.starts), today + timedelta(days=plan.ends)
