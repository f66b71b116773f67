"""What the courier sends by DICOM: reports of storage commitment, notices of availability."""

from datetime import timedelta

from confrere.delivery.model import AVAILABILITY_KIND, COMMITMENT_KIND, Outgoing
from confrere.dimse import client, identifier, status
from confrere.dimse.client import Remote
from confrere.dimse.commitment import ALL_KEPT, SOME_FAILED
from confrere.dimse.syntaxes import (
    EXPLICIT_LE,
    INSTANCE_AVAILABILITY,
    STORAGE_COMMITMENT,
    STORAGE_COMMITMENT_INSTANCE,
)
from confrere.kernel.errors import Refused
from confrere.network.systems import Peer
from confrere.settings import Settings, is_loopback
from confrere.wiring.dicom_tls import client_context

WAIT = timedelta(seconds=30)
LOOPBACK = "127.0.0.1"
_FAILED, _MOST = 0x00081198, 8 * 1024 * 1024


def remote_of(peer: Peer, settings: Settings, wait: timedelta = WAIT) -> Remote:
    """Where and how a registered machine is reached; raises Refused with what is to be changed."""
    host = peer.address or LOOPBACK
    if not peer.enabled:
        raise Refused("the destination is switched off on the network page")
    if not peer.port:
        raise Refused("the machine is registered without the port that it listens on")
    if not peer.tls and not is_loopback(host) and not peer.plain_beyond_loopback:
        raise Refused("plain DICOM to this address is not allowed: see the network page")
    tls = client_context(settings, peer.tls_fingerprint) if peer.tls else None
    return Remote(host, peer.port, peer.aet.strip(), settings.aet, wait, tls=tls)


def transmit(peer: Peer, message: Outgoing, settings: Settings) -> tuple[str, str]:
    """Send one message of the outbox to its machine; give its status and text."""
    remote = remote_of(peer, settings)
    if message.kind == COMMITMENT_KIND:
        told = identifier.parse(message.content, EXPLICIT_LE, most=_MOST)
        kind = SOME_FAILED if _FAILED in told else ALL_KEPT
        answered = client.event_report(
            remote, STORAGE_COMMITMENT, STORAGE_COMMITMENT_INSTANCE, kind, message.content
        )
    elif message.kind == AVAILABILITY_KIND:
        answered = client.create(
            remote, INSTANCE_AVAILABILITY, message.control_id, message.content
        )
        if answered == status.DUPLICATE_INSTANCE:  # an earlier try arrived; its answer did not
            answered = status.SUCCESS
    else:
        raise Refused("this kind of message does not go out by DICOM")
    return f"{answered:04X}", "" if not answered else "the machine did not take it"
