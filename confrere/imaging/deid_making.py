"""Make an export that was allowed: look at every instance, hold what is risky, write the rest.

Nothing is written while something waits for a person.
"""

import json
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from io import RawIOBase
from typing import Any
from uuid import UUID

from pydicom import Dataset
from sqlalchemy import Connection

from confrere.files.folder import BlobStore
from confrere.files.incoming import Incoming
from confrere.imaging import deid_exports, store_deid, store_search
from confrere.imaging.confidentiality import EDITION, Options
from confrere.imaging.deid_model import (
    FAILED,
    KEPT_FOR,
    READY,
    RELEASED,
    REVIEW,
    RUNNING,
    WAITING,
    Export,
    Held,
)
from confrere.imaging.directory import Directory
from confrere.imaging.lettered import lettered
from confrere.imaging.model import Instance
from confrere.imaging.pseudonyms import project_key
from confrere.imaging.released import Made, de_identified, examine, read_whole
from confrere.imaging.risks import Risk, has_pixels, known_boxes, uncovered
from confrere.kernel.errors import DomainError

NOT_IMAGES = frozenset({"DICOMDIR", "manifest.json"})
SAID_EVERY = 20  # instances
Opened = Callable[[], AbstractContextManager[Connection]]


@dataclass(frozen=True, slots=True)
class Item:
    """One instance of an export: a file, or why a person must look, or why it is left out."""

    instance: Instance
    made: Made | None = None
    risks: tuple[Risk, ...] = ()
    left_out: str = ""


def de_identify(
    blobs: BlobStore, instances: list[Instance], export: Export, key: bytes,
    held: dict[UUID, Held],
) -> Iterator[Item]:  # fmt: skip
    """Make the file of each instance in turn; risky ones that nobody released are held.

    The use case for other parts too: `held` says what was decided, by instance.
    """
    for one in instances:
        decided = held.get(one.id)
        if decided is not None and decided.state not in (RELEASED, WAITING):
            yield Item(one, left_out="left out by a person")
            continue
        try:
            data = read_whole(blobs, one.digest, one.transfer_syntax, one.coerced)
            released = decided is not None and decided.state == RELEASED
            found = () if released else _risks(blobs, one, data, export.options)
            if found:
                yield Item(one, risks=found)
                continue
            boxes = decided.boxes if decided else ()
            made = de_identified(
                data, one.transfer_syntax, export.options, key, boxes=boxes, reviewed=released
            )
        except DomainError as error:
            yield Item(one, left_out=str(error))
            continue
        yield Item(one, made=made)


def run(opened: Opened, blobs: BlobStore, master: bytes, key: UUID, now: datetime) -> str:
    """Take an export as far as it goes now; returns its state. Safe to run again."""
    with opened() as conn:
        export = deid_exports.get(conn, key)
        if export.state != RUNNING:
            return export.state
        instances = [
            one for study in export.studies
            for one in store_search.instances_of(conn, study, None, None)
        ]  # fmt: skip
        held = {one.instance_id: one for one in deid_exports.held_of(conn, key)}
        store_deid.change(conn, key, total=len(instances), done=0)
    waiting = _hold(opened, blobs, export, instances, held)
    if waiting or any(one.state == WAITING for one in held.values()):
        with opened() as conn:
            store_deid.hold(conn, waiting)
            store_deid.change(conn, key, state=REVIEW, done=0)
        return REVIEW
    secret = project_key(master, export.owner_group.bytes, export.project)
    return _write(opened, blobs, export, instances, held, secret, now)


