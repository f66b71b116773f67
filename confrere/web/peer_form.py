"""A machine's registration as it is typed: read and checked."""

import ipaddress
import re
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, StringConstraints

from confrere.kernel.errors import Invalid
from confrere.kernel.ids import GroupId, PeerId, SiteId
from confrere.network.model import Site
from confrere.network.systems import TAKES_NOTHING, Peer
from confrere.settings import Settings

DICOM, HL7, RESULTS = "dicom", "hl7", "results"
_NEW = PeerId(UUID(int=0))  # the database gives the real id
Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=64)]


class Asked(BaseModel):
    """A machine as it was typed."""

    door: Text
    name: Text = ""
    aet: Text = ""
    application: Text = ""
    facility: Text = ""
    address: Text = ""
    port: Text = ""
    site: Text = ""
    plain: Text = ""
    interface: Text = ""
    availability: Text = ""
    certificate: Annotated[str, StringConstraints(strip_whitespace=True, max_length=128)] = ""
    tls: Text = ""
    tls_fingerprint: Annotated[
        str, StringConstraints(strip_whitespace=True, max_length=128)
    ] = ""
    corrections: Text = ""
    keeps_all: Text = ""
    confirmed: Text = ""


def read_peer(
    asked: Asked, owner: GroupId, own: dict[SiteId, Site], settings: Settings
) -> Peer:
    """Check what was typed; Invalid names the field and what to do."""
    if not asked.name:
        raise Invalid("Give the machine a name that people will know it by.", "name")
    plain, tls = asked.plain == "yes", asked.tls == "yes"
    beyond = bool(asked.address) and not _is_loopback(asked.address)
    certificate = fingerprint(asked.certificate, "certificate") if asked.door == DICOM else ""
    if beyond and not plain and not certificate and not tls:
        raise Invalid(
            f"{asked.address} lies beyond this machine and these protocols are not "
            "encrypted: confirm that the line between is private.",
            "plain",
        )
    if plain and beyond and asked.door != RESULTS:
        _check_interface(asked, settings)
    return Peer(
        _NEW, owner, asked.door, asked.name, asked.aet if asked.door == DICOM else "",
        asked.application, asked.facility, asked.address, _port(asked.port),
        _site(asked.site, own), plain and beyond, asked.interface if beyond else "",
        certificate=certificate,
        availability=asked.door == DICOM and asked.availability == "yes",
        tls=asked.door == DICOM and tls,
        tls_fingerprint=fingerprint(asked.tls_fingerprint, "tls_fingerprint") if tls else "",
        corrections=asked.corrections or TAKES_NOTHING,
        keeps_all=asked.door == DICOM and asked.keeps_all == "yes",
    )  # fmt: skip


def fingerprint(text: str, field: str) -> str:
    """A SHA-256 fingerprint as openssl and browsers print it, without its colons."""
    plain = text.replace(":", "").replace(" ", "").lower()
    if plain and not re.fullmatch("[0-9a-f]{64}", plain):
        raise Invalid(
            "Give the certificate's SHA-256 fingerprint: 32 bytes in hexadecimal.",
            field,
        )
    return plain


def _check_interface(asked: Asked, settings: Settings) -> None:
    if not settings.private_interface:
        raise Invalid(
            "This deployment listens on loopback only, so no other machine reaches it: set "
            "CONFRERE_PRIVATE_INTERFACE, restart, then register it.",
            "interface",
        )
    if asked.interface != settings.private_interface:
        raise Invalid(
            f"Plain traffic is taken on {settings.private_interface} only; name that interface.",
            "interface",
        )


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        raise Invalid("Give the address as an IP address, as 10.20.0.5.", "address") from None


def _port(text: str) -> int:
    if not text:
        return 0
    if not (text.isascii() and text.isdigit()) or not 0 < int(text) < 65536:  # noqa: PLR2004
        raise Invalid("The port is a number, 1 to 65535.", "port")
    return int(text)


def _site(text: str, own: dict[SiteId, Site]) -> SiteId | None:
    if not text:
        return None
    found = next((one for one in own if str(one) == text), None)
    if found is None:
        raise Invalid("Choose one of your group's sites.", "site")
    return found
