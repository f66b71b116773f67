"""One exam and one reader for whom every rule holds; tests change one fact at a time."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from confrere.kernel.ids import AgreementId, GroupId, ItemId, PatientId, ReaderId, SiteId
from confrere.network.credentials import (
    ALL,
    Competence,
    Cover,
    Enrolment,
    ReadingPlace,
    SanctionCheck,
)
from confrere.network.model import Agreement, Licence, Privilege, Reader, Site
from confrere.worklist.case import Case
from confrere.worklist.eligibility import eligibility
from confrere.worklist.model import Item, State, Verdict

NOW = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
TODAY = NOW.date()
YEARS = (date(2025, 1, 1), date(2027, 12, 31))
OWNER, READING = GroupId(UUID(int=1)), GroupId(UUID(int=2))
SITE, READER, PATIENT = SiteId(UUID(int=3)), ReaderId(UUID(int=4)), PatientId(UUID(int=5))
TINS = {OWNER: "36-1", READING: "36-2"}

HOSPITAL = Site(
    SITE, OWNER, "LMH", "Lakeshore Memorial", "Lakeshore", "IL", "America/Chicago", "hospital",
    "LMH", each_claim=Decimal(1_000_000), aggregate=Decimal(3_000_000),
)  # fmt: skip
COVER = Cover(
    "MPL-7", "Prairie Mutual", "claims-made", date(2024, 7, 1), frozenset({"IL", "WI"}),
    frozenset({ALL}), frozenset({"teleradiology"}), Decimal(1_000_000), Decimal(3_000_000),
    *YEARS,
)  # fmt: skip
AGREEMENT = Agreement(
    AgreementId(UUID(int=6)), OWNER, READING, "neuro cover", frozenset(), frozenset(),
    frozenset(), frozenset({"final"}), *YEARS, "in force",
)  # fmt: skip
ABLE = Reader(
    READER, READING, "Novak, Nina", "1234567893", frozenset({"neuro"}), frozenset(), "IL",
    (Licence("IL", "036-1", "active", *YEARS),), (Privilege(SITE, "all", "full", *YEARS),),
    competences=(Competence("neuro", "board certificate"),), covers=(COVER,),
    enrolments=(Enrolment("medicare", "36-1", "IL", *YEARS),),
    checks=tuple(SanctionCheck(one, TODAY - timedelta(days=3), "clear") for one in ("LEIE", "SAM")),
    places=(ReadingPlace("US", "IL", NOW - timedelta(hours=2), NOW + timedelta(hours=6)),),
)  # fmt: skip


def item(**changes: Any) -> Item:
    made = Item(
        ItemId(UUID(int=9)), OWNER, SITE, PATIENT, None, (), ("LM1",), "read", State.WAITING,
        "routine", "CT", "head", "neuro", (), "CT head", "", "", "", "F", date(1962, 4, 12),
        "Lakeshore", "IL", 1, True, 0, None, NOW, "order status", NOW + timedelta(hours=24),
        None, None, None, "", None, None, "", None, None, None, None, None, None, None, 1,
        False, NOW, NOW, payer_class="medicare",
    )  # fmt: skip
    return replace(made, **changes)


def case(reader: Reader = ABLE, exam: Item | None = None, **changes: Any) -> Case:
    made = Case(exam or item(), reader, HOSPITAL, (AGREEMENT,), NOW, (), TINS)
    return replace(made, **changes)


def able(**changes: Any) -> Reader:
    return replace(ABLE, **changes)


def verdict(code: str, asked: Case) -> Verdict:
    return next(one for one in eligibility(asked) if one.rule == code)


def failing(asked: Case) -> list[str]:
    return [one.rule for one in eligibility(asked) if not one.holds]
