"""Every bound of the DICOM door in one place."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Limits:
    """What a peer may cost us at most; sizes in bytes, checked before anything is allocated.

    Waiting times count only the time we wait for the peer, never the time our own storage takes.
    """

    offered_pdu: int = 128 * 1024  # maximum length we announce (PS3.8 D.1)
    pdu: int = 1024 * 1024  # longest P-DATA-TF read from peers that ignore the announcement
    associate_request: int = 64 * 1024
    command_set: int = 64 * 1024
    data_set: int = 2 * 1024**3
    contexts: int = 128

    associations: int = 128  # established, all peers together
    associations_per_address: int = 16
    waiting: int = 32  # connected, but not yet an association
    idle_before_eviction: timedelta = timedelta(seconds=5)

    time_to_request: timedelta = timedelta(seconds=10)  # connection to a whole A-ASSOCIATE-RQ
    idle: timedelta = timedelta(seconds=60)  # between two PDUs
    pdu_wait: timedelta = timedelta(seconds=30)  # header of a PDU to its last byte
    message_wait: timedelta = timedelta(hours=1)  # all PDUs of one message
    send_wait: timedelta = timedelta(seconds=30)  # one answer taken by the peer
    linger: timedelta = timedelta(seconds=1)  # for the peer to read our last word
