"""The readers of the demonstration as data: identifiers, licences, privileges. Pure."""

from dataclasses import dataclass
from datetime import date, timedelta

from confrere.demo import places
from confrere.demo.people import READERS, RESIDENT_KEYS, ReaderPlan
from confrere.network.model import BY_PROXY, FULL_FILE, Licence
from confrere.network.npi import with_check_digit


@dataclass(frozen=True, slots=True)
class PrivilegePlan:
    """A privilege at a site, by the site's code."""

    site: str
    path: str
    valid_from: date
    valid_to: date


# (reader, state) or (reader, site) -> the day its licence or privilege ends, from today
_LICENCE_ENDS = {("whitfield", "IL"): -20, ("becker", "IL"): -47, ("nakamura", "IN"): 12}
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
