"""The collaboration as data: who belongs to whom, who may do what, for whom, and when."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from uuid import UUID

from confrere.kernel.ids import AgreementId, GroupId, PeerId, ReaderId, SiteId
from confrere.network.credentials import (
    Competence,
    Cover,
    Enrolment,
    Exclusion,
    FacilityCertificate,
    MammographyCount,
    MammographyFile,
    MammographyStart,
    ReadingPlace,
    SanctionCheck,
    SiteIdentifier,
)
from confrere.network.presence import (
    EARLY,
    PAUSE,
    SAID,
    SIGN_OFF,
    THERE,
    Attendance,
    Presence,
    Shift,
)
from confrere.network.routing_settings import AS_DELIVERED, RoutingSettings
from confrere.network.rules import BUILT_IN, Rule

FULL_FILE, BY_PROXY = "full", "proxy"
READS_HERE, READS_ELSEWHERE = "confrere", "external"
LIVE, SHADOW = "live", "shadow"  # in shadow all comes in, nothing goes out


@dataclass(frozen=True, slots=True)
class Group:
    """A radiology practice, a legal entity of its own."""

    id: GroupId
    code: str
    name: str
    time_zone: str
    synthetic: bool = False
    tin: str = ""  # the tax number under which it bills


@dataclass(frozen=True, slots=True)
class Viewing:
    """A site's own viewer, and the clearance of ours. Templates hold {study_uid} {accession}.

    The launch file is what its workstation picks up from a folder to open an exam.
    """

    url: str = ""
    launch_name: str = ""
    launch_text: str = ""
    cleared_on: date | None = None  # ours, for its intended use; None: investigational


@dataclass(frozen=True, slots=True)
class Site:
    """A hospital or imaging centre that `owner_group` serves."""

    id: SiteId
    owner_group: GroupId
    code: str
    name: str
    short_name: str
    state: str  # two letters: where the patient lies and the image is made
    time_zone: str  # IANA
    kind: str
    assigner: str  # who assigns this site's patient identifiers
    accession_prefix: str = ""
    reporting: str = READS_HERE  # or READS_ELSEWHERE: signed in the site's own dictation
    viewer_url: str = ""  # see Viewing
    targets: dict[str, int] | None = None  # contract: priority -> minutes
    quiet_seconds: dict[str, int] | None = None  # modality -> seconds without a new image
    result_peer: PeerId | None = None
    viewer_cleared_on: date | None = None
    synthetic: bool = False
    each_claim: Decimal | None = None  # the least malpractice limits that its bylaws ask for
    aggregate: Decimal | None = None
    child_below: int = 0  # years: younger patients need a paediatric competence; 0 asks none
    forbids_offshore: bool = False  # its contract: nobody reads from outside the United States
    certificates: tuple[FacilityCertificate, ...] = ()
    status_peer: PeerId | None = None  # who is told what becomes of an exam; None: nobody
    status_since: datetime | None = None  # since when; what finished before is not told
    mode: str = LIVE
    outside_minutes: int = 120  # without news, an exam read at the site is offered again
    launch_name: str = ""
    launch_text: str = ""

    @property
    def is_shadow(self) -> bool:
        """Say whether its feeds are only compared: nothing goes out, nothing is read here."""
        return self.mode == SHADOW


@dataclass(frozen=True, slots=True)
class Licence:
    """One state licence, valid on both its dates."""

    state: str
    number: str
    status: str
    valid_from: date
    valid_to: date


@dataclass(frozen=True, slots=True)
class Privilege:
    """The right to read at one site; `scope` is `all` or one modality."""

    site: SiteId
    scope: str
    path: str  # FULL_FILE or BY_PROXY (42 CFR 482.22(a)(3)-(4))
    valid_from: date
    valid_to: date
    # by proxy, what 42 CFR 482.22(a)(3)-(4) asks for; empty or None is: not there
    agreement_ref: str = ""
    distant_site: str = ""
    distant_kind: str = ""  # a Medicare hospital (a)(3), or an entity (a)(4)
    list_supplied_on: date | None = None
    feedback_sent_on: date | None = None


@dataclass(frozen=True, slots=True)
class Reader:
    """A radiologist with dated facts, as known to the collaborative.

    `subspecialties` and `certificates` sum up the competences in force when it was loaded.
    """

    id: ReaderId
    group: GroupId
    name: str
    npi: str
    subspecialties: frozenset[str]
    certificates: frozenset[str] = frozenset()
    sits_in_state: str = ""
    licences: tuple[Licence, ...] = ()
    privileges: tuple[Privilege, ...] = ()
    shifts: tuple[Shift, ...] = ()
    active: bool = True
    competences: tuple[Competence, ...] = ()
    covers: tuple[Cover, ...] = ()
    enrolments: tuple[Enrolment, ...] = ()
    checks: tuple[SanctionCheck, ...] = ()
    places: tuple[ReadingPlace, ...] = ()
    identifiers: tuple[SiteIdentifier, ...] = ()
    mammography_starts: tuple[MammographyStart, ...] = ()
    mammography_counts: tuple[MammographyCount, ...] = ()
    mammography_files: tuple[MammographyFile, ...] = ()
    last_act: Attendance | None = None
    sign_on_within: timedelta | None = None  # of a shift's start; None: not asked for

    def shift_at(self, at: datetime) -> Shift | None:
        """The shift that covers this instant."""
        return next((one for one in self.shifts if one.starts_at <= at < one.ends_at), None)

    def presence(self, at: datetime) -> Presence:
        """Say whether the reader is there: by the shift, and by what they last said.

        What was said before this shift (but for signing on early) is about an earlier one.
        """
        shift = self.shift_at(at)
        if shift is None:
            return Presence.OFF
        said = self.last_act
        if (
            said is not None
            and shift.starts_at - EARLY <= said.at <= at
            and not (said.at < shift.starts_at and said.act in (PAUSE, SIGN_OFF))
        ):
            return SAID[said.act]
        if self.sign_on_within is None:
            return Presence.ROSTERED
        late = at >= shift.starts_at + self.sign_on_within
        return Presence.NO_SHOW if late else Presence.EXPECTED

    def on_duty(self, at: datetime) -> bool:
        """Say whether a shift covers this instant and the reader is there."""
        return self.presence(at) in THERE


@dataclass(frozen=True, slots=True)
class OptOut:
    """A class of exams that `owner_group` keeps at home; what is left empty matches anything.

    `procedure` is words that the exam's description holds. Valid on both its dates.
    """

    id: UUID
    owner_group: GroupId
    starts_on: date
    ends_on: date | None = None
    site: SiteId | None = None
    subspecialty: str = ""
    modality: str = ""
    procedure: str = ""
    priority: str = ""
    reason: str = ""
    entered_by: str = ""


@dataclass(frozen=True, slots=True)
class Suspension:
    """One side's stop. Only that side can end it."""

    agreement: AgreementId
    party: GroupId
    name: str  # who suspended it
    reason: str
    since: datetime
    until: datetime | None = None
    resumed_name: str = ""


