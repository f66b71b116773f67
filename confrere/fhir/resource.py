"""What every resource offers to the door: how it is read, found, and noted in the trail."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol, TypeVar
from uuid import UUID

from confrere.fhir.elements import Json
from confrere.fhir.parameters import Criteria, Parameter
from confrere.identity.permissions import Permission
from confrere.kernel.ids import GroupId, PatientId, SiteId, StudyId
from confrere.kernel.periods import Place
from confrere.kernel.principal import Principal
from confrere.network import service as network
from confrere.network.model import Site

if TYPE_CHECKING:
    from sqlalchemy import Connection

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, and when. A hospital client's site narrows all that is found."""

    principal: Principal
    now: datetime

    @property
    def sites(self) -> frozenset[SiteId] | None:
        """The only sites whose rows the caller may see; None is all of the groups'."""
        site = self.principal.site
        return frozenset({site}) if site else None

    def sees(self, site: SiteId | None) -> bool:
        """Say whether a row of this site may be shown."""
        return self.sites is None or site in self.sites


@dataclass(frozen=True, slots=True)
class Access:
    """What the audit trail keeps of one resource that was shown."""

    kind: str
    owner_group: GroupId
    object_id: UUID | None
    patient_id: PatientId | None = None
    study_id: StudyId | None = None


class NoteAccess(Protocol):
    """Write one access to the audit trail, once for a session and object."""

    def __call__(
        self,
        conn: "Connection",
        who: Principal,
        /,
        *,
        door: str,
        kind: str,
        owner_group: GroupId,
        object_id: UUID | None,
        now: datetime,
        patient_id: PatientId | None = None,
        study_id: StudyId | None = None,
        action: str = "R",
    ) -> None:
        """Note it in the caller's transaction."""


@dataclass(frozen=True, slots=True)
class Found:
    """One resource; `access` is None where there are no patient data."""

    body: Json
    access: Access | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """A part of what a search found; `then` is where the next part begins, if there is one."""

    found: list[Found]
    then: Place | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What an operation answers, and what of it the audit trail keeps."""

    body: Json
    seen: Sequence[Access | None] = ()


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation on a type, called by its `name` with a Parameters resource.

    `by_get` also takes its parameters from the address, each a string.
    """

    name: str
    definition: str
    about: str
    run: Callable[["Connection", Caller, Json], Answer]
    by_get: bool = False


@dataclass(frozen=True, slots=True)
class Resource:
    """One type: what it takes, who may read it, and the functions that read and find it.

    `load` gives those of the ids that the caller may see; `find` gives up to `limit` after a
    place.
    """

    type: str
    about: str
    permission: Permission
    parameters: tuple[Parameter, ...]
    load: Callable[["Connection", Caller, Sequence[UUID]], list[Found]]
    find: Callable[["Connection", Caller, Criteria, int, Place | None], Page]
    operations: tuple[Operation, ...] = ()

    def parameter(self, name: str) -> Parameter | None:
        """One parameter by name."""
        return next((one for one in self.parameters if one.name == name), None)


def paged(
    rows: Sequence[Row], limit: int, place: Callable[[Row], Place]
) -> tuple[list[Row], Place | None]:
    """Cut `limit + 1` rows to a page, and say where the next one begins."""
    kept = list(rows[:limit])
    return kept, place(kept[-1]) if len(rows) > limit else None


def sites_by_id(conn: "Connection") -> Mapping[SiteId, Site]:
    """Every site of the collaborative."""
    return {one.id: one for one in network.sites(conn)}


def site_coded(sites: Iterable[Site], code: str) -> SiteId | None:
    """Find the site with a code."""
    return next((one.id for one in sites if one.code == code), None)
