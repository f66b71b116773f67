"""Who can finish in time: TAT_FEAS, judged over all candidates. Pure.

If any candidate can meet the limit, only those who can are offered the exam. If nobody can,
the earliest is, and the breach is forecast: the exam is never left lying for it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from confrere.kernel.ids import ReaderId
from confrere.network.rules import BUILT_IN
from confrere.worklist.model import Outcome, Verdict

SLA_BREACH_FORECAST = "SLA_BREACH_FORECAST"
CODE = "TAT_FEAS"
CITES = next(one.cites for one in BUILT_IN if one.code == CODE)


@dataclass(frozen=True, slots=True)
class Forecast:
    """Who stays a candidate, and whether the limit will be broken."""

    readers: frozenset[ReaderId]
    breach: bool
    verdicts: Mapping[ReaderId, Verdict]


def forecast(finishes: Mapping[ReaderId, datetime], due: datetime | None) -> Forecast:
    """Judge when each candidate would finish against the limit; without one all are in time."""
    in_time = frozenset(r for r, at in finishes.items() if due is None or at <= due)
    breach = not in_time and bool(finishes)
    earliest = min(finishes.values(), default=None)
    last_resort = frozenset(r for r, at in finishes.items() if at == earliest)
    kept = last_resort if breach else in_time
    verdicts = {r: _verdict(at, due, breach, r in kept) for r, at in finishes.items()}
    return Forecast(kept, breach, verdicts)


def _verdict(at: datetime, due: datetime | None, breach: bool, kept: bool) -> Verdict:
    finish = f"would finish {at:%H:%M} UTC"
    if due is None:
        return Verdict(CODE, Outcome.HOLDS, f"{finish}; no limit runs", cites=CITES)
    if at <= due:
        return Verdict(CODE, Outcome.HOLDS, f"{finish}, due {due:%H:%M} UTC", cites=CITES)
    if breach and kept:
        because = (
            f"{SLA_BREACH_FORECAST}: nobody can meet {due:%H:%M} UTC; the earliest, {at:%H:%M}"
        )
        return Verdict(CODE, Outcome.HOLDS, because, cites=CITES)
    because = f"{finish}, after the limit {due:%H:%M} UTC"
    return Verdict(CODE, Outcome.FAILS, because, "finish or hand on earlier work", CITES)
