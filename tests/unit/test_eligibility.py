"""Each rule of eligibility holds, fails and is unknown, one fact at a time."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from confrere.kernel.ids import PatientId
from confrere.network.credentials import (
    Competence,
    Enrolment,
    Exclusion,
    ReadingPlace,
    SanctionCheck,
)
from confrere.network.model import Licence, Privilege
from confrere.network.rules import BUILT_IN, CODES
from confrere.network.terms import FINAL, PRELIMINARY
from confrere.worklist.eligibility import (
    JUDGES,
    agreement_used,
    eligibility,
    holds_bill,
    is_eligible,
)
from confrere.worklist.feasibility import CODE
from tests.unit.cases import (
    ABLE,
    AGREEMENT,
    COVER,
    HOSPITAL,
    NOW,
    OWNER,
    PATIENT,
    READER,
    READING,
    SITE,
    TODAY,
    YEARS,
    able,
    case,
    failing,
    item,
    verdict,
)

PROXY = Privilege(
    SITE, "all", "proxy", *YEARS, "PX-12", "Oak Medical Center", "hospital", date(2026, 1, 5),
    date(2026, 6, 1),
)  # fmt: skip


def days_ago(number: int) -> date:
    return TODAY - timedelta(days=number)


def seated(country: str, state: str = "") -> tuple[ReadingPlace, ...]:
    return (ReadingPlace(country, state, NOW - timedelta(1), NOW + timedelta(1)),)


def checked(leie: int, sam: int, result: str = "clear") -> tuple[SanctionCheck, ...]:
    return (
        SanctionCheck("LEIE", days_ago(leie), "clear"),
        SanctionCheck("SAM", days_ago(sam), result),
    )


def test_every_rule_has_its_judge_but_the_one_over_all_candidates() -> None:
    assert set(CODES) - set(JUDGES) == {CODE}
    assert len(CODES) == 14


def test_all_rules_hold_for_the_able_reader_with_reason_and_citation() -> None:
    judged = eligibility(case())
    assert [one.rule for one in judged] == [one for one in CODES if one != CODE]
    assert {one.outcome.value for one in judged} == {"holds"}
    assert all(one.because and one.cites for one in judged)


def lic(*held: Licence) -> dict[str, Any]:
    return {"licences": held}


@pytest.mark.parametrize(
    ("changes", "outcome", "says"),
    [
        ({"licences": ()}, "fails", "no licence in IL"),
        (lic(Licence("IL", "1", "active", date(2024, 1, 1), days_ago(1))), "fails", "lapsed"),
        (lic(Licence("IL", "1", "restricted", *YEARS)), "fails", "is restricted"),
        (lic(Licence("IL", "1", "active", days_ago(-1), YEARS[1])), "fails", "starts"),
        (lic(Licence("IL", "1", "active", *YEARS)) | {"places": seated("US", "WI")}, "fails",
         "no licence in WI, where the reader sits"),
        ({"places": seated("PT")}, "holds", "036-1"),
        ({"places": (), "sits_in_state": ""}, "unknown", "where the reader sits"),
        ({"places": (), "sits_in_state": "IL"}, "holds", "036-1"),
    ],
)  # fmt: skip
def test_a_licence_is_needed_where_the_patient_lay_and_where_the_reader_sits(
    changes: dict[str, Any], outcome: str, says: str
) -> None:
    found = verdict("LIC_PATIENT", case(able(**changes)))
    assert (found.outcome, found.holds) == (outcome, outcome == "holds")
    assert says in found.because
    assert bool(found.remedy) == (outcome != "holds")


@pytest.mark.parametrize(
    ("held", "holds"),
    [
        ((), False),
        ((Privilege(SITE, "MR", "full", *YEARS),), False),
        ((Privilege(SITE, "CT", "full", *YEARS),), True),
        ((Privilege(SITE, "all", "full", YEARS[0], days_ago(1)),), False),
        ((Privilege(SITE, "all", "full", days_ago(-5), YEARS[1]),), False),
    ],
)
def test_privileges_are_judged_by_site_scope_and_day(
    held: tuple[Any, ...], holds: bool
) -> None:
    assert verdict("PRIV", case(able(privileges=held))).holds is holds


@pytest.mark.parametrize(
    ("changes", "outcome", "says"),
    [
        ({}, "holds", "written agreement"),
        ({"agreement_ref": ""}, "unknown", "a written agreement"),
        ({"distant_kind": ""}, "unknown", "Medicare hospital or entity"),
        ({"list_supplied_on": None}, "unknown", "privilege list"),
        ({"feedback_sent_on": None}, "unknown", "performance feedback"),
        ({"feedback_sent_on": None, "valid_from": days_ago(90)}, "holds", "written"),
        ({"feedback_sent_on": days_ago(800)}, "unknown", "performance feedback"),
    ],
)
def test_a_proxy_needs_all_its_conditions(
    changes: dict[str, Any], outcome: str, says: str
) -> None:
    found = verdict("PROXY_OK", case(able(privileges=(replace(PROXY, **changes),))))
    assert (found.outcome, found.holds) == (outcome, outcome == "holds")
    assert says in found.because


def test_a_full_file_needs_no_proxy() -> None:
    both = (replace(PROXY, agreement_ref=""), *ABLE.privileges)
    assert verdict("PROXY_OK", case(able(privileges=both))).holds


@pytest.mark.parametrize(
    ("exam", "held", "outcome"),
    [
        ({}, [Competence("neuro")], "holds"),
        ({}, [Competence("neuro", valid_to=days_ago(1))], "fails"),
        ({}, [Competence("body")], "fails"),
        ({"subspecialty": "peds"}, [Competence("peds")], "unknown"),
        ({"subspecialty": "peds"}, [Competence("peds", "fellowship")], "holds"),
        ({"subspecialty": "cardiac"}, [Competence("cardiac")], "unknown"),
        ({"subspecialty": "cardiac", "modality": "CR"}, [Competence("cardiac")], "holds"),
        ({"subspecialty": "nuclear", "modality": "PT"}, [Competence("nuclear", "fellowship")],
         "fails"),
        ({"birth_date": date(2020, 1, 1)}, [Competence("neuro")], "fails"),
        ({"birth_date": date(2020, 1, 1)}, [Competence("neuro"), Competence("peds", "case log")],
         "holds"),
        ({"birth_date": date(2010, 11, 24)}, [Competence("neuro")], "holds"),
        ({"subspecialty": ""}, [Competence("neuro")], "fails"),
    ],
)  # fmt: skip
def test_scope_asks_for_evidence_where_bylaws_are_explicit(
    exam: dict[str, Any], held: list[Competence], outcome: str
) -> None:
    asked = case(able(competences=tuple(held)), item(**exam))
    asked = replace(asked, site=replace(HOSPITAL, child_below=16))
    assert verdict("SCOPE", asked).outcome == outcome


def test_t04_an_exam_before_the_retro_date_is_not_covered_though_the_policy_runs() -> None:
    before = item(clock_at=NOW.replace(year=2024, month=6, day=30))
    found = verdict("COVER", case(exam=before))
    assert found.outcome == "fails"
    assert "retroactive date 2024-07-01" in found.because
    assert verdict("COVER", case(exam=item(clock_at=NOW.replace(2024, 7, 1)))).holds


@pytest.mark.parametrize(
    ("changes", "exam", "says"),
    [
        ({"valid_to": days_ago(1)}, {}, "lapsed"),
        ({"states": frozenset({"WI"})}, {}, "not in IL"),
        ({"modalities": frozenset({"MR"})}, {}, "not for CT"),
        ({"activities": frozenset({"facility"})}, {}, "not for teleradiology"),
        ({"each_claim": Decimal(500_000)}, {}, "each claim 500,000"),
        ({"aggregate": Decimal(1_000_000)}, {}, "aggregate 1,000,000"),
        ({"mammography_each_claim": Decimal(250_000)}, {"modality": "MG"}, "250,000"),
        ({"mammography_each_claim": Decimal(250_000)}, {}, ""),
    ],
)
def test_cover_says_which_term_is_missing(
    changes: dict[str, Any], exam: dict[str, Any], says: str
) -> None:
    found = verdict("COVER", case(able(covers=(replace(COVER, **changes),)), item(**exam)))
    assert found.holds is (not says)
    assert says in found.because or found.holds


def test_no_cover_on_record_is_unknown_and_so_no() -> None:
    found = verdict("COVER", case(able(covers=())))
    assert (found.outcome, found.holds) == ("unknown", False)


def test_a_second_policy_may_cover_what_the_first_does_not() -> None:
    tail = replace(COVER, policy="TAIL", form="occurrence", retro_date=None)
    old = item(clock_at=NOW.replace(year=2024, month=1))
    assert "TAIL" in verdict("COVER", case(able(covers=(COVER, tail)), old)).because


@pytest.mark.parametrize(
    ("checks", "priority", "outcome", "holds", "hold"),
    [
        (checked(3, 31), "routine", "holds", True, False),
        (checked(3, 32), "routine", "unknown", True, True),
        (checked(3, 38), "routine", "unknown", True, True),
        (checked(3, 39), "routine", "fails", False, False),
        (checked(3, 39), "stat", "fails", True, True),
        ((), "routine", "fails", False, False),
        ((), "ed", "fails", True, True),
        (checked(3, 3, "excluded"), "stat", "fails", False, False),
    ],
)
def test_a_missed_check_alerts_for_a_week_and_an_exclusion_closes_at_once(
    checks: Any, priority: str, outcome: str, holds: bool, hold: bool
) -> None:
    found = verdict("SANCTION", case(able(checks=checks), item(priority=priority)))
    assert (found.outcome, found.holds, found.billing_hold) == (outcome, holds, hold)


def test_a_later_check_than_the_instant_is_not_known_then() -> None:
    future = (SanctionCheck("SAM", days_ago(-1), "excluded"),)
    assert verdict("SANCTION", case(able(checks=(*ABLE.checks, *future)))).holds


@pytest.mark.parametrize(
    ("made", "holds"),
    [
        (Exclusion(READER, "relative", PATIENT), False),
        (Exclusion(READER, "relative", PatientId(UUID(int=77))), True),
        (Exclusion(READER, "excluded by the site", site=SITE), False),
        (Exclusion(READER, "litigation", PATIENT, valid_to=days_ago(1)), True),
    ],
)
def test_conflicts_and_exclusions_are_honoured(made: Exclusion, holds: bool) -> None:
    assert verdict("CONFLICT", case(exclusions=(made,))).holds is holds


def test_nobody_reads_what_they_ordered() -> None:
    assert not verdict("CONFLICT", case(exam=item(orderers=("1234567893",)))).holds


@pytest.mark.parametrize(
    ("read_type", "asked", "is_preliminary", "holds"),
    [
        ("final", "", False, True),
        ("final", FINAL, False, True),
        ("over-read", FINAL, True, True),
        ("over-read", FINAL, False, False),
        ("over-read", "", True, True),
        ("preliminary", PRELIMINARY, False, True),
        ("preliminary", "", False, True),
        ("preliminary", "", True, False),
        ("preliminary", FINAL, False, False),
    ],
)
def test_an_agreement_for_preliminary_reports_refuses_the_final_one(
    read_type: str, asked: str, is_preliminary: bool, holds: bool
) -> None:
    made = replace(AGREEMENT, read_types=frozenset({read_type}))
    exam = item(preliminary_at=NOW if is_preliminary else None)
    asking = case(exam=exam, agreements=(made,), read_type=asked)
    assert verdict("FINAL_PRELIM", asking).holds is holds
    assert verdict("CONSENT_ORG", asking).holds


def test_the_agreement_used_is_the_one_that_allows_the_report() -> None:
    first = replace(AGREEMENT, read_types=frozenset({PRELIMINARY}), title="nights")
    second = replace(AGREEMENT, id=AGREEMENT.id.__class__(int=66))
    asked = case(agreements=(first, second), read_type=FINAL)
    assert agreement_used(asked) == second.id
    assert is_eligible(eligibility(asked))


def test_without_an_agreement_consent_and_read_type_are_no() -> None:
    assert failing(case(agreements=())) == ["CONSENT_ORG", "FINAL_PRELIM"]
    assert failing(case(able(group=OWNER), agreements=())) == []


@pytest.mark.parametrize(
    ("payer", "places", "outcome", "holds"),
    [
        ("medicare", seated("US", "IL"), "holds", True),
        ("medicare", seated("PT"), "fails", False),
        ("medicaid", (), "unknown", True),
        ("commercial", seated("PT"), "holds", True),
        ("", seated("PT"), "unknown", True),
        ("", seated("US", "IL"), "holds", True),
    ],
)
def test_medicare_pays_for_no_part_done_abroad(
    payer: str, places: Any, outcome: str, holds: bool
) -> None:
    exam = item(payer_class=payer, priority="stat")
    found = verdict("US_LOCATION", case(able(places=places), exam))
    assert (found.outcome, found.holds) == (outcome, holds)


@pytest.mark.parametrize("places", [(), seated("PT")])
def test_where_the_contract_forbids_offshore_unknown_is_no(places: Any) -> None:
    asked = case(able(places=places), item(payer_class="commercial"))
    asked = replace(asked, site=replace(HOSPITAL, forbids_offshore=True))
    assert not verdict("US_LOCATION", asked).holds


@pytest.mark.parametrize(
    ("exam", "held", "outcome", "hold"),
    [
        ({}, ABLE.enrolments, "holds", False),
        ({}, (Enrolment("medicare", "36-2", "IL", *YEARS),), "holds", False),
        ({}, (Enrolment("medicare", "99-9", "IL", *YEARS),), "unknown", True),
        ({}, (), "unknown", True),
        ({}, (Enrolment("medicare", "36-1", "IL", YEARS[0], days_ago(1)),), "fails", False),
        ({"priority": "ed"}, (Enrolment("medicare", "36-1", "IL", YEARS[0], days_ago(1)),),
         "fails", True),
        ({}, (Enrolment("medicare", "36-1", "WI", *YEARS),), "fails", False),
        ({"payer_class": ""}, (), "unknown", True),
        ({"payer_class": "self-pay"}, (), "holds", False),
    ],
)  # fmt: skip
def test_what_is_unknown_of_the_payer_holds_the_bill_and_not_the_read(
    exam: dict[str, Any], held: Any, outcome: str, hold: bool
) -> None:
    judged = eligibility(case(able(enrolments=held), item(**exam)))
    found = next(one for one in judged if one.rule == "PAYER_ENROL")
    assert (found.outcome, found.billing_hold) == (outcome, hold)
    assert holds_bill(judged) is hold
    assert is_eligible(judged) is (outcome != "fails" or hold)


def test_a_rule_out_of_force_is_not_judged_and_its_citation_is_data() -> None:
    ended = tuple(
        replace(one, effective_to=days_ago(1)) if one.code == "PAYER_ENROL" else one
        for one in BUILT_IN
    )
    asked = case(able(enrolments=()), rules=ended)
    assert "PAYER_ENROL" not in [one.rule for one in eligibility(asked)]
    cited = tuple(replace(one, cites="42 CFR 999") for one in BUILT_IN)
    assert {one.cites for one in eligibility(case(rules=cited))} == {"42 CFR 999"}


def test_a_lapsed_member_and_another_group_are_told() -> None:
    assert failing(case(able(active=False))) == ["ACTIVE"]
    assert case(able(group=READING)).is_own is False
