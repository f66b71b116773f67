"""Send a study to a registered machine by C-STORE, object by object, and say how far it is."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from time import monotonic
from uuid import UUID

from confrere.audit import service as audit
from confrere.audit.model import Agent, Event
from confrere.database.engine import transaction
from confrere.delivery import sendings
from confrere.delivery.model import WAITING, Sending
from confrere.dimse import client, status
from confrere.imaging import finding, recoding
from confrere.imaging import service as imaging
from confrere.imaging.model import Instance
from confrere.kernel.errors import DomainError, Invalid, NotFound, Refused, Unavailable
from confrere.network import service as network
from confrere.network.systems import Peer
from confrere.wiring.bringing_back import uses
from confrere.wiring.dicom_out import remote_of
from confrere.wiring.house import House

TELL_EVERY = timedelta(seconds=2)


@dataclass(slots=True)
class Tally:
    """How many objects went, and why others did not."""

    total: int
    sent: int = 0
    failed: Counter[str] = field(default_factory=Counter)

    @property
    def words(self) -> str:
        """What was not taken; empty when all was."""
        each = ", ".join(f"{count} with {why}" for why, count in sorted(self.failed.items()))
        return (
            f"{self.failed.total()} of {self.total} objects not taken: {each}" if each else ""
        )


def run(house: House, sending_id: UUID) -> None:
    """Send what waits; a lost line puts it off, what the machine refuses is told."""
    with transaction(house.system, frozenset()) as conn:
        asked = sendings.get(conn, sending_id)
        if asked.state != WAITING:
            return
        peer = network.peer(conn, asked.peer)
        try:
            instances = finding.instances_of(conn, asked.study)
        except NotFound as error:
            sendings.end(conn, asked.id, str(error), house.now())
            return
    tally = Tally(len(instances))
    try:
        uses(house).note(asked.study)
        _send(house, asked, peer, instances, tally)
    except (Unavailable, Refused, OSError) as error:
        words = str(error) if isinstance(error, DomainError) else type(error).__name__
        with transaction(house.system, frozenset()) as conn:
            sendings.note_progress(
                conn, asked.id, tally.total, tally.sent, tally.failed.total()
            )
            sendings.put_off(conn, asked, words, house.now(), house.dice())
        return
    _end(house, asked, peer, tally)


def _send(
    house: House, asked: Sending, peer: Peer, instances: list[Instance], tally: Tally
) -> None:
    remote = remote_of(peer, house.settings.aet)
    told = 0.0
    with client.sending(remote, ((i.sop_class, i.transfer_syntax) for i in instances)) as link:
        for one in instances:
            answered = _store(house, link, one)
            if answered == status.SUCCESS or answered in status.WARNINGS:
                tally.sent += 1
            else:
                tally.failed[f"status {answered:04X}"] += 1
            if monotonic() - told >= TELL_EVERY.total_seconds():
                told = monotonic()
                with transaction(house.system, frozenset()) as conn:
                    failed = tally.failed.total()
                    sendings.note_progress(conn, asked.id, tally.total, tally.sent, failed)


def _store(house: House, link: client.Sending, instance: Instance) -> int:
    syntax = recoding.choose_sent(
        recoding.stored_as(instance), link.accepted(instance.sop_class)
    )
    if syntax is None:
        return status.NOT_NEGOTIATED
    try:
        with recoding.coded(house.blobs, instance, syntax) as stream:
            return link.send(instance.sop_class, instance.sop_uid, syntax, stream)
    except (Invalid, NotFound) as error:
        return status.outcome_of(error).status


def _end(house: House, asked: Sending, peer: Peer, tally: Tally) -> None:
    with transaction(house.system, frozenset()) as conn:
        study, now = imaging.study(conn, asked.study), house.now()
        sendings.note_progress(conn, asked.id, tally.total, tally.sent, tally.failed.total())
        sendings.end(conn, asked.id, tally.words, now)
        agent = Agent.of_peer(peer.id, peer.name, peer.owner_group, str(asked.id))
        audit.note(conn, house.audit_key, Event(
            asked.owner_group, now, "R", "study", "dicom", agent, patient_id=study.patient_id,
            study_id=study.id, object_id=study.id,
            detail={"by": "C-STORE", "to": peer.aet, "sent": tally.sent,
                    "failed": tally.failed.total()},
        ))  # fmt: skip
