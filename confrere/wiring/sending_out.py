"""Send a study to a registered machine by C-STORE, object by object, and say how far it is."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from time import monotonic
from uuid import UUID

from sqlalchemy import Connection

from confrere.audit import service as audit
from confrere.audit.model import Agent, Event
from confrere.database.engine import transaction
from confrere.delivery import sendings
from confrere.delivery.model import OF_CORRECTION, WAITING, Sending
from confrere.dimse import client, status
from confrere.imaging import finding, recoding
from confrere.imaging import service as imaging
from confrere.imaging.model import Instance
from confrere.imaging.rejection_notes import KEY_OBJECTS
from confrere.kernel.errors import DomainError, Invalid, NotFound
from confrere.network import service as network
from confrere.network.systems import Peer
from confrere.wiring import corrections_out
from confrere.wiring.bringing_back import uses
from confrere.wiring.dicom_out import remote_of
from confrere.wiring.house import House

TELL_EVERY = timedelta(seconds=2)
_TAKEN = (status.SUCCESS, status.DUPLICATE_INSTANCE)  # an earlier try arrived


@dataclass(slots=True)
class Tally:
    """How many objects went, and why others did not."""

    total: int
    sent: int = 0
    failed: Counter[str] = field(default_factory=Counter)

    note_refused: int = 0

    def refuse(self, instance: Instance, answered: int) -> None:
        """Count an object that was not taken."""
        self.failed[f"status {answered:04X}"] += 1
        if instance.sop_class == KEY_OBJECTS:
            self.note_refused = answered

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
            instances = _objects(conn, asked, peer)
        except NotFound as error:
            sendings.end(conn, asked.id, str(error), house.now())
            return
        if not instances:  # all of it was corrected again: a later sending carries it
            sendings.end(conn, asked.id, "", house.now())
            return
    tally = Tally(len(instances))
    try:
        uses(house).note(asked.study)
        _send(house, asked, peer, instances, tally)
    except (DomainError, OSError) as error:
        words = str(error) if isinstance(error, DomainError) else type(error).__name__
        with transaction(house.system, frozenset()) as conn:
            sendings.note_progress(
                conn, asked.id, tally.total, tally.sent, tally.failed.total()
            )
            sendings.put_off(conn, asked, words, house.now(), house.dice())
        return
    _end(house, asked, peer, tally)


def _objects(conn: Connection, asked: Sending, peer: Peer) -> list[Instance]:
    if asked.kind == OF_CORRECTION:
        return corrections_out.objects(conn, asked, peer)
    return finding.instances_of(conn, asked.study)


def _send(
    house: House, asked: Sending, peer: Peer, instances: list[Instance], tally: Tally
) -> None:
    remote = remote_of(peer, house.settings)
    told = 0.0
    with client.sending(remote, ((i.sop_class, i.transfer_syntax) for i in instances)) as link:
        for one in instances:
            answered = _store(house, link, one)
            if answered in _TAKEN or answered in status.WARNINGS:
                tally.sent += 1
            else:
                tally.refuse(one, answered)
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
        left = ""
        if asked.kind == OF_CORRECTION:
            left = corrections_out.left_by_hand(conn, asked, peer)
        words = corrections_out.explained(tally.words, tally.note_refused, asked)
        sendings.end(conn, asked.id, words or left, now, by_hand=bool(left) and not words)
        agent = Agent.of_peer(peer.id, peer.name, peer.owner_group, str(asked.id))
        audit.note(conn, house.audit_key, Event(
            asked.owner_group, now, "R", "study", "dicom", agent, patient_id=study.patient_id,
            study_id=study.id, object_id=study.id,
            detail={"by": "C-STORE", "to": peer.aet, "sent": tally.sent,
                    "failed": tally.failed.total()},
        ))  # fmt: skip
