"""The demonstration's agreements: terms, who signs, and how they changed. Invented. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from confrere.demo.places import (
    CARDINAL,
    CENTRAL,
    FOX,
    GRANITE,
    GROUPS,
    INDIANA,
    LANTERN,
    MAPLE,
    OAK,
)
from confrere.network.agreements import IN_FORCE, PROPOSED, SUSPENDED
from confrere.network.terms import FINAL, PER_STUDY, PER_WRVU, PRELIMINARY, Rate, Terms

# who signs for a group
SIGNERS = {
    FOX: "Marisol Tennant", OAK: "Gareth Lindqvist", GRANITE: "Ivy Sorensen",
    MAPLE: "Theo Abernathy", CARDINAL: "Ruth Castellano", LANTERN: "Desmond Okafor",
}  # fmt: skip
SUSPENDED_DAYS_AGO = 31  # since then it sends nothing
WHY_SUSPENDED = "The mammography workstation is being requalified"
SETTLES_IN = timedelta(days=45)  # after the start, the two change what did not fit


@dataclass(frozen=True, slots=True)
class AgreementPlan:
    """An agreement; days count from the day of the build, empty sets mean all.

    `first` is what its first version said otherwise: term -> value.
    """

    owner: str
    reading: str
    title: str
    starts: int
    ends: int
    subspecialties: frozenset[str] = frozenset()
    sites: frozenset[str] = frozenset()
    priorities: frozenset[str] = frozenset()
    window: tuple[time, time, str] | None = None
    state: str = IN_FORCE
    rate: Rate = field(default_factory=lambda: Rate(Decimal("34.50"), PER_WRVU))
    more: Mapping[str, Any] = field(default_factory=dict)
    first: Mapping[str, Any] = field(default_factory=dict)

    def covers_hour(self, hour: int) -> bool:
        """Say whether its daily window holds a local hour of its zone."""
        if self.window is None:
            return True
        start, end = self.window[0].hour, self.window[1].hour
        return start <= hour < end if start < end else hour >= start or hour < end


@dataclass(frozen=True, slots=True)
class VersionPlan:
    """One version: its terms without the sites, which go by code, and when it is proposed."""

    terms: Terms
    sites: frozenset[str]
    at: datetime


AGREEMENTS = (
    AgreementPlan(
        FOX, OAK, "Fox Hollow neuroradiology by Meridian Oak", -184, 546, frozenset({"neuro"}),
        more={
            "response_minutes": {"stroke": 15, "stat": 25, "ed": 45},
            "overflow_share": Decimal("0.6"), "hold_share": Decimal("0.8"),
        },
        first={
            "response_minutes": {"stroke": 20, "stat": 30}, "rate": Rate(Decimal(33), PER_WRVU),
        },
    ),
    AgreementPlan(
        FOX, GRANITE, "Hollow Creek neuro and pediatric cover by Granite Bluff", -140, 590,
        frozenset({"neuro", "peds"}), frozenset({"HCM"}),
        more={"daily_cap": 60}, first={"daily_cap": 25},
    ),
    AgreementPlan(
        GRANITE, OAK, "Granite Bluff neuro and musculoskeletal by Meridian Oak", -124, 606,
        frozenset({"neuro", "msk"}),
    ),
    AgreementPlan(
        MAPLE, CARDINAL, "Sugar Maple nights by Cardinal Ridge", -210, 520,
        window=(time(22), time(7), INDIANA), rate=Rate(Decimal(62), PER_STUDY),
        more={"read_types": frozenset({FINAL, PRELIMINARY})},
        first={"read_types": frozenset({PRELIMINARY}), "rate": Rate(Decimal(48), PER_STUDY)},
    ),
    AgreementPlan(
        MAPLE, FOX, "Sugar Maple body and musculoskeletal by Fox Hollow", -95, 635,
        frozenset({"body", "msk"}), frozenset({"SMC"}),
    ),
    AgreementPlan(
        MAPLE, OAK, "Sugar Maple neuroradiology by Meridian Oak", -25, 705,
        frozenset({"neuro"}),  # whose readers lack privileges there yet: what a plan would find
    ),
    AgreementPlan(
        LANTERN, OAK, "Lantern Bay neuro and cardiac by Meridian Oak", -160, 570,
        frozenset({"neuro", "cardiac"}),
    ),
    AgreementPlan(
        LANTERN, GRANITE, "Lantern Bay evenings and nights by Granite Bluff", -150, 580,
        priorities=frozenset({"stroke", "stat", "ed"}), window=(time(19), time(7), CENTRAL),
    ),
    AgreementPlan(
        OAK, GRANITE, "Meridian Oak pediatric by Granite Bluff", -170, 560, frozenset({"peds"}),
    ),
    AgreementPlan(
        CARDINAL, MAPLE, "Cardinal Ridge chest and breast by Sugar Maple", -130, 600,
        frozenset({"chest", "breast"}), more={"overflow_from": time(15)},
    ),
    AgreementPlan(
        CARDINAL, LANTERN, "Cardinal Ridge mammography by Lantern Bay", -260, 470,
        frozenset({"breast"}), state=SUSPENDED,
    ),
    AgreementPlan(
        CARDINAL, OAK, "Cardinal Ridge neuroradiology by Meridian Oak", 14, 744,
        frozenset({"neuro"}), state=PROPOSED,
    ),
)  # fmt: skip


def versions(plan: AgreementPlan, now: datetime) -> tuple[VersionPlan, ...]:
    """The versions of an agreement in the order in which they were proposed."""
    begun = now + timedelta(days=plan.starts)
    proposed = min(begun - timedelta(days=20), now - timedelta(days=3))
    last = VersionPlan(_terms(plan, now), plan.sites, begun + SETTLES_IN)
    if not plan.first:
        return (VersionPlan(last.terms, last.sites, proposed),)
    return (VersionPlan(_terms(plan, now, plan.first), plan.sites, proposed), last)


def _terms(
    plan: AgreementPlan, now: datetime, otherwise: Mapping[str, Any] | None = None
) -> Terms:
    home = next(one.time_zone for one in GROUPS if one.code == plan.owner)
    start, end, zone = plan.window or (None, None, home)
    today = now.astimezone(ZoneInfo(zone)).date()
    said: dict[str, Any] = {
        "subspecialties": plan.subspecialties, "priorities": plan.priorities,
        "window_start": start, "window_end": end, "rate": plan.rate,
        "read_types": frozenset({FINAL, PRELIMINARY}),
    }  # fmt: skip
    return Terms(
        plan.title, today + timedelta(days=plan.starts), today + timedelta(days=plan.ends),
        zone, **(said | dict(plan.more) | dict(otherwise or {})),
    )  # fmt: skip
