"""Every reader judged on one exam, as the panel "Who may read this" shows them. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from confrere.kernel.ids import ReaderId
from confrere.kernel.principal import Principal
from confrere.network.model import Directory, Reader
from confrere.network.rules import BUILT_IN
from confrere.worklist.eligibility import is_eligible
from confrere.worklist.model import Item, Outcome, Verdict

RULES = {one.code: one.title for one in BUILT_IN}
# what these rules found is a colleague's own affair, also when it stands in the way
PRIVATE = frozenset({"COVER", "SANCTION", "CONFLICT", "PAYER_ENROL", "US_LOCATION", "MQSA"})


@dataclass(frozen=True, slots=True)
class Judged:
    """One reader and the verdicts. Another group's reader who has no part in it is unnamed."""

    reader: ReaderId
    name: str
    group: str
    is_me: bool
    offered: bool
    holds_it: bool
    on_duty: bool
    eligible: bool
    verdicts: tuple[Verdict, ...]

    @property
    def failing(self) -> tuple[Verdict, ...]:
        """The rules that say no."""
        return tuple(one for one in self.verdicts if not one.holds)

    @property
    def waiting(self) -> tuple[Verdict, ...]:
        """The billing rules that let the reader read and hold the bill."""
        return tuple(one for one in self.verdicts if one.billing_hold)


def judged(
    item: Item, directory: Directory, verdicts: Mapping[UUID, tuple[Verdict, ...]],
    me: Principal, at: datetime,
) -> tuple[Judged, ...]:  # fmt: skip
    """Order the readers: oneself, who was offered it or holds it, the own group, the others."""
    rows = [
        _row(item, directory, one, verdicts[one.id], me, at)
        for one in directory.readers.values()
        if one.id in verdicts
    ]
    return tuple(
        sorted(
            rows,
            key=lambda row: (
                not row.is_me, not (row.offered or row.holds_it), not row.name,
                not row.eligible, not row.on_duty, row.group, row.name, str(row.reader),
            ),
        )
    )  # fmt: skip


def _row(
    item: Item, directory: Directory, one: Reader, verdicts: tuple[Verdict, ...],
    me: Principal, at: datetime,
) -> Judged:  # fmt: skip
    group = directory.groups.get(one.group)
    offered, holds_it = one.id == item.offered_to, one.id == item.held_by
    named = one.group == me.group or offered or holds_it
    return Judged(
        one.id, one.name if named else "", group.name if group else "", one.id == me.reader,
        offered, holds_it, one.on_duty(at), is_eligible(verdicts),
        verdicts if named else tuple(without_facts(v) for v in verdicts),
    )  # fmt: skip


def without_facts(verdict: Verdict) -> Verdict:
    """Tell a verdict on another group's reader.

    A rule that holds is told without the licence or privilege that made it hold; of what is
    private, only whether it holds is told.
    """
    if verdict.outcome is Outcome.HOLDS:
        return replace(verdict, because="holds", remedy="")
    if verdict.rule in PRIVATE:
        return replace(verdict, because=f"{verdict.rule} does not hold", remedy="")
    return verdict
