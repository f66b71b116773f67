"""Images that a gateway brings: made durable, filed as STOW-RS files them, then answered."""

import hashlib
import secrets
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from confrere.database.engine import transaction
from confrere.imaging import asides
from confrere.imaging.batching import file_batch
from confrere.imaging.examining import examine
from confrere.imaging.head import refuse_other
from confrere.imaging.model import Arrival, Aside, Filed, Outcome
from confrere.kernel.errors import Invalid
from confrere.kernel.ids import PeerId
from confrere.network import service as network
from confrere.network.gateways import Gateway
from confrere.network.model import Site
from confrere.network.systems import Peer
from confrere.wiring import device_audit
from confrere.wiring.device_audit import Caller
from confrere.wiring.gateway_frames import LATER, PARTIAL, Frame
from confrere.wiring.house import House

REMEDY = "correct the object at its source and send it again"
_CHUNK = 1 << 20
_STALE = timedelta(days=7)  # an object begun and never finished
_HEARD_ANEW = timedelta(hours=1)  # a study that goes on so long is noted again


@dataclass(frozen=True, slots=True)
class Taken:
    """The answer for one object: what became of it, and how many bytes are here."""

    digest: bytes
    state: str
    have: int
    why: str = ""


class Desk:
    """Takes objects of all gateways; safe to use from many threads."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._lock = threading.Lock()
        self._callers: dict[PeerId, Caller] = {}
        self._hour = house.now()

    def take(self, gateway: Gateway, frames: Sequence[Frame]) -> list[Taken]:
        """Take a body's frames; answer for each in its place.

        `stored`, `same` and `aside` mean that the bytes with this digest are durable here.
        """
        with transaction(self._house.app, frozenset({gateway.owner_group})) as conn:
            site, peer = network.site(conn, gateway.site), network.peer(conn, gateway.peer)
        answers: dict[int, Taken] = {}
        whole: list[tuple[int, Frame]] = []
        marks = [0]
        for place, frame in enumerate(frames):
            early = self._keep(gateway, frame, marks)
            if early is None:
                whole.append((place, frame))
            else:
                answers[place] = early
        self._house.blobs.sync(max(marks))
        for (place, _), taken in zip(
            whole, self._file(peer, site, [frame for _, frame in whole]), strict=True
        ):
            answers[place] = taken
        return [answers[place] for place in range(len(frames))]

    def have(self, gateway: Gateway, digest: bytes) -> int:
        """How many bytes of an unfinished object are here."""
        path = self._part(gateway, digest)
        return path.stat().st_size if path.exists() else 0

    def _keep(self, gateway: Gateway, frame: Frame, marks: list[int]) -> Taken | None:
        """Put the bytes into the blob store; None once the object is there whole.

        It is durable when the store is synced up to the mark that is added.
        """
        if not frame.is_whole:
            return self._append(gateway, frame)
        if hashlib.sha256(frame.content).digest() != frame.digest:
            return Taken(frame.digest, LATER, 0, "the bytes changed on the way")
        blob = self._house.blobs.begin()
        try:
            blob.write(frame.content)
        except OSError:
            blob.discard()
            raise
        blob.keep(sync=False)
        marks.append(blob.mark)
        return None

    def _append(self, gateway: Gateway, frame: Frame) -> Taken | None:
        path = self._part(gateway, frame.digest)
        if frame.offset == 0 and not path.exists():
            self._tidy(path.parent)
        with path.open("ab") as out:
            here = out.tell()
            if frame.offset != here:
                return Taken(frame.digest, PARTIAL, here)
            out.write(frame.content)
        have = frame.offset + len(frame.content)
        if have < frame.size:
            return Taken(frame.digest, PARTIAL, have)
        return self._close(path, frame)

    def _close(self, path: Path, frame: Frame) -> Taken | None:
        """Move a finished object to the blob store, if it is what it was said to be."""
        blob, digest = self._house.blobs.begin(), hashlib.sha256()
        with path.open("rb") as stream:
            while chunk := stream.read(_CHUNK):
                blob.write(chunk)
                digest.update(chunk)
        if digest.digest() != frame.digest:
            blob.discard()
            path.unlink(missing_ok=True)
            return Taken(frame.digest, LATER, 0, "the bytes changed on the way")
        blob.keep()
        path.unlink(missing_ok=True)
        return None

    def _part(self, gateway: Gateway, digest: bytes) -> Path:
        folder = self._house.settings.home / "gateways" / gateway.id.hex
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return folder / f"{digest.hex()}.part"

    def _tidy(self, folder: Path) -> None:
        oldest = (self._house.now() - _STALE).timestamp()
        for path in folder.iterdir():
            if path.stat().st_mtime < oldest:
                path.unlink(missing_ok=True)

    def _file(self, peer: Peer, site: Site, frames: Sequence[Frame]) -> list[Taken]:
        results: dict[int, Taken] = {}
        arrivals: list[tuple[int, Arrival]] = []
        for place, frame in enumerate(frames):
            try:
                arrivals.append((place, self._arrival(peer, site, frame)))
            except Invalid as error:
                self._aside(peer, frame, error)
                results[place] = Taken(frame.digest, "aside", frame.size, str(error))
        filed = file_batch(self._house.app, [arrival for _, arrival in arrivals])
        for (place, arrival), outcome in zip(arrivals, filed, strict=True):
            results[place] = _taken(arrival, outcome)
        self._note(peer, [one for one in filed if isinstance(one, Filed)])
        return [results[place] for place in range(len(frames))]

    def _arrival(self, peer: Peer, site: Site, frame: Frame) -> Arrival:
        head = examine(self._house.blobs, frame.digest, frame.transfer_syntax)
        refuse_other(head, frame.sop_class, frame.sop_instance)
        return Arrival(
            peer.owner_group, site.id, head, head.sop_class, frame.transfer_syntax,
            frame.digest, frame.size, frame.calling_aet, self._house.now(), site.assigner,
            ZoneInfo(site.time_zone), door="gateway",
        )  # fmt: skip

    def _aside(self, peer: Peer, frame: Frame, error: Invalid) -> None:
        aside = Aside(
            peer.owner_group, "invalid", str(error), frame.digest, frame.size,
            self._house.now(), door="gateway", field=error.field, remedy=REMEDY,
            calling_aet=frame.calling_aet, sop_uid=frame.sop_instance,
            transfer_syntax=frame.transfer_syntax, detail={"sop_class": frame.sop_class},
        )  # fmt: skip
        with transaction(self._house.app, frozenset({peer.owner_group})) as conn:
            asides.keep(conn, aside)

    def _note(self, peer: Peer, filed: Sequence[Filed]) -> None:
        """Queue an audit event for each study of an hour's sending."""
        with self._lock:
            now = self._house.now()
            if now - self._hour > _HEARD_ANEW:
                self._callers, self._hour = {}, now
            fresh = Caller(peer, f"gateway-{secrets.token_hex(4)}")
            caller = self._callers.setdefault(peer.id, fresh)
            studies = {
                one.study_id for one in filed if one.study_id and one.outcome is Outcome.NEW
            } - caller.noted
            if not studies:
                return
            with transaction(self._house.app, frozenset({peer.owner_group})) as conn:
                for study in sorted(studies):
                    device_audit.queue_stored(conn, caller, study, now)
            caller.noted.update(studies)


def _taken(arrival: Arrival, outcome: Filed | Exception) -> Taken:
    if isinstance(outcome, Exception):
        return Taken(arrival.digest, LATER, 0, "it could not be filed just now")
    state = {Outcome.NEW: "stored", Outcome.SAME: "same"}.get(outcome.outcome, "aside")
    return Taken(arrival.digest, state, arrival.size)
