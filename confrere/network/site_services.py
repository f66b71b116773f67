"""What Confrere does for a site beside keeping images: all off until its owner switches it on. Pure."""

from dataclasses import dataclass

from confrere.kernel.ids import GroupId, SiteId


@dataclass(frozen=True, slots=True)
class SiteServices:
    """The switches of one site.

    `worklist`: its modalities may ask which exams are ordered (PS3.4 annex K).
    """

    owner_group: GroupId
    site: SiteId
    worklist: bool = False
