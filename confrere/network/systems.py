"""The machines that speak to us, and how a message's or image's site is told. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from confrere.kernel.errors import Invalid
from confrere.kernel.ids import GroupId, PeerId, SiteId
from confrere.network.model import Site

DOORS = ("dicom", "hl7", "results", "gateway")
TAKES_NOTHING, TAKES_NOTES, TAKES_ALL = "nothing", "notes", "all"
TAKES = {  # what a machine takes of corrections
    TAKES_NOTHING: "nothing: a person corrects it there",
    TAKES_NOTES: "rejection notes",
    TAKES_ALL: "rejection notes and corrected images",
}


@dataclass(frozen=True, slots=True)
class Peer:
    """A machine that may speak to us, or that we speak to.

    `door` is dicom, hl7 (inbound) or results (outbound ORU). `address` is the one address
    it may come from (or is reached at); an empty address means loopback only. `certificate` is
    the SHA-256 fingerprint of the client certificate that it must show, in lower-case hex; with
    one it never comes in the clear. `availability`: it is told when images can be retrieved.

    `tls`: we call it by TLS; it must then show the certificate of `tls_fingerprint` (as above),
    or without that one which leads to the deployment's authorities. `corrections` says what it
    takes when images that it holds are corrected or rejected (`TAKES_...`). `keeps_all`: it is
    its site's archive, so it holds each study of that site.
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
    tls: bool = False
    tls_fingerprint: str = ""
    corrections: str = "nothing"
    keeps_all: bool = False


def check_peer(new: Peer) -> None:
    """Check a machine's registration; raises Invalid that names the field."""
    if new.door not in DOORS:
        raise Invalid(f"the door must be one of {', '.join(DOORS)}", "door")
    if new.door == "dicom" and not 1 <= len(new.aet.strip()) <= 16:  # noqa: PLR2004
        raise Invalid("an AE title has 1 to 16 characters", "aet")
    if new.door == "hl7" and not (new.application or new.facility):
        raise Invalid("give the sending application (MSH-3) or facility (MSH-4)", "application")
    if new.door == "results" and not 0 < new.port < 65536:  # noqa: PLR2004 - TCP
        raise Invalid("give the port of the site's listener, 1 to 65535", "port")
    if new.certificate and new.plain_beyond_loopback:
        raise Invalid("a machine with a certificate never speaks in the clear", "certificate")
    if new.plain_beyond_loopback and not new.address:
        raise Invalid("a plain peer beyond loopback needs its address", "address")
    _check_calls(new)


def _check_calls(new: Peer) -> None:
    if new.tls and new.plain_beyond_loopback:
        raise Invalid("a machine that is called by TLS is not called in the clear", "tls")
    if new.tls and not new.port:
        raise Invalid("give the port on which it takes TLS; 2762 is the registered one", "port")
    if new.corrections not in TAKES:
        raise Invalid("choose what it takes of corrections", "corrections")
    if new.corrections != TAKES_NOTHING and not new.port:
        raise Invalid("corrections are sent to the port that it listens on: give it", "port")
    if new.keeps_all and new.site is None:
        raise Invalid("an archive of a site needs its site", "site")


_SAID = {
    "name": "Name", "aet": "AE title", "address": "IP address", "port": "Port", "site": "Site",
    "plain_beyond_loopback": "Plain traffic beyond this machine", "interface": "Interface",
    "certificate": "Certificate it must show to us", "availability": "Told of availability (IAN)",
    "tls": "Called by TLS", "tls_fingerprint": "Certificate it must show when called",
    "corrections": "Takes of corrections", "keeps_all": "Is its site's archive",
}  # fmt: skip


def differences(
    before: Peer, after: Peer, sites: Mapping[SiteId, str]
) -> list[tuple[str, str, str]]:
    """What a change of a registration changes: field, before and after, for people."""

    def said(value: object) -> str:
        if isinstance(value, bool):
            return "yes" if value else "no"
        if value in sites:
            return sites[value]  # type: ignore[index]
        return TAKES.get(str(value), str(value)) if value else "none"

    return [
        (word, said(getattr(before, field)), said(getattr(after, field)))
        for field, word in _SAID.items()
        if getattr(before, field) != getattr(after, field)
    ]


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