def _hold(
    opened: Opened, blobs: BlobStore, export: Export, instances: list[Instance],
    held: dict[UUID, Held],
) -> list[dict[str, Any]]:  # fmt: skip
    waiting = []
    for number, one in enumerate(instances):
        if one.id in held:
            continue
        try:
            data = read_whole(blobs, one.digest, one.transfer_syntax, one.coerced)
            found = _risks(blobs, one, data, export.options)
        except DomainError:
            continue  # left out when the rest is written, with the reason
        if found:
            waiting.append(_held_row(export, one, found))
        if number % SAID_EVERY == 0:
            with opened() as conn:
                store_deid.change(conn, export.id, done=number // 2)
    return waiting


def _risks(
    blobs: BlobStore, one: Instance, data: Dataset, options: Options
) -> tuple[Risk, ...]:
    """Why a person must look; the picture itself is searched where nothing else tells."""
    found = examine(data, options, one.transfer_syntax)
    if found or not has_pixels(data):
        return found
    blackened = known_boxes(data) if options.pixels else ()
    letters = uncovered(lettered(blobs, one.digest, one.transfer_syntax), blackened)
    return (Risk("letters", "something in the picture looks like text"),) if letters else ()


def _held_row(export: Export, one: Instance, found: tuple[Risk, ...]) -> dict[str, Any]:
    return {
        "owner_group": export.owner_group, "export_id": export.id, "study_id": one.study_id,
        "instance_id": one.id, "codes": [risk.code for risk in found],
        "reasons": [risk.why for risk in found], "fatal": any(risk.fatal for risk in found),
        "digest": one.digest, "transfer_syntax": one.transfer_syntax,
        "sop_class": one.sop_class, "rows": one.rows or 0, "columns": one.columns or 0,
        "frames": one.frames,
    }  # fmt: skip


def _write(
    opened: Opened, blobs: BlobStore, export: Export, instances: list[Instance],
    held: dict[UUID, Held], secret: bytes, now: datetime,
) -> str:  # fmt: skip
    incoming = blobs.begin()
    counts: Counter[str] = Counter()
    try:
        with (
            zipfile.ZipFile(_Onward(incoming), "w", zipfile.ZIP_DEFLATED, compresslevel=1) as z,
            Directory("CONFRERE") as directory,
        ):
            items = de_identify(blobs, instances, export, secret, held)
            for number, item in enumerate(items):
                _add(z, item, directory, counts)
                if number % SAID_EVERY == 0:
                    with opened() as conn:
                        store_deid.change(conn, export.id, done=(len(instances) + number) // 2)
            if directory.subjects:
                z.writestr("DICOMDIR", directory.content())
            told = _manifest(export, counts, now) | {"subjects": directory.subjects}
            z.writestr("manifest.json", json.dumps(told, indent=1))
    except BaseException:
        incoming.discard()
        raise
    if not counts["files"]:
        incoming.discard()
        why = "nothing is left to hand out: every object was left out"
        with opened() as conn:
            store_deid.change(conn, export.id, state=FAILED, reason=why, counts=dict(counts))
        return FAILED
    size, digest = incoming.size, incoming.keep()
    with opened() as conn:
        store_deid.change(
            conn, export.id, state=READY, done=len(instances), counts=dict(counts),
            digest=digest, size=size, finished_at=now, expires_at=now + KEPT_FOR,
        )  # fmt: skip
    return READY


def _add(
    archive: zipfile.ZipFile, item: Item, directory: Directory, counts: Counter[str]
) -> None:
    if item.made is None:
        counts["left out"] += 1
        return
    counts["files"] += 1
    counts.update(item.made.actions)
    counts["blacked out"] += bool(item.made.blacked_out)
    archive.writestr(directory.place(item.made.content), item.made.content)


def _manifest(export: Export, counts: Counter[str], now: datetime) -> dict[str, Any]:
    return {
        "project": export.project, "purpose": export.purpose,
        "profile": f"{EDITION} Basic Application Level Confidentiality Profile",
        "options": sorted(export.options.chosen), "asked by": export.asked_by,
        "allowed by": export.decided_by, "made": now.isoformat(timespec="seconds"),
        "counts": dict(counts),
    }  # fmt: skip


class _Onward(RawIOBase):
    """Hands what a ZIP writer writes on to a blob; it never looks back."""

    def __init__(self, incoming: Incoming) -> None:
        self._incoming = incoming

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False

    def write(self, data: Any) -> int:
        self._incoming.write(data)
        return len(data)
