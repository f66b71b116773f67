"""C-FIND, C-MOVE and C-GET joined to the index, the blob store, the peers and the audit trail."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

from confrere.audit import service as audit
from confrere.audit.model import Agent, Event
from confrere.database.engine import transaction
from confrere.dimse import client, retrieve, status, syntaxes
from confrere.dimse.client import Remote
from confrere.dimse.identifier import Identifier, Value
from confrere.dimse.query import FindService, Matched
from confrere.dimse.retrieve import SubOperation, Transfer, UnknownDestination
from confrere.dimse.service import Request, Service, SubStore
from confrere.dimse.supported import PROVIDED
from confrere.imaging import finding, holders, recoding
from confrere.imaging.attributes import Level
from confrere.imaging.editions import GOT, MOVED
from confrere.imaging.matching import Query
from confrere.imaging.model import Found, Instance, Scope, Study
from confrere.imaging.query_retrieve import (
    PATIENT,
    Plan,
    plan_find,
    plan_retrieve,
    value_of,
)
from confrere.kernel.errors import Invalid, Refused, Unavailable
from confrere.kernel.ids import PeerId, StudyId
from confrere.network.systems import Peer
from confrere.wiring.bringing_back import uses
from confrere.wiring.device_audit import Caller
from confrere.wiring.dicom_out import remote_of
from confrere.wiring.house import House
from confrere.wiring.peers import PeerBook

PAGE = 500
MOST_MATCHES = 10_000
MOST_INSTANCES = 50_000
_LEVEL, _RETRIEVE_AET, _AVAILABILITY = 0x00080052, 0x00080054, 0x00080056


def query_services(desk: "Desk") -> tuple[Service, ...]:
    """The query/retrieve services of the door."""
    return (
        FindService("find", frozenset(PROVIDED["find"].classes), desk),
        retrieve.move_service(Mover(desk)),
        retrieve.get_service(Getter(desk)),
    )


@dataclass(frozen=True, slots=True)
class Desk:
    """Answers queries within what the calling peer may see."""

    house: House
    book: PeerBook

    def caller(self, request: Request) -> Caller:
        """The peer that asks; raises Refused when it was switched off since it came."""
        call, caller = request.call, request.admission.peer
        known = self.book.by_title(call.calling_aet, call.address, call.secured)
        if not isinstance(caller, Caller) or known is None or known.id != caller.peer.id:
            raise Refused("this AE title is no longer registered or is switched off")
        return Caller(known, caller.conversation, caller.secured, caller.noted)

    def find(self, request: Request, keys: Identifier) -> Iterator[Matched]:
        """Yield what fits, newest first; raises Unavailable past MOST_MATCHES.

        A patient has several studies: whom it has named is kept, and nothing else.
        """
        caller = self.caller(request)
        model = syntaxes.FIND_ROOTS[request.context.abstract_syntax]
        plan = plan_find(model, _level_of(keys), _texts(keys))
        detail = {"level": plan.name, "keys": ", ".join(_names(plan))}
        self.note(caller, Event(
            caller.peer.owner_group, self.house.now(), "E", "search", "dicom", agent_of(caller),
            detail=detail,
        ))  # fmt: skip
        named: set[tuple[str, str]] = set()
        count = 0
        for found in self.pages(
            caller.peer, Query(scope_of(caller.peer), plan.matches), plan.level
        ):
            if plan.name == PATIENT:
                person = (found.study.issuer, found.study.mrn)
                if person in named:
                    continue
                named.add(person)
            count += 1
            if count > MOST_MATCHES:
                raise Unavailable(f"over {MOST_MATCHES} matches: narrow the query")
            yield Matched(self._answer(plan, found), plan.unsupported)

    def _answer(self, plan: Plan, found: Found) -> Identifier:
        answer = {a.tag: Value(a.vr, value_of(found, a)) for a in plan.returned}
        answer[_LEVEL] = Value("CS", plan.name)
        answer[_RETRIEVE_AET] = Value("AE", self.house.settings.aet)
        answer[_AVAILABILITY] = Value("CS", "ONLINE")
        return answer

    def pages(self, peer: Peer, query: Query, level: Level) -> Iterator[Found]:
        """Yield results page by page: one page is in memory, and each costs the same.

        No transaction stays open while the peer takes them.
        """
        query = replace(query, limit=PAGE)
        while True:
            with transaction(self.house.app, frozenset({peer.owner_group})) as conn:
                page = finding.search(conn, level, query)
            yield from page
            if len(page) < PAGE:
                return
            query = replace(query, after=page[-1])

    def instances(self, caller: Caller, plan: Plan, way: str, to: Peer) -> list[Instance]:
        """List what a retrieval asks for; raises Unavailable past the bound.

        Each study is noted, and that `to` holds a copy from now on.
        """
        query = Query(scope_of(caller.peer), plan.matches)
        found: list[Instance] = []
        studies: dict[StudyId, Study] = {}
        for one in self.pages(caller.peer, query, Level.INSTANCE):
            found.append(_instance(one))
            studies[one.study.id] = one.study
            if len(found) > MOST_INSTANCES:
                raise Unavailable(
                    f"over {MOST_INSTANCES} objects: retrieve fewer studies at once"
                )
        for study in studies.values():
            uses(self.house).note(study.id)
            self.note(caller, Event(
                study.owner_group, self.house.now(), "R", "study", "dicom", agent_of(caller),
                patient_id=study.patient_id, study_id=study.id, object_id=study.id,
                detail={"by": way, "to": to.aet},
            ), holder=(study.id, to.id, way))  # fmt: skip
        return found

    def note(
        self, caller: Caller, event: Event, holder: tuple[StudyId, PeerId, str] | None = None
    ) -> None:
        """Write into the audit trail; nothing is shown when that fails."""
        with transaction(self.house.app, frozenset({caller.peer.owner_group})) as conn:
            audit.note(conn, self.house.audit_key, event)
            if holder:
                holders.note_holder(conn, event.owner_group, *holder, event.at)


@dataclass(frozen=True, slots=True)
class Getter:
    """C-GET: the images come over the association that asks for them."""

    desk: Desk

    def retrieve(self, request: Request, keys: Identifier) -> Transfer:
        """Prepare the sub-operations."""
        caller = self.desk.caller(request)
        model = syntaxes.GET_ROOTS[request.context.abstract_syntax]
        plan = plan_retrieve(model, _level_of(keys), _texts(keys))
        found = self.desk.instances(caller, plan, GOT, caller.peer)
        return Transfer(len(found), (self._operation(request, one) for one in found))

    def _operation(self, request: Request, instance: Instance) -> SubOperation:
        return SubOperation(instance.sop_uid, partial(self._store, request, instance))

    def _store(self, request: Request, instance: Instance) -> int:
        talk = request.talk
        if talk is None:
            return status.PROCESSING_FAILURE
        able = {
            c.transfer_syntax: c
            for c in talk.contexts
            if c.abstract_syntax == instance.sop_class
        }
        syntax = recoding.choose_sent(recoding.stored_as(instance), able)
        if syntax is None:
            return status.NOT_NEGOTIATED
        with recoding.coded(self.desk.house.blobs, instance, syntax) as stream:
            return talk.store(
                SubStore(able[syntax], instance.sop_class, instance.sop_uid), stream
            )


@dataclass(frozen=True, slots=True)
class Mover:
    """C-MOVE: the images go to a registered machine of the caller's own group, and no other."""

    desk: Desk

    def retrieve(self, request: Request, keys: Identifier) -> Transfer:
        """Prepare the sub-operations; raises UnknownDestination before any connection."""
        caller = self.desk.caller(request)
        model = syntaxes.MOVE_ROOTS[request.context.abstract_syntax]
        plan = plan_retrieve(model, _level_of(keys), _texts(keys))
        to, remote = self._destination(caller.peer, retrieve.destination_of(request))
        found = self.desk.instances(caller, plan, MOVED, to)
        originator = (request.call.calling_aet, retrieve.message_of(request))
        return Transfer(len(found), self._operations(remote, found, originator))

    def _destination(self, caller: Peer, title: str) -> tuple[Peer, Remote]:
        for peer in self.desk.book.page().peers:
            own = peer.owner_group == caller.owner_group and peer.door == "dicom"
            if own and peer.enabled and peer.port and peer.aet.strip() == title:
                with suppress(Refused, Invalid):
                    return peer, remote_of(peer, self.desk.house.settings)
        raise UnknownDestination("Move Destination is not registered, or has no port")

    def _operations(
        self, remote: Remote, found: list[Instance], originator: tuple[str, int]
    ) -> Iterator[SubOperation]:
        if not found:
            return
        with client.sending(remote, ((i.sop_class, i.transfer_syntax) for i in found)) as link:
            for one in found:
                yield SubOperation(one.sop_uid, partial(self._store, link, one, originator))

    def _store(
        self, link: client.Sending, instance: Instance, originator: tuple[str, int]
    ) -> int:
        accepted = link.accepted(instance.sop_class)
        syntax = recoding.choose_sent(recoding.stored_as(instance), accepted)
        if syntax is None:
            return status.NOT_NEGOTIATED
        with recoding.coded(self.desk.house.blobs, instance, syntax) as stream:
            return link.send(
                instance.sop_class, instance.sop_uid, syntax, stream, originator=originator
            )


def scope_of(peer: Peer) -> Scope:
    """What a peer may see: its group's studies, and where it is one site's, that site's only."""
    return Scope(frozenset({peer.owner_group}), site=peer.site)


def agent_of(caller: Caller) -> Agent:
    """The peer on this association, as the audit trail names it."""
    peer = caller.peer
    return Agent.of_peer(peer.id, peer.name, peer.owner_group, caller.conversation)


def _level_of(keys: Identifier) -> str:
    level = keys.get(_LEVEL)
    if level is None or not level.text:
        raise Invalid(
            "QueryRetrieveLevel is missing: say STUDY, SERIES or IMAGE", "QueryRetrieveLevel"
        )
    return level.text.strip()


def _texts(keys: Identifier) -> dict[int, str]:
    return {tag: value.text for tag, value in keys.items() if value.vr != "SQ"}


def _names(plan: Plan) -> list[str]:
    return sorted({match.attribute.keyword for match in plan.matches})


def _instance(found: Found) -> Instance:
    if found.instance is None:
        raise TypeError("an instance was searched for")
    return found.instance
