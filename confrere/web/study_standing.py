"""Where a person stands towards an exam: what they may know of it and do with it. Pure."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from confrere.identity.permissions import Permission, may
from confrere.kernel.ids import GroupId
from confrere.kernel.principal import Principal
from confrere.network.model import READS_ELSEWHERE, Reader, Site
from confrere.worklist.eligibility import is_eligible, may_know_patient
from confrere.worklist.elsewhere import told_of, why_closed
from confrere.worklist.model import ADDENDUM, UNMAPPED, UNMATCHED, Item, State, Verdict


class Mode(StrEnum):
    """What the report panel offers."""

    FREE = "free"  # nobody holds it: look at the images, or claim it
    MINE = "mine"  # the editor is open
    TAKEN = "taken"  # somebody else holds it
    OUTSIDE = "outside"  # somebody reads it in the site's own system
    SHADOW = "shadow"  # the site's feeds are only compared
    ELSEWHERE = "elsewhere"  # the site signs in its own dictation system
    TASK = "task"  # images came after the signature: an addendum is due
    CLOSED = "closed"  # signed, reported elsewhere, or cancelled


@dataclass(frozen=True, slots=True)
class Standing:
    """One person, one exam, one instant."""

    item: Item
    site: Site
    me: Principal
    reader: Reader | None  # the directory's entry of `me`, when a reader
    verdicts: tuple[Verdict, ...]  # about `reader`; empty without one
    at: datetime

    @property
    def mode(self) -> Mode:
        """What the report panel offers this person."""
        item = self.item
        if item.finished_at is not None:
            return Mode.CLOSED
        if item.kind == ADDENDUM:
            return Mode.TASK
        if self.site.reporting == READS_ELSEWHERE:
            return Mode.ELSEWHERE
        if self.is_mine:
            return Mode.MINE
        return Mode.TAKEN if item.held_at_instant(self.at) else self._open_mode

    @property
    def _open_mode(self) -> Mode:
        """What an exam offers that nobody here holds."""
        if not self.closed_because:
            return Mode.FREE
        there = self.item.is_read_outside and not self.item.shadow and not self.site.is_shadow
        return Mode.OUTSIDE if there else Mode.SHADOW

    @property
    def closed_because(self) -> str:
        """Why nobody here may claim it now, and what helps; empty where that is open."""
        return why_closed(self.item, self.site)

    @property
    def outside(self) -> str:
        """Who reads it at the site, since when; empty where nobody does."""
        return told_of(self.item, self.site) if self.item.finished_at is None else ""

    @property
    def may_take_over(self) -> bool:
        """Say whether this person may open it here although the site says that it reads it."""
        acts = may(self.me, Permission.CLAIM) or may(self.me, Permission.ASSIGN)
        return acts and self.me.group == self.item.owner_group

    @property
    def is_mine(self) -> bool:
        """Say whether this reader's hold is the last one; a lapsed lease may still be good."""
        held = self.item.held_by
        return held is not None and held == self.me.reader and self.item.finished_at is None

    @property
    def is_eligible(self) -> bool:
        """Say whether every rule lets this reader read the exam now."""
        return self.reader is not None and is_eligible(self.verdicts)

    @property
    def knows_patient(self) -> bool:
        """Say whether this person may be told who the patient is.

        The owner group's people may; of another group only the readers who may read the
        exam, and who holds or signed it.
        """
        if self.me.group == self.item.owner_group:
            return True
        if self.reader is None:
            return False
        acted = self.reader.id in (self.item.held_by, self.item.finished_by)
        return acted or may_know_patient(self.reader.group, self.item, self.verdicts)

    @property
    def sees_images(self) -> bool:
        """Say whether the person's role includes images."""
        return may(self.me, Permission.READ_IMAGES)

    @property
    def may_claim(self) -> bool:
        """Say whether a claim is worth offering; the claim itself decides.

        An exam that nobody could type is open to its own group's readers.
        """
        if self.reader is None or not may(self.me, Permission.CLAIM):
            return False
        if self.item.finished_at is not None or self.item.kind == ADDENDUM:
            return False
        if self.closed_because and not self.is_mine:
            return False
        untyped = bool({UNMATCHED, UNMAPPED} & set(self.item.flags))
        return self.is_eligible or (untyped and self.reader.group == self.item.owner_group)

    @property
    def signs_final(self) -> bool:
        """Say whether the person's role signs final reports."""
        return self.reader is not None and may(self.me, Permission.SIGN_FINAL)

    @property
    def is_external(self) -> bool:
        """Say whether the site's reports are signed in its own dictation system."""
        return self.site.reporting == READS_ELSEWHERE or self.item.state is State.EXTERNAL


def concerns(item: Item, groups: frozenset[GroupId]) -> bool:
    """Say whether an item is a group's to see: its own, offered, held or finished by it.

    The code's wall, beside the database's own.
    """
    parties = (item.owner_group, item.offered_group, item.held_group, item.finished_group)
    return any(one in groups for one in parties)
