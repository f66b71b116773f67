"""The compiled rules say of every reader what the rules say one by one; and they are fast."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from datetime import time as wall
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from confrere.kernel.ids import AgreementId, GroupId, PatientId, ReaderId, SiteId
from confrere.network.credentials import (
    ALL,
    BASES,
    EXCLUSIONS,
    Competence,
    Cover,
    Enrolment,
    Exclusion,
    FacilityCertificate,
    MammographyCount,
    MammographyFile,
    MammographyStart,
    ReadingPlace,
    SanctionCheck,
)
from confrere.network.model import Agreement, Directory, Group, Licence, Privilege, Reader, Site
from confrere.network.rules import BUILT_IN
from confrere.worklist.case import case_in
from confrere.worklist.eligibility import eligibility, is_eligible
from confrere.worklist.judging import Judging
from tests.unit.cases import ABLE, AGREEMENT, HOSPITAL, NOW, item

GROUPS = [GroupId(UUID(int=n)) for n in (1, 2, 8)]
SITES = [SiteId(UUID(int=n)) for n in (3, 30)]
PATIENTS = [PatientId(UUID(int=n)) for n in (5, 50)]
STATES, MODALITIES = ["IL", "WI"], ["CT", "MG", "PT"]
near = st.integers(-45, 45).map(lambda n: NOW.date() + timedelta(days=n))
mostly = st.sampled_from([True, True, True, False])


@st.composite
def spans(draw: st.DrawFn) -> tuple[date, date]:
    """Dates that hold more often than not, and end or begin soon."""
    first = draw(st.one_of(st.just(date(2025, 1, 1)), near))
    return first, max(first, draw(st.one_of(st.just(date(2028, 1, 1)), near)))


def several(one: st.SearchStrategy[Any], most: int = 2) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(one, max_size=most).map(tuple)


def some(words: list[str]) -> st.SearchStrategy[frozenset[str]]:
    return st.one_of(
        st.just(frozenset({ALL})), st.frozensets(st.sampled_from(words), min_size=1)
    )


pick = st.sampled_from
licences = st.builds(
    lambda state, status, span: Licence(state, "1", status, *span),
    pick(STATES), pick(["active", "active", "active", "restricted"]), spans(),
)  # fmt: skip
privileges = st.builds(
    lambda site, scope, path, span, ref, on, sent: Privilege(
        site, scope, path, *span, ref, "Oak", "hospital", on, sent
    ),
    pick(SITES), pick(["all", "all", "CT", "MG"]), pick(["full", "proxy"]), spans(),
    pick(["PX", ""]), st.one_of(st.none(), near), st.one_of(st.none(), near),
)  # fmt: skip
competences = st.builds(
    lambda code, basis, span: Competence(code, basis, "", *span),
    pick(["neuro", "breast", "peds", "pet", "cardiac"]), pick(BASES), spans(),
)  # fmt: skip
covers = st.builds(
    lambda form, states, kinds, acts, each, mg, span: Cover(
        "P", "I", form, date(2026, 11, 20) if form == "claims-made" else None, states, kinds,
        acts, Decimal(each), Decimal(3_000_000), *span, Decimal(mg) if mg else None,
    ),
    pick(["claims-made", "occurrence"]), some(STATES), some(MODALITIES),
    st.frozensets(pick(["facility", "teleradiology"]), min_size=1),
    pick([1_000_000, 500_000]), pick([0, 250_000, 2_000_000]), spans(),
)  # fmt: skip
enrolments = st.builds(
    lambda payer, tin, state, span: Enrolment(payer, tin, state, *span),
    pick(["medicare", "commercial"]), pick(["36-1", "36-2", "99"]), pick(STATES), spans(),
)  # fmt: skip
checks = st.builds(
    SanctionCheck, pick(["LEIE", "SAM"]), near, pick(["clear", "clear", "clear", "excluded"])
)
places = st.builds(
    lambda country, state, start, hours: ReadingPlace(
        country, state, NOW + timedelta(hours=start), NOW + timedelta(hours=start + hours)
    ),
    pick(["US", "US", "PT"]), pick(STATES), st.integers(-9, 40), st.integers(1, 60),
)  # fmt: skip
files = st.builds(
    lambda site, span, to: MammographyFile(site, *span, to), pick(SITES), spans(), near
)
readers = st.builds(
    lambda group, seat, npi, active, *facts: Reader(
        ReaderId(UUID(int=0)), group, "R", npi, frozenset(), frozenset(), seat, facts[0],
        facts[1], (), active, facts[2], facts[3], facts[4], facts[5], facts[6], (),
        (MammographyStart(date(2020, 1, 1), frozenset({"2D"})),),
        (MammographyCount(date(2026, 9, 30), facts[7], Decimal(20)),), facts[8],
    ),
    pick(GROUPS), pick(["IL", "WI", ""]), pick(["N1", "N2", ""]), mostly,
    several(licences, 3), several(privileges, 3), several(competences, 4), several(covers),
    several(enrolments), several(checks, 4), several(places), pick([950, 1200]), several(files),
)  # fmt: skip
exams = st.builds(
    lambda site, owner, priority, modality, reads, payer, patient, npi, born, ago: item(
        site=site, owner_group=owner, priority=priority, modality=modality, subspecialty=reads,
        payer_class=payer, patient=patient, orderers=(npi,), birth_date=born,
        clock_at=NOW - timedelta(days=ago),
    ),
    pick(SITES), pick(GROUPS), pick(["stat", "routine"]), pick([*MODALITIES, ""]),
    pick(["neuro", "breast", "peds", "cardiac", ""]), pick(["", "medicare", "commercial"]),
    pick([*PATIENTS, None]), pick(["N1", "N9"]), pick([None, date(2020, 1, 1), date(1960, 1, 1)]),
    st.integers(0, 9),
)  # fmt: skip
exclusions = st.builds(
    lambda row, kind, patient, site, span: Exclusion(
        ReaderId(UUID(int=100 + row)), kind, patient, None if patient else site, *span
    ),
    st.integers(0, 3), pick(EXCLUSIONS), pick([None, *PATIENTS]), pick(SITES), spans(),
)  # fmt: skip
windows = pick([(None, None, ""), (wall(7), wall(19), "America/Chicago")])
agreements = st.builds(
    lambda pair, read_type, state, window, words: replace(
        AGREEMENT, id=AgreementId(UUID(int=40)), owner_group=pair[0], reading_group=pair[1],
        read_types=frozenset({read_type}), state=state, window_start=window[0], window_end=window[1],
        window_zone=window[2], subspecialties=words,
    ),
    pick([(a, b) for a in GROUPS for b in GROUPS if a != b]), pick(["final", "preliminary"]),
    pick(["in force", "in force", "suspended"]), windows, pick([frozenset(), frozenset({"neuro"})]),
)  # fmt: skip
facilities = st.builds(
    lambda forbids, child, span, inspected: tuple(
        replace(
            HOSPITAL, id=site, state=state, forbids_offshore=forbids, child_below=child,
            certificates=(FacilityCertificate("C", *span, inspected, frozenset({"2D"})),),
        )
        for site, state in zip(SITES, STATES, strict=True)
    ),
    pick([False, False, True]), pick([0, 16]), spans(),
    pick([date(2026, 10, 20), date(2025, 9, 24)]),
)  # fmt: skip
# few rules at a time, so that a difference in one is not hidden by another that says no
rules = st.one_of(
    st.lists(pick(BUILT_IN), min_size=1, max_size=3, unique=True).map(tuple),
    st.just(BUILT_IN),
    st.just(tuple(replace(r, effective_from=date(2026, 11, 30)) for r in BUILT_IN[:4])),
)


def directory(
    people: list[Reader], places: tuple[Site, ...], lent: list[Agreement],
    barred: list[Exclusion], ruled: Any,
) -> Directory:  # fmt: skip
    tins = ("36-1", "36-2", "")
    groups = {
        one: Group(one, str(n), str(n), "UTC", tin=tins[n]) for n, one in enumerate(GROUPS)
    }
    known = {}
    for n, one in enumerate(people):
        made = replace(one, id=ReaderId(UUID(int=100 + n)))
        known[made.id] = made
    return Directory(
        groups, {one.id: one for one in places}, known, tuple(lent), tuple(barred), ruled
    )


def one_by_one(who: Directory, exam: Any, at: datetime, read_type: str) -> dict[ReaderId, bool]:
    return {
        one.id: is_eligible(eligibility(case_in(who, exam, one, at, read_type)))
        for one in who.readers.values()
    }


@settings(max_examples=60, deadline=None)
@given(
    people=st.lists(readers, min_size=1, max_size=4), places=facilities,
    lent=st.lists(agreements, max_size=3), barred=st.lists(exclusions, max_size=2), ruled=rules,
    exam=exams, hours=st.lists(st.integers(0, 900), max_size=2).map(sorted),
    read_type=pick(["", "final", "preliminary"]),
)  # fmt: skip
def test_bits_and_rules_agree_at_once_and_as_time_goes_on(
    people: list[Reader], places: tuple[Site, ...], lent: list[Agreement],
    barred: list[Exclusion], ruled: Any, exam: Any, hours: list[int], read_type: str,
) -> None:  # fmt: skip
    who = directory(people, places, lent, barred, ruled)
    compiled = Judging(who, NOW)
    for at in [NOW, *(NOW + timedelta(hours=n) for n in hours)]:
        found = compiled.mask(exam, at, read_type)
        judged = dict(zip(compiled.readers, found.tolist(), strict=True))
        assert judged == one_by_one(who, exam, at, read_type)
        rows = compiled.rows(exam, at).tolist()
        assert rows == compiled.mask(exam, at).nonzero()[0].tolist()


@settings(max_examples=25, deadline=None)
@given(
    people=st.lists(readers, min_size=2, max_size=2), places=facilities, exam=exams,
)  # fmt: skip
def test_a_changed_reader_is_judged_by_the_new_facts(
    people: list[Reader], places: tuple[Site, ...], exam: Any
) -> None:
    who = directory([ABLE, people[0]], places, [AGREEMENT], [], BUILT_IN)
    compiled = Judging(who, NOW)
    changed = replace(people[1], id=ReaderId(UUID(int=100)))
    compiled.change(changed)
    after = replace(who, readers=who.readers | {changed.id: changed})
    found = dict(zip(compiled.readers, compiled.mask(exam, NOW).tolist(), strict=True))
    assert found == one_by_one(after, exam, NOW, "")


def test_the_able_reader_is_found_and_time_does_not_go_back() -> None:
    who = directory([ABLE], (HOSPITAL,), [AGREEMENT], [], BUILT_IN)
    compiled = Judging(who, NOW)
    assert compiled.eligible(item(), NOW) == list(who.readers)
    with pytest.raises(ValueError, match="does not go back"):
        compiled.mask(item(), NOW - timedelta(seconds=1))
