"""The machines that speak to us, and how a message's or image's site is told. Pure."""

from dataclasses import dataclass
from datetime import timedelta

from confrere.kernel.ids import GroupId, PeerId, SiteId
from confrere.network.model import Site


@dataclass(frozen=True, slots=True)
class Peer:
    """A machine that may speak to us, or that we speak to.

    `door` is dicom, hl7 (inbound) or results (outbound ORU). `address` is the one address
    it may come from (or is reached at); an empty address means loopback only. `certificate` is
    the SHA-256 fingerprint of the client certificate that it must show, in lower-case hex; with
    one it never comes in the clear. `availability`: it is told when images can be retrieved.
    """

    id: PeerId
    owner_group: GroupId
    door: str
    name: str
    aet: str = ""
    application: str = ""  # MSH-3
    facility: str = ""  # MSH-4
    address: str = ""
    port: int = 0
    site: SiteId | None = None
    plain_beyond_loopback: bool = False
    interface: str = ""
    enabled: bool = True
    certificate: str = ""
    availability: bool = False


@dataclass(frozen=True, slots=True)
class SiteRule:
    """One line of how a message's site is told; empty fields match anything."""

    owner_group: GroupId
    site: SiteId
    rank: int = 0
    peer: PeerId | None = None
    facility: str = ""
    institution: str = ""
    issuer: str = ""
    accession_prefix: str = ""


@dataclass(frozen=True, slots=True)
class SiteHints:
    """What a message or image says about where it comes from."""

    facility: str = ""  # MSH-4
    institution: str = ""  # (0008,0080)
    issuer: str = ""  # (0010,0021) or PID-3.4
    accession: str = ""


DEFAULT_QUIET = {"CT": 60, "MR": 120, "CR": 20, "DX": 20, "US": 120, "MG": 60}


def quiet_time(site: Site | None, modalities: frozenset[str]) -> timedelta:
    """How long without a new image closes a study: the longest of its modalities' times.

    The site's own figures come first, then the defaults; unknown modalities wait a minute.
    """
    own = (site.quiet_seconds if site else None) or {}
    each = [own.get(m, DEFAULT_QUIET.get(m, own.get("default", 60))) for m in modalities]
    return timedelta(seconds=max(each, default=own.get("default", 60)))
