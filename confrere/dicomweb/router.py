"""The DICOMweb service: everything is mounted under /dicom-web."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from fastapi import APIRouter
from fastapi.routing import APIRoute

from confrere.dicomweb import bulk, capabilities, frames, pictures, qido, stow, wado
from confrere.dicomweb.door import Door, NoteAccess, Place
from confrere.dicomweb.recent import Recent
from confrere.files.folder import BlobStore
from confrere.imaging.finding import BASE
from confrere.imaging.frames import Frames
from confrere.imaging.head import Head
from confrere.kernel.ids import StudyId
from confrere.kernel.principal import Principal


def nothing_shared(_conn: Any, _principal: Principal) -> frozenset[StudyId]:
    """Share nothing: what a site without agreements needs."""
    return frozenset()


def router(
    engine: Any,
    blobs: BlobStore,
    *,
    allow: Callable[[str], Callable[..., Principal]],
    note_access: NoteAccess,
    now: Callable[[], datetime],
    resolve_store: Callable[[Principal, Head], Place],
    shared: Callable[[Any, Principal], frozenset[StudyId]] = nothing_shared,
    frames_of: Frames | None = None,
    recent: Recent | None = None,
    beside: Sequence[APIRouter] = (),
) -> APIRouter:
    """Make the routes (PS3.18 section 10).

    `allow(permission)` is a FastAPI dependency that yields the Principal or refuses;
    permissions are `see images` and `store images`. `resolve_store` says whose an instance
    is that a principal stores, or raises Refused. `shared` names the studies of other groups
    that are open to the principal, as the database's policies know them too. `frames_of` and
    `recent` are those of `QuickFrames`, where that stands before the routes. `beside` are
    routers of other parts that belong under the same address.
    """
    read = frames_of or Frames(blobs)
    opened = (recent or Recent()).remember
    door = Door(
        engine, blobs, allow, note_access, now, resolve_store, shared, read, opened
    )  # fmt: skip
    made = APIRouter(prefix=BASE, tags=["DICOMweb"])
    parts = [part.routes(door) for part in (qido, wado, frames, pictures, bulk, stow)]
    parts += beside
    served = [one for part in parts for one in part.routes if isinstance(one, APIRoute)]
    # a viewer's searches are the viewer's own: no part of what is offered to others
    for part in (*parts, capabilities.routes(door, served), qido.beside_a_viewer(door)):
        made.include_router(part)
    return made
