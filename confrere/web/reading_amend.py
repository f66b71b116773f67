"""Who may add to a signed report, and to which task of late images the addition answers."""

from typing import TYPE_CHECKING

from confrere.kernel.errors import Conflict, Invalid, Refused
from confrere.network.model import Reader
from confrere.reading import service as reading
from confrere.reading.model import Report, Version
from confrere.web.study_exam import Look, report_here
from confrere.worklist import claims
from confrere.worklist.model import ADDENDUM

if TYPE_CHECKING:
    from sqlalchemy import Connection

# what a signer needs to correct the own report: an agreement that has ended since must not
# leave a mistake standing
OF_THE_SIGNER = frozenset({"ACTIVE", "LIC_PATIENT"})


def amend(
    conn: "Connection", found: Look, report: Report, reader: Reader, text: str, *, is_task: bool
) -> Version:  # fmt: skip
    """Sign an addendum; with `is_task`, finish the item looked at.

    A colleague must be eligible for the exam, and the proof is kept; the signer needs only
    membership and licence. Raises Refused, Conflict, Invalid.
    """
    standing = found.standing
    item, now = standing.item, standing.at
    if is_task:
        about = report_here(conn, item)
        if item.kind != ADDENDUM or about is None or about.id != report.id:
            raise Invalid("this task of late images is about another report", "item")
        if item.finished_at is not None:
            raise Conflict("these late images were answered already")
    if report.author == reader.id:
        failing = [
            one for one in standing.verdicts if one.rule in OF_THE_SIGNER and not one.holds
        ]
        if failing:
            reasons = "; ".join(f"{one.rule}: {one.because}" for one in failing)
            raise Refused(f"you may not add to this report: {reasons}")
    else:
        claims.prove(conn, item, reader, found.directory, "add to", now)
    return reading.addend(conn, report.id, reader, text, now, item if is_task else None)
