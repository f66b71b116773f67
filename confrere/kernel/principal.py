"""Who acts, for which group, in which role and for what purpose."""

from dataclasses import dataclass
from enum import StrEnum

from confrere.kernel.ids import GroupId, ReaderId, SiteId, UserId


class Role(StrEnum):
    """What a person is to the collaborative; permissions follow from it (`identity`)."""

    RADIOLOGIST = "radiologist"
    RESIDENT = "resident"
    GROUP_MANAGER = "group manager"
    HOSPITAL_CLIENT = "hospital client"
    TECHNOLOGIST = "technologist"
    ANALYST = "collaborative analyst"
    IT_ENGINEER = "IT engineer"
    ADMINISTRATOR = "administrator"


@dataclass(frozen=True, slots=True)
class Principal:
    """A signed-in person or token. Comes from credentials only, never from a request's text."""

    user: UserId
    name: str
    role: Role
    group: GroupId | None  # None: the collaborative's own people
    reader: ReaderId | None  # set for radiologists and residents
    site: SiteId | None  # set for a hospital client and a technologist
    session: str  # names the session or token in the audit trail; not the secret
    purpose: str = "treatment"

    @property
    def groups(self) -> frozenset[GroupId]:
        """The groups whose rows the database may show this principal."""
        return frozenset({self.group}) if self.group else frozenset()
