"""What Confrere does for a site beside keeping images: all off until its owner switches it on. Pure."""

from dataclasses import dataclass
from datetime import timedelta

from confrere.kernel.errors import Invalid
from confrere.kernel.ids import GroupId, SiteId

MOST_CACHE_DAYS = 3650


@dataclass(frozen=True, slots=True)
class SiteServices:
    """The switches of one site.

    `worklist`: its modalities may ask which exams are ordered (PS3.4 annex K). `archive`:
    Confrere is the site's declared archive; else the site's PACS is, and images stay here as a
    cache for `cache_days` (None: as long as there is room). `commitment`: we answer that we keep
    what modalities then delete (PS3.4 annex J), so only where we are the archive. `performed`:
    modalities tell when they begin and end (PS3.4 annex F).
    """

    owner_group: GroupId
    site: SiteId
    worklist: bool = False
    archive: bool = False
    cache_days: int | None = None
    commitment: bool = False
    performed: bool = False

    @property
    def commits(self) -> bool:
        """Say whether storage commitment is answered for this site's images."""
        return self.archive and self.commitment

    @property
    def cache_lifetime(self) -> timedelta | None:
        """How long images stay after their last use; None: no limit, or we are the archive."""
        if self.archive or self.cache_days is None:
            return None
        return timedelta(days=self.cache_days)


def check(new: SiteServices) -> None:
    """Refuse switches that contradict each other; raises Invalid that names the field."""
    if new.commitment and not new.archive:
        raise Invalid(
            "storage commitment lets modalities delete their images: declare Confrere the "
            "site's archive first",
            "commitment",
        )
    if new.cache_days is not None and not 1 <= new.cache_days <= MOST_CACHE_DAYS:
        raise Invalid(
            f"cached images are kept 1 to {MOST_CACHE_DAYS} days; leave it empty for no limit",
            "cache_days",
        )
