"""Send the files of a de-identified export to a registered machine, and keep how it went."""

import zipfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from uuid import UUID

from confrere.audit.model import Agent, Event
from confrere.audit.service import note
from confrere.database.engine import transaction
from confrere.dimse import client, status
from confrere.imaging import deid_exports
from confrere.imaging.deid_making import NOT_IMAGES
from confrere.imaging.deid_model import READY
from confrere.imaging.part10 import split_part10
from confrere.kernel.errors import DomainError
from confrere.network import service as network
from confrere.network.systems import Peer
from confrere.wiring.dicom_out import remote_of
from confrere.wiring.house import House

HEAD = 64 * 1024  # more than any file meta group of ours


def send(house: House, export_id: UUID, peer_id: UUID, by: str) -> None:
    """Send what an export holds; a machine that cannot be reached is told on its page."""
    with transaction(house.system, frozenset()) as conn:
        export = deid_exports.get(conn, export_id)
        peer = next((one for one in network.peers(conn, "dicom") if one.id == peer_id), None)
    if export.state != READY or export.digest is None or peer is None:
        return  # its time was over, or the machine was removed, before its turn came
    tally: Counter[str] = Counter()
    why = ""
    try:
        with _opened(house, export.digest) as archive:
            _send(house, peer, archive, tally)
    except (DomainError, OSError) as error:
        why = str(error) if isinstance(error, DomainError) else type(error).__name__
    sent = tally.pop("sent", 0)
    problems = ", ".join(f"{count} with {code}" for code, count in sorted(tally.items()))
    now = house.now()
    with transaction(house.system, frozenset()) as conn:
        deid_exports.note_sent(conn, export_id, {
            "to": peer.name, "by": by, "at": now.isoformat(timespec="seconds"), "sent": sent,
            "total": export.counts.get("files", 0), "why": (why or problems)[:300],
        })  # fmt: skip
        note(conn, house.audit_key, Event(
            owner_group=export.owner_group, at=now, action="R", kind="de-identified export",
            door="dicom", agent=Agent.of_peer(peer.id, peer.name, peer.owner_group, ""),
            object_id=export_id, detail={"by": "C-STORE", "to": peer.aet, "sent": sent},
        ))  # fmt: skip


def _send(house: House, peer: Peer, archive: zipfile.ZipFile, tally: Counter[str]) -> None:
    names = [one for one in archive.namelist() if one not in NOT_IMAGES]
    kinds = []
    for name in names:
        with archive.open(name) as file:
            meta, _ = split_part10(file.read(HEAD))
        kinds.append((meta.sop_class, meta.transfer_syntax))
    with client.sending(remote_of(peer, house.settings), kinds) as link:
        for name in names:
            content = archive.read(name)
            meta, start = split_part10(content)
            if meta.transfer_syntax not in link.accepted(meta.sop_class):
                tally["a class or syntax that it does not take"] += 1
                continue
            answered = link.send(
                meta.sop_class, meta.sop_instance, meta.transfer_syntax,
                BytesIO(content[start:]),
            )  # fmt: skip
            taken = answered == status.SUCCESS or answered in status.WARNINGS
            tally["sent" if taken else f"status {answered:04X}"] += 1


@contextmanager
def _opened(house: House, digest: bytes) -> Iterator[zipfile.ZipFile]:
    with house.blobs.open(digest) as stream, zipfile.ZipFile(stream) as archive:
        yield archive
