"""Foreign archives and what is fetched from them ahead. Pure."""

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from urllib.parse import urlsplit
from uuid import UUID
from zoneinfo import ZoneInfo

from confrere.kernel.errors import Invalid
from confrere.kernel.ids import GroupId, OrderId, PatientId, SiteId

DIMSE, DICOMWEB = "dimse", "dicomweb"
WAITING, FETCHED, FAILED, GIVEN_UP, EXPIRED = (
    "waiting", "fetched", "failed", "given up", "expired",
)  # fmt: skip
LOOK_TASK, FETCH_TASK, TEST_TASK = "archives.look", "archives.fetch", "archives.test"
MOST_TRIES = 5
MOST_STUDIES = 20
FIRST_WAIT = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Archive:
    """An archive of somebody else that a group may ask for priors.

    `assigner` is whose patient identifiers it knows; only those are asked for. Within
    `night` (of its site's wall time) what is not urgent is fetched; None: at any time.
    """

    id: UUID
    owner_group: GroupId
    name: str
    way: str
    assigner: str
    aet: str = ""
    address: str = ""  # IP address
    port: int = 0
    url: str = ""
    site: SiteId | None = None
    keeps_days: int = 30
    most_studies: int = 3
    pause_seconds: int = 1
    night: tuple[time, time] | None = None
    plain: bool = False
    enabled: bool = True
    tested_at: datetime | None = None
    tested: str = ""


@dataclass(frozen=True, slots=True)
class Fetch:
    """One study that is, or was, to be fetched for an exam."""

    id: UUID
    owner_group: GroupId
    archive: UUID
    patient: PatientId
    order: OrderId | None
    study_uid: str
    study_date: str
    modality: str
    description: str
    why: str
    state: str
    tries: int
    images: int
    reason: str
    asked_at: datetime
    next_at: datetime | None
    done_at: datetime | None
    expires_at: datetime | None
    again: bool = False  # it was here before: the site's own, and no prior by this


@dataclass(frozen=True, slots=True)
class Candidate:
    """A study that an archive says it has."""

    study_uid: str
    study_date: str
    modality: str
    description: str
    accession: str = ""


def checked(archive: Archive) -> Archive:
    """Check what was typed; Invalid names the field and what to do."""
    if not archive.name.strip():
        raise Invalid("Give the archive a name that people will know it by.", "name")
    if not archive.assigner.strip():
        raise Invalid(
            "Say whose patient identifiers it knows: without their assigner a number may be "
            "another person's.",
            "assigner",
        )
    if archive.site is None:
        raise Invalid("Choose the site whose exams it keeps.", "site")
    if archive.way == DIMSE:
        _check_dimse(archive)
    elif archive.way == DICOMWEB:
        _check_url(archive)
    else:
        raise Invalid("Choose DICOM or DICOMweb.", "way")
    if not 1 <= archive.keeps_days <= 3650:  # noqa: PLR2004
        raise Invalid("What is fetched is kept 1 to 3650 days.", "keeps_days")
    if not 1 <= archive.most_studies <= MOST_STUDIES:
        raise Invalid(f"Fetch 1 to {MOST_STUDIES} studies for an exam.", "most_studies")
    if not 0 <= archive.pause_seconds <= 3600:  # noqa: PLR2004
        raise Invalid("The pause between studies is 0 to 3600 seconds.", "pause_seconds")
    return archive


def _check_dimse(archive: Archive) -> None:
    if not archive.aet or len(archive.aet) > 16:  # noqa: PLR2004
        raise Invalid("An AE title has 1 to 16 characters.", "aet")
    try:
        address = ipaddress.ip_address(archive.address)
    except ValueError:
        raise Invalid("Give the address as an IP address, as 10.20.0.5.", "address") from None
    if not 0 < archive.port < 65536:  # noqa: PLR2004
        raise Invalid("The port is a number, 1 to 65535.", "port")
    if not address.is_loopback and not archive.plain:
        raise Invalid(
            "DICOM is not encrypted: confirm that the line to this archive is private.", "plain"
        )


def _check_url(archive: Archive) -> None:
    parts = urlsplit(archive.url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Invalid("Give the address as https://archive.hospital.example/dicom-web", "url")
    if parts.username or parts.query or parts.fragment:
        raise Invalid("Leave user, query and fragment out; the token has its own field.", "url")
    if parts.scheme == "http" and not archive.plain:
        raise Invalid("http is not encrypted: use https, or confirm a private line.", "plain")


def may_reach(resolved: str, archive: Archive) -> bool:
    """Say whether a resolved address may be called: never link-local, multicast or nowhere.

    Loopback only where the registered name is itself a loopback address, so that no name
    that someone else's server answers for leads into this machine.
    """
    address = ipaddress.ip_address(resolved)
    if address.is_link_local or address.is_multicast or address.is_unspecified:
        return False
    if address.is_loopback:
        host = archive.address if archive.way == DIMSE else urlsplit(archive.url).hostname or ""
        try:
            return ipaddress.ip_address(host).is_loopback
        except ValueError:
            return host == "localhost"
    return not address.is_reserved


def starts_at(archive: Archive, zone: str, now: datetime, *, urgent: bool) -> datetime:
    """When fetching may begin: now, or when the night of the archive's site begins."""
    if archive.night is None or urgent:
        return now
    local, (begins, ends) = now.astimezone(ZoneInfo(zone)), archive.night
    at = local.time()
    inside = begins <= at < ends if begins <= ends else at >= begins or at < ends
    if inside:
        return now
    tonight = datetime.combine(local.date(), begins, ZoneInfo(zone))
    if tonight < local:
        tonight += timedelta(days=1)
    return tonight.astimezone(UTC)


def next_try(tries: int, now: datetime) -> datetime | None:
    """When to try again after `tries` failures; None: a person decides."""
    return None if tries >= MOST_TRIES else now + FIRST_WAIT * 4 ** (tries - 1)
