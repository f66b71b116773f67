"""One line of the comparison with a site's records: what was counted, and whether it is good. Pure."""

from dataclasses import dataclass
from enum import StrEnum

FEWEST = 10  # below, a share says nothing


class Verdict(StrEnum):
    """What a line comes to."""

    GOOD = "good"
    BAD = "not yet"
    FEW = "too few to judge"


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the report: `part` of `of`; good is a share of at least or at most `limit`."""

    name: str
    title: str
    part: int
    of: int
    good: str
    verdict: Verdict
    remedy: str = ""  # what to do next; empty where the line is good
    link: str = ""

    @property
    def share(self) -> float | None:
        """The share; None of nothing."""
        return self.part / self.of if self.of else None


def at_least(
    name: str, title: str, part: int, of: int, limit: float, remedy: str, link: str = ""
) -> Check:
    """Make a line whose share should be `limit` or more."""
    holds = of > 0 and part / of >= limit
    return _judged(name, title, (part, of), f"at least {_percent(limit)}", holds, remedy, link)


def at_most(
    name: str, title: str, part: int, of: int, limit: float, remedy: str, link: str = ""
) -> Check:
    """Make a line whose share should be `limit` or less."""
    holds = of > 0 and part / of <= limit
    return _judged(name, title, (part, of), f"at most {_percent(limit)}", holds, remedy, link)


def _judged(
    name: str,
    title: str,
    counted: tuple[int, int],
    good: str,
    holds: bool,
    remedy: str,
    link: str,
) -> Check:
    few = counted[1] < FEWEST
    verdict = Verdict.FEW if few else Verdict.GOOD if holds else Verdict.BAD
    said = [f"Let more come in: {FEWEST} at least."] if few else []
    said += [] if holds or not counted[1] else [remedy]
    shown = " ".join(said)
    return Check(name, title, *counted, good, verdict, shown, link)


def _percent(share: float) -> str:
    return f"{share * 100:g} %"
