"""What a replay's page shows: its changes in words, its figures side by side. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from confrere.kernel.errors import Invalid
from confrere.network.model import Directory
from confrere.orders.priorities import NAMES
from confrere.worklist.changes import Absent, Admit, Change, Hold, Without
from confrere.worklist.experiments import Experiment, from_data

MONTHS = 6
FIGURES = (
    ("late", "Late", "%", False),
    ("match", "Read by a subspecialist", "%", True),
    ("cross", "Read by another group", "%", None),
    ("unread", "Never read", "", False),
    ("late_minutes", "Lateness", "h", False),
    ("evenness", "Spread of work", "", False),
)  # field, name, unit, more is better


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of both replays; `better` is None where it is a matter of taste or the same."""

    name: str
    unit: str
    base: float
    changed: float | None
    better: bool | None


@dataclass(frozen=True, slots=True)
class Bar:
    """Late exams of one level, as it is and changed, as shares of the chart's width."""

    name: str
    exams: int
    base: float
    changed: float | None
    base_width: float
    changed_width: float | None
    p90: float
    changed_p90: float | None


@dataclass(frozen=True, slots=True)
class Shown:
    """One replay as its card shows it."""

    experiment: Experiment
    words: tuple[str, ...]
    scopes: tuple[tuple[str, tuple[Figure, ...], tuple[Bar, ...]], ...]
    gaps: tuple[Mapping[str, Any], ...]

    @property
    def percent(self) -> int:
        """How far it is."""
        return round(100 * self.experiment.done)


def months_before(now: datetime) -> list[tuple[str, str]]:
    """The last months, as the form offers them: value and name."""
    found, day = [], now.replace(day=1) - timedelta(days=1)
    for _ in range(MONTHS):
        found.append((f"{day:%Y-%m}", f"{day:%B %Y}"))
        day = day.replace(day=1) - timedelta(days=1)
    return found


def shown(one: Experiment, directory: Directory) -> Shown:
    """Make ready what a card shows."""
    try:
        words = tuple(_words(change, directory) for change in from_data(one.asked))
    except Invalid:
        words = ("changes that can no longer be read",)
    result = one.result
    scopes = []
    for key, name in (("own", "Your group's exams"), ("all", "The whole collaborative")):
        if "base" in result:
            base, changed = result["base"][key], result.get("changed", {}).get(key)
            scopes.append((name, _figures(base, changed), _bars(base, changed)))
    return Shown(
        one, words, tuple(scopes), tuple(_gap(g, directory) for g in result.get("gaps", ()))
    )


def _words(change: Change, directory: Directory) -> str:
    if isinstance(change, Admit):
        reader, site = directory.readers.get(change.reader), directory.sites.get(change.site)
        who, where = reader.name if reader else "a reader", site.name if site else "a site"
        return f"{who} may read at {where}"
    if isinstance(change, Without):
        title = next((a.title for a in directory.agreements if a.id == change.agreement), "")
        return f"without the agreement {title!r}"
    if isinstance(change, Absent):
        reader = directory.readers.get(change.reader)
        return f"without {reader.name if reader else 'a reader'}"
    assert isinstance(change, Hold)  # noqa: S101 - the last kind
    if change.evenness:
        return "even work first, nothing held"
    return f"held {change.factor:g} times as long for a subspecialist"


def _figures(base: Mapping[str, Any], changed: Mapping[str, Any] | None) -> tuple[Figure, ...]:
    found = []
    for field, name, unit, more in FIGURES:
        scale = 1 / 60 if field == "late_minutes" else 1
        before = base[field] * scale
        after = changed[field] * scale if changed else None
        better = None
        if after is not None and more is not None and abs(after - before) > 1e-9:  # noqa: PLR2004
            better = (after > before) is more
        found.append(Figure(name, unit, before, after, better))
    return tuple(found)


def _bars(base: Mapping[str, Any], changed: Mapping[str, Any] | None) -> tuple[Bar, ...]:
    others = {one["name"]: one for one in (changed or {}).get("levels", ())}
    every = [one["late"] for one in (*base["levels"], *others.values())]
    full = max([*every, 1.0])
    return tuple(
        Bar(
            NAMES.get(one["name"], one["name"]), one["exams"], one["late"],
            others[one["name"]]["late"] if one["name"] in others else None,
            100 * one["late"] / full,
            100 * others[one["name"]]["late"] / full if one["name"] in others else None,
            one["p90"], others[one["name"]]["p90"] if one["name"] in others else None,
        )
        for one in base["levels"]
    )  # fmt: skip


def _gap(one: Mapping[str, Any], directory: Directory) -> Mapping[str, Any]:
    readers = {str(key): value for key, value in directory.readers.items()}
    sites = {str(key): value for key, value in directory.sites.items()}
    reader, site = readers.get(one["reader"]), sites.get(one["site"])
    return dict(one) | {
        "who": reader.name if reader else "a reader", "where": site.name if site else "a site",
    }  # fmt: skip
