"""Storage commitment joined to the index, the blob store, the sites' switches and the outbox."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from confrere.audit import service as audit
from confrere.audit.model import Agent, Event
from confrere.database.engine import transaction
from confrere.delivery import service as delivery
from confrere.delivery.model import COMMITMENT_KIND
from confrere.dimse import commitment, identifier
from confrere.dimse.commitment import CommitmentService, Wanted
from confrere.dimse.service import Request
from confrere.dimse.syntaxes import EXPLICIT_LE
from confrere.imaging import committing
from confrere.imaging.commitments import Commitment
from confrere.jobs import events
from confrere.kernel.ids import SiteId
from confrere.network import service as network
from confrere.network import serving
from confrere.network.systems import Peer
from confrere.wiring.dicom_query import Desk, agent_of
from confrere.wiring.house import House
from confrere.wiring.site_switches import sites_with

log = logging.getLogger(__name__)

REPORT_TASK = "commitments.report"
ABANDONED = timedelta(minutes=10)  # by then the association's thread is dead
SAME, OUTBOX = "same association", "outbox"


@dataclass(frozen=True, slots=True)
class Asked:
    """A kept request with who asked it."""

    peer: Peer
    kept: Commitment


def commitment_service(desk: Desk) -> CommitmentService:
    """The push model, offered where a site's declared archive is Confrere."""
    return CommitmentService(Archive(desk))


@dataclass(frozen=True, slots=True)
class Archive:
    """Keeps requests in the caller's group and judges them."""

    desk: Desk

    @property
    def aet(self) -> str:
        """The title to retrieve by: ours."""
        return self.desk.house.settings.aet

    def keep(self, request: Request, wanted: Wanted) -> Asked:
        """Make the request durable, and note who asked."""
        caller, house = self.desk.caller(request), self.desk.house
        peer = caller.peer
        with transaction(house.app, frozenset({peer.owner_group})) as conn:
            kept = committing.keep(
                conn,
                peer.owner_group,
                peer.id,
                wanted.transaction_uid,
                wanted.references,
                house.now(),
            )
            audit.note(conn, house.audit_key, Event(
                peer.owner_group, house.now(), "E", "commitment", "dicom", agent_of(caller),
                object_id=kept.id, detail={"instances": len(wanted.references)},
            ))  # fmt: skip
        return Asked(peer, kept)

    def judge(self, kept: Asked) -> Mapping[str, int]:
        """Read the instances again and keep the judgement."""
        commits = sites_with(self.desk.book, kept.peer, "commitment")
        return _judge(self.desk.house, kept.peer, kept.kept, commits)

    def told(self, kept: Asked) -> None:
        """The peer has answered our report."""
        with transaction(self.desk.house.app, frozenset({kept.peer.owner_group})) as conn:
            committing.mark_told(conn, kept.kept.id, SAME)

    def later(self, kept: Asked) -> None:
        """Let the worker tell it on another association."""
        with transaction(self.desk.house.app, frozenset({kept.peer.owner_group})) as conn:
            events.defer(conn, REPORT_TASK, commitment_id=kept.kept.id)


def _judge(
    house: House, peer: Peer, kept: Commitment, commits: frozenset[SiteId]
) -> dict[str, int]:
    with transaction(house.app, frozenset({peer.owner_group})) as conn:
        stored = committing.held(conn, kept)
    refused = committing.judge(house.blobs, kept, stored, commits, peer.site)
    with transaction(house.app, frozenset({peer.owner_group})) as conn:
        committing.mark_judged(conn, kept.id, refused, house.now())
        audit.note(conn, house.audit_key, Event(
            peer.owner_group, house.now(), "E", "commitment", "dicom",
            Agent.of_peer(peer.id, peer.name, peer.owner_group, "commitment"),
            object_id=kept.id,
            detail={"kept": len(kept.references) - len(refused), "refused": len(refused)},
        ))  # fmt: skip
    return refused


def report(house: House, commitment_id: UUID) -> None:
    """Judge a request again and put the report for its peer into the outbox."""
    with transaction(house.system, frozenset()) as conn:
        kept = committing.get(conn, commitment_id)
        peer, commits = network.peer(conn, kept.peer), _commits(conn, kept)
    if peer.site is not None:
        commits &= {peer.site}
    refused = _judge(house, peer, kept, commits)
    with transaction(house.system, frozenset()) as conn:
        put_out(conn, peer, kept, refused, house.settings.aet, house.now())


def put_out(
    conn: Connection, peer: Peer, kept: Commitment, refused: Mapping[str, int], aet: str,
    now: datetime,
) -> None:  # fmt: skip
    """Put one report into the outbox: the peer asked for it, in shadow mode too."""
    _, said = commitment.answer_to(kept.transaction_uid, kept.references, refused, aet)
    delivery.send(
        conn, peer.owner_group, peer.id, peer.site, None, COMMITMENT_KIND, "",
        kept.transaction_uid, identifier.encode(said, EXPLICIT_LE), now, begun_live=True,
    )  # fmt: skip
    committing.mark_told(conn, kept.id, OUTBOX)


def rescue(house: House) -> None:
    """Queue the reports of requests whose process died before it could tell."""
    with transaction(house.system, frozenset()) as conn:
        for one in committing.untold(conn, house.now() - ABANDONED):
            events.defer(conn, REPORT_TASK, once=f"{REPORT_TASK}:{one}", commitment_id=one)


def _commits(conn: Connection, kept: Commitment) -> frozenset[SiteId]:
    switches: dict[SiteId, Any] = dict(serving.services(conn))
    return frozenset(
        site
        for site, one in switches.items()
        if one.commits and one.owner_group == kept.owner_group
    )
