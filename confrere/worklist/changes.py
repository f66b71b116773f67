"""What might be otherwise: changes to the collaborative that a replay tries out. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

from confrere.kernel.errors import Invalid, NotFound
from confrere.kernel.ids import AgreementId, ReaderId, SiteId
from confrere.network.agreements import IN_FORCE
from confrere.network.credentials import ALL, FACILITY, OCCURRENCE, TELERADIOLOGY, Cover
from confrere.network.model import FULL_FILE, Directory, Licence, Privilege, Reader
from confrere.worklist.policy import EVENNESS_FIRST, LEVELS, Policy, Wishes

A_YEAR = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class Admit:
    """A reader gets all that is missing to read at a site: licence, privileges, cover."""

    reader: ReaderId
    site: SiteId


@dataclass(frozen=True, slots=True)
class Without:
    """An agreement is not in force."""

    agreement: AgreementId


@dataclass(frozen=True, slots=True)
class Absent:
    """A reader is not on any roster."""

    reader: ReaderId


@dataclass(frozen=True, slots=True)
class Hold:
    """How long exams wait for a subspecialist: a factor on the share of the time held.

    0 is no hold; 1 is as it is. `evenness` takes the preset that puts even work first.
    """

    factor: float = 1.0
    evenness: bool = False


Change = Admit | Without | Absent | Hold


def changed(directory: Directory, changes: Sequence[Change], today: date) -> Directory:
    """The collaborative with these changes. NotFound names what is not there."""
    for change in changes:
        if isinstance(change, Admit):
            reader = _reader(directory, change.reader)
            directory = _with(directory, admitted(reader, directory, change.site, today))
        elif isinstance(change, Absent):
            directory = _with(directory, replace(_reader(directory, change.reader), shifts=()))
        elif isinstance(change, Without):
            if not any(one.id == change.agreement for one in directory.agreements):
                raise NotFound("there is no such agreement; reload the page")
            directory = replace(directory, agreements=tuple(
                replace(one, state="suspended") if one.id == change.agreement else one
                for one in directory.agreements
            ))  # fmt: skip
    return directory


def policy_with(changes: Sequence[Change], policy: Policy | None = None) -> Policy:
    """The policy with these changes. Raises Invalid for a factor below 0 or above 3."""
    chosen = policy or Policy()
    for change in changes:
        if not isinstance(change, Hold):
            continue
        if not 0 <= change.factor <= 3:  # noqa: PLR2004 - beyond, nothing is left to hold
            raise Invalid("the hold is a factor between 0 and 3", "factor")
        if change.evenness:
            chosen = chosen.with_wishes(EVENNESS_FIRST)
        else:
            held = {one.name: max(0.0, 1 - change.factor * (1 - one.hold)) for one in LEVELS}
            chosen = chosen.with_wishes(Wishes(hold=held))
    return chosen


def admitted(reader: Reader, directory: Directory, site: SiteId, today: date) -> Reader:
    """The reader with a licence, privileges and cover for a site, where they are missing."""
    if site not in directory.sites:
        raise NotFound("there is no such site; reload the page")
    place, span = directory.sites[site], (today, today + A_YEAR)
    licences, privileges, covers = reader.licences, reader.privileges, reader.covers
    if not any(one.state == place.state and one.status == "active" and one.valid_to >= today
               for one in licences):  # fmt: skip
        licences = (*licences, Licence(place.state, "assumed", "active", *span))
    if not any(one.site == site and one.valid_to >= today for one in privileges):
        privileges = (*privileges, Privilege(site, "all", FULL_FILE, *span))
    covers = (*covers, Cover(
        "assumed", "assumed", OCCURRENCE, None, frozenset({place.state}), frozenset({ALL}),
        frozenset({FACILITY, TELERADIOLOGY}), Decimal(10**9), Decimal(10**9), *span,
    ))  # fmt: skip
    return replace(reader, licences=licences, privileges=privileges, covers=covers)


def _reader(directory: Directory, reader: ReaderId) -> Reader:
    found = directory.readers.get(reader)
    if found is None:
        raise NotFound("there is no such reader; reload the page")
    return found


def _with(directory: Directory, reader: Reader) -> Directory:
    return replace(directory, readers={**directory.readers, reader.id: reader})


def in_force(directory: Directory) -> list[AgreementId]:
    """The agreements that a replay could do without."""
    return [one.id for one in directory.agreements if one.state == IN_FORCE]
