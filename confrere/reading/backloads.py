"""A file of earlier reports, from its dry run to the last row. Pure."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from confrere.kernel.errors import Conflict
from confrere.kernel.ids import GroupId, SiteId

CSV, HL7 = "csv", "hl7"
CHECKING, CHECKED, LOADING, LOADED, STOPPED, UNREADABLE = (
    "checking", "checked", "loading", "loaded", "stopped", "unreadable",
)  # fmt: skip
CHECK_TASK, LOAD_TASK = "reports.check", "reports.load"


@dataclass(frozen=True, slots=True)
class Backload:
    """A file of a site's earlier reports. `done` rows were looked at in the present state.

    `same` were here before; `untyped` have a procedure code that the site's map lacks.
    """

    id: UUID
    owner_group: GroupId
    site: SiteId
    form: str
    name: str
    digest: bytes
    size: int
    state: str
    rows: int
    done: int
    added: int
    same: int
    failed: int
    untyped: int
    asked_by: str
    created_at: datetime
    updated_at: datetime

    @property
    def share(self) -> int:
        """How much is done, in percent."""
        return 100 * self.done // self.rows if self.rows else 0

    @property
    def works(self) -> bool:
        """Say whether a job is at it."""
        return self.state in (CHECKING, LOADING)

    def begin(self) -> str:
        """The state in which loading goes on; Conflict where it cannot."""
        if self.state in (CHECKED, STOPPED):
            return LOADING
        raise Conflict(f"this file is {self.state}: it cannot be loaded now")

    def stop(self) -> str:
        """The state of a file that a person stopped; Conflict where nothing runs."""
        if self.state == LOADING:
            return STOPPED
        raise Conflict(f"this file is {self.state}: there is nothing to stop")


@dataclass(frozen=True, slots=True)
class Tally:
    """What became of some rows."""

    added: int = 0
    same: int = 0
    failed: int = 0
    untyped: int = 0
