"""Who is told as an exam's time runs out: the ladder, by examples and by what always holds."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from uuid import UUID, uuid5

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from confrere.kernel.errors import Invalid
from confrere.kernel.ids import ReaderId
from confrere.network.model import Directory, Group
from confrere.network.presence import Shift
from confrere.notices.contacts import (
    ASSISTANT,
    CHIEF,
    ED,
    LEAD,
    READER,
    CallLists,
    Contact,
    checked,
    listed,
)
from confrere.notices.model import (
    NOTHING_TOLD,
    OVERDUE,
    Channel,
    Kind,
    Telling,
    Told,
    back_off,
    masked,
)
from confrere.notices.wording import text
from confrere.worklist.escalation import LADDER, escalations, tier_of
from confrere.worklist.model import NOBODY, OFF_DUTY, Item, State
from tests.unit.cases import ABLE, HOSPITAL, OWNER, READING, SITE, item

NOW = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
ALL_WAYS = frozenset({Channel.MAIL, Channel.SMS, Channel.VOICE})
ON_DUTY = replace(ABLE, shifts=(Shift(NOW - timedelta(hours=9), NOW + timedelta(days=2)),))
OTHER = replace(ON_DUTY, id=ReaderId(UUID(int=44)), name="Rowe, Rita")
ZONES = frozenset({"UTC", "America/Chicago"})


def contact(role: str, name: str, **changes: object) -> Contact:
    made = Contact(
        uuid5(UUID(int=1), name), OWNER, role, name, None, None, f"{name}@north.example",
        "+13125550100", ALL_WAYS,
    )  # fmt: skip
    return replace(made, **changes)  # type: ignore[arg-type]


NINA = contact(READER, "nina", owner_group=READING, reader=ABLE.id)
RITA = contact(READER, "rita", owner_group=READING, reader=OTHER.id)
LEE, CHAN = contact(LEAD, "lee"), contact(CHIEF, "chan")
ERIN, ANDY = contact(ED, "erin", site=SITE), contact(ASSISTANT, "andy", site=SITE)
LISTS = listed([NINA, RITA, LEE, CHAN, ERIN, ANDY])
DIRECTORY = Directory(
    {OWNER: Group(OWNER, "N", "North", "UTC"), READING: Group(READING, "R", "R", "UTC")},
    {SITE: HOSPITAL}, {one.id: one for one in (ON_DUTY, OTHER)}, (),
)  # fmt: skip


def stat(gone: float, minutes: float = 30, **changes: object) -> Item:
    """A STAT exam offered to Nina, of whose time this per cent is gone at NOW."""
    began = NOW - timedelta(minutes=minutes * gone / 100, milliseconds=1)
    return item(**{
        "priority": "stat", "clock_at": began, "due_at": began + timedelta(minutes=minutes),
        "state": State.OFFERED, "offered_to": ABLE.id, "offered_group": READING, **changes,
    })  # fmt: skip


def said(
    one: Item, told: Told = NOTHING_TOLD, lists: CallLists = LISTS, now: datetime = NOW,
    on: frozenset[int] | None = None,
) -> set[tuple[str, str, int]]:  # fmt: skip
    chosen = {} if on is None else {OWNER: on}
    found = escalations(one, now, told, DIRECTORY, lists, chosen)
    return {(t.name.split(",")[0], t.channel.value, t.tier) for t in found}


def after(told: Told, found: list[Telling]) -> Told:
    highest = dict(told.highest)
    for t in found:
        highest[t.about, t.recipient, t.kind] = max(
            t.tier, highest.get((t.about, t.recipient, t.kind), -1)
        )
    return Told(highest, told.seen)


@pytest.mark.parametrize(
    ("gone", "expected"),
    [
        (20, set()),
        (33, {("Novak", "product", 33), ("Novak", "mail", 33)}),
        (50, {("Novak", "product", 50), ("Novak", "sms", 50)}),
        (75, {("lee", "sms", 75), ("Novak", "product", 75), ("Novak", "sms", 75)}),
        (90, {("lee", "voice", 90), ("Novak", "product", 90), ("Novak", "voice", 90)}),
        (
            100,
            {
                ("lee", "voice", 100), ("Novak", "product", 100), ("Novak", "sms", 100),
                ("andy", "sms", 100), ("erin", "sms", 100),
            },
        ),
    ],
)  # fmt: skip
def test_a_stat_exam_climbs_the_ladder(
    gone: float, expected: set[tuple[str, str, int]]
) -> None:
    assert said(stat(gone)) == expected


def test_an_exam_that_jumped_over_tiers_gets_the_highest_alone() -> None:
    assert {tier for _, _, tier in said(stat(95))} == {90}


def test_a_routine_exam_disturbs_nobody_by_sms_or_voice() -> None:
    for tier in LADDER:
        ways = {way for _, way, _ in said(stat(tier.percent, 1440, priority="routine"))}
        assert ways <= {"product", "mail"}


def test_an_exam_with_a_preliminary_report_no_longer_rings() -> None:
    assert {way for _, way, _ in said(stat(90, state=State.PRELIMINARY))} == {"product", "mail"}


def test_nobody_offered_it_and_the_lead_hears_of_it_all_the_same() -> None:
    assert said(stat(50, offered_to=None)) == set()
    assert said(stat(75, offered_to=None)) == {("lee", "sms", 75)}


def test_a_reader_who_writes_the_report_is_not_called() -> None:
    writing = stat(90, held_by=ABLE.id, drafted_at=NOW)
    assert said(writing) == {("lee", "voice", 90), ("Novak", "product", 90)}


def test_who_has_seen_it_is_left_alone_until_it_is_overdue() -> None:
    seen = Told({}, frozenset({(item().id, ABLE.id)}))
    assert said(stat(50), seen) == set()
    assert ("Novak", "product", 100) in said(stat(100), seen)


def test_a_new_reader_is_told_at_the_present_tier() -> None:
    told = after(NOTHING_TOLD, escalations(stat(50), NOW, NOTHING_TOLD, DIRECTORY, LISTS, {}))
    assert said(stat(50), told) == set()
    assert said(stat(50, offered_to=OTHER.id), told) == {
        ("Rowe", "product", 50), ("Rowe", "sms", 50),
    }  # fmt: skip


def test_a_group_turns_tiers_off() -> None:
    assert said(stat(92), on=frozenset({33, 100})) == {
        ("Novak", "product", 33), ("Novak", "mail", 33),
    }  # fmt: skip
    assert said(stat(92), on=frozenset()) == set()


def test_quiet_hours_hold_back_what_rings_but_not_an_overdue_emergency() -> None:
    night = replace(LEE, quiet_from=time(14), quiet_until=time(18))
    lists = listed([NINA, night])
    assert ("lee", "mail", 90) in said(stat(90), lists=lists)
    assert ("lee", "voice", 100) in said(stat(100), lists=lists)
    assert ("lee", "mail", 100) in said(stat(100, 240, priority="inpatient"), lists=lists)
    reader = replace(NINA, quiet_from=time(22), quiet_until=time(15, 30))
    assert ("Novak", "sms", 50) in said(stat(50), lists=listed([reader]))  # on duty


def test_of_two_leads_the_one_who_is_not_asleep_is_told() -> None:
    asleep = replace(
        LEE, name="abe", id=UUID(int=77), quiet_from=time(14), quiet_until=time(18)
    )
    assert ("lee", "voice", 90) in said(stat(90), lists=listed([asleep, LEE]))


def test_without_a_number_the_next_quieter_way_is_taken() -> None:
    lists = listed([replace(NINA, channels=frozenset({Channel.MAIL})), LEE])
    assert ("Novak", "mail", 90) in said(stat(90), lists=lists)
    assert said(stat(50), lists=listed([])) == {("Novak", "product", 50)}


@pytest.mark.parametrize("flag", [NOBODY, OFF_DUTY])
def test_the_chief_is_paged_at_once_when_nobody_may_read_an_emergency(flag: str) -> None:
    fresh = stat(1, offered_to=None, state=State.WAITING, flags=(flag,))
    assert said(fresh) == {("chan", "voice", 0), ("chan", "sms", 0)}
    asleep = listed([replace(CHAN, quiet_from=time(14), quiet_until=time(18))])
    assert said(fresh, lists=asleep) == {("chan", "voice", 0), ("chan", "sms", 0)}
    assert said(replace(fresh, priority="routine")) == set()
    assert said(replace(fresh, held_by=ABLE.id)) == set()
    told = after(NOTHING_TOLD, escalations(fresh, NOW, NOTHING_TOLD, DIRECTORY, LISTS, {}))
    assert said(fresh, told) == set()


def test_a_group_that_names_nobody_is_kept_as_failed_once() -> None:
    nobody = listed([])
    found = escalations(stat(75), NOW, NOTHING_TOLD, DIRECTORY, nobody, {})
    kept = [one for one in found if one.trouble]
    assert [(one.name, one.recipient) for one in kept] == [("nobody named", OWNER)]
    later = escalations(stat(90), NOW, after(NOTHING_TOLD, found), DIRECTORY, nobody, {})
    assert not [one for one in later if one.trouble]


def test_an_exam_without_a_clock_is_at_no_tier() -> None:
    assert tier_of(item(clock_at=None, due_at=None), NOW) is None
    assert tier_of(item(clock_at=NOW, due_at=NOW), NOW) is None


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.floats(0, 130), st.sampled_from([ABLE.id, OTHER.id, None]),
            st.sampled_from(["", "seen"]), st.sampled_from([(), (NOBODY,)]),
            st.sampled_from(["stroke", "stat", "ed", "inpatient", "routine"]),
        ),
        max_size=12,
    )
)  # fmt: skip
def test_nobody_is_told_a_tier_twice_and_tiers_only_rise(
    steps: list[tuple[object, ...]],
) -> None:
    told, seen = NOTHING_TOLD, set()
    heard: dict[UUID, list[int]] = {}
    ways: set[tuple[UUID, Kind, int, Channel]] = set()
    for gone, reader, act, flags, level in steps:
        one = stat(float(gone), offered_to=reader, flags=flags, priority=level)  # type: ignore[arg-type]
        found = escalations(one, NOW, Told(told.highest, frozenset(seen)), DIRECTORY, LISTS, {})
        for t in found:
            key = (t.recipient, t.kind, t.tier, t.channel)
            assert key not in ways
            ways.add(key)
            assert t.tier >= OVERDUE or (t.about, t.recipient) not in seen
            if t.kind is Kind.ESCALATION:
                heard.setdefault(t.recipient, []).append(t.tier)
        told = after(told, found)
        if act and found:
            seen.add((found[0].about, found[0].recipient))
    for tiers in heard.values():
        assert tiers == sorted(tiers)


PATIENT = ("DOE", "JANE", "M1", "LM1", "CT head", "Bleed")


@pytest.mark.parametrize("way", list(Channel))
def test_no_words_name_the_patient_or_the_exam(way: Channel) -> None:
    one = stat(100, patient_name="DOE, JANE", mrn="M1", clinical_question="Bleed?",
               flags=(NOBODY,), offered_to=None)  # fmt: skip
    found = escalations(one, NOW, NOTHING_TOLD, DIRECTORY, LISTS, {})
    words = text(found, way, NOW, "https://reads.example")
    assert not [part for part in PATIENT if part in words]
    alone = text(found[:1], way, NOW, "https://reads.example")
    assert "STAT exam at Lakeshore" in alone
    assert (f"https://reads.example/items/{one.id}" in alone) == (way in ("mail", "sms"))


def test_many_exams_are_one_message_with_a_count_and_the_most_urgent() -> None:
    many = [
        replace(t, about=UUID(int=n), due_at=NOW + timedelta(minutes=9 - n))
        for n, t in enumerate(
            [escalations(stat(75), NOW, NOTHING_TOLD, DIRECTORY, LISTS, {})[0]] * 5
        )
    ]
    words = text(many, Channel.SMS, NOW, "https://reads.example")
    assert words.startswith("Confrere: 5 exams need attention, the first: STAT exam at")
    assert "due in 5 min" in words
    assert words.endswith("https://reads.example/worklist")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"phone": "3125550142"}, "phone"),
        ({"phone": "+0 312 555 0142"}, "phone"),
        ({"phone": "+1312555014212345"}, "phone"),
        ({"phone": ""}, "phone"),
        ({"mail": "nobody"}, "mail"),
        ({"mail": "a@b.example\r\nBcc: x@y.example"}, "mail"),
        ({"mail": "", "channels": frozenset({Channel.MAIL})}, "mail"),
        ({"channels": frozenset()}, "channels"),
        ({"name": " "}, "name"),
        ({"role": "king"}, "role"),
        ({"site": SITE}, "site"),
        ({"role": ED, "site": None}, "site"),
        ({"role": READER}, "reader"),
        ({"quiet_from": time(22)}, "quiet_from"),
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
    ],
)
def test_a_contact_that_cannot_be_is_refused_by_its_field(
    changes: dict[str, object], field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        checked(replace(LEE, **changes), ZONES)  # type: ignore[arg-type]
    assert refused.value.field == field


def test_a_number_is_kept_in_its_one_form() -> None:
    assert checked(replace(LEE, phone="+1 (312) 555-0142"), ZONES).phone == "+13125550142"


def test_quiet_hours_are_wall_time_past_midnight() -> None:
    night = replace(LEE, quiet_from=time(22), quiet_until=time(6), time_zone="America/Chicago")
    assert night.is_quiet(datetime(2026, 11, 25, 4, 30, tzinfo=UTC))  # 22:30
    assert night.is_quiet(datetime(2026, 11, 25, 11, 59, tzinfo=UTC))  # 05:59
    assert not night.is_quiet(datetime(2026, 11, 25, 12, 0, tzinfo=UTC))


def test_pauses_grow_and_addresses_are_masked() -> None:
    assert [back_off(n).total_seconds() for n in (1, 2, 3, 8)] == [5, 10, 20, 300]
    assert masked("nina@prairie.example") == "n…@prairie.example"
    assert masked("+13125550142") == "+1…0142"