@dataclass(frozen=True, slots=True)
class Agreement:
    """What `owner_group` lets `reading_group` read, as it stands. Empty sets mean: all.

    It has no price: what is offered to whom is decided by what this holds, so a price can
    play no part in it.
    """

    id: AgreementId
    owner_group: GroupId
    reading_group: GroupId
    title: str
    site_ids: frozenset[SiteId]
    subspecialties: frozenset[str]
    priorities: frozenset[str]
    read_types: frozenset[str]
    starts_on: date  # whole days of `window_zone`
    ends_on: date
    state: str  # proposed, in force, suspended, ended, withdrawn
    window_start: time | None = None  # local wall time in `window_zone`; may cross midnight
    window_end: time | None = None
    window_zone: str = ""
    shares_priors: bool = True
    version: int = 1
    modalities: frozenset[str] = frozenset()
    weekdays: frozenset[int] = frozenset()  # Monday 0: days on which the window starts
    daily_cap: int = 0  # exams a local day; 0: no cap
    own_first: bool = True
    overflow_share: Decimal | None = None  # of the time to the due time that is left
    overflow_from: time | None = None
    hold_share: Decimal | None = None
    suspensions: tuple[Suspension, ...] = ()  # that run now
    kept_home: tuple[OptOut, ...] = ()  # of the owner group
    taken: int = 0  # exams taken under it today, as far as the caller has counted them

    @property
    def ended(self) -> bool:
        """Say whether it is over for good."""
        return self.state in ("ended", "withdrawn")


@dataclass(frozen=True, slots=True)
class Directory:
    """Everything that eligibility needs to know about the collaborative at one moment."""

    groups: dict[GroupId, Group]
    sites: dict[SiteId, Site]
    readers: dict[ReaderId, Reader]
    agreements: tuple[Agreement, ...]
    exclusions: tuple[Exclusion, ...] = ()
    rules: tuple[Rule, ...] = BUILT_IN
    version: int = 0  # grows with every change of a fact
    routing: Mapping[GroupId, RoutingSettings] = field(default_factory=dict)
    barred: Mapping[ReaderId, tuple[Exclusion, ...]] = field(init=False, default_factory=dict)
    tins: Mapping[GroupId, str] = field(init=False, default_factory=dict)  # tax numbers

    def __post_init__(self) -> None:
        """Look up once what every judgement asks."""
        barred: dict[ReaderId, tuple[Exclusion, ...]] = {}
        for one in self.exclusions:
            barred[one.reader] = (*barred.get(one.reader, ()), one)
        object.__setattr__(self, "barred", barred)
        object.__setattr__(self, "tins", {one.id: one.tin for one in self.groups.values()})

    def routing_of(self, group: GroupId) -> RoutingSettings:
        """A group's routing settings: its own, or those that everybody begins with."""
        return self.routing.get(group, AS_DELIVERED)
