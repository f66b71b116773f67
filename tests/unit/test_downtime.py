"""Reading in downtime: the local list, sign-in without the centre's hashes, what a read meets."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from confrere.gateway.exams import Mine, Standing, Word, listed, without_images
from confrere.gateway.model import ROUTINE, STAT, Ordered, Study
from confrere.identity.away import fits, pepper_of, verifier_of
from confrere.identity.secrets import hash_password
from confrere.kernel.errors import Invalid
from confrere.kernel.ids import GroupId, ReaderId
from confrere.notices.contacts import CHIEF, IT, LEAD
from confrere.notices.contacts import listed as call_lists
from confrere.notices.model import Channel
from confrere.notices.silence import Silent, tellings
from confrere.notices.wording import line, link
from confrere.reading.downtime import (
    CONFLICT,
    ENTERED,
    UNMATCHED,
    WAITING,
    DowntimeRead,
    Signed,
    meet,
)
from confrere.worklist.model import State
from tests.unit.cases import NOW, OWNER, READER, SITE, item
from tests.unit.test_escalation import contact

MINUTE = timedelta(minutes=1)
OTHER = ReaderId(UUID(int=77))
NAMES = {READER: "Novak, Nina", OTHER: "Other, Olga"}


def study(number: int, **changes: Any) -> Study:
    made = Study(
        f"1.2.{number}", f"A{number}", "M1", "Doe, Jane", "19620412", "F", "CT", "CT head",
        ROUTINE, 10, 100.0 + number, 200.0,
    )  # fmt: skip
    return replace(made, **changes)


def word(number: int, **changes: Any) -> Word:
    made = Word("", (f"A{number}",), "M1", "waiting", "", "", outside=False, since="")
    return replace(made, **changes)


def mine(number: int, signed: str = "") -> Mine:
    return Mine(f"1.2.{number}", "u", "r", "Gray, Gail", 1, 1, 10, 200, "", signed)


def test_stat_goes_first_then_what_came_first_and_what_is_read_comes_last() -> None:
    found = listed(
        [study(1), study(2), study(3, rank=STAT), study(4), study(5)],
        [Ordered("A4", STAT)],
        [word(1, state="final", by="Novak, Nina")],
        {"1.2.2": mine(2)},
    )
    assert [one.study.uid for one in found] == ["1.2.3", "1.2.4", "1.2.2", "1.2.5", "1.2.1"]
    assert [one.standing for one in found] == [
        Standing.OPEN, Standing.OPEN, Standing.BEGUN, Standing.OPEN, Standing.READ,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("said", "standing"),
    [
        (word(1, reader="r2"), Standing.HELD),
        (word(1, outside=True), Standing.HELD),
        (word(1, state="external"), Standing.READ),
        (word(1, state="cancelled"), Standing.CANCELLED),
        (word(1, state="preliminary"), Standing.OPEN),
        (word(1, state="final", mrn="M2"), Standing.OPEN),  # another patient's same number
    ],
)
def test_what_the_centre_last_said_is_shown_as_such(said: Word, standing: Standing) -> None:
    (one,) = listed([study(1)], [], [said], {})
    assert one.standing is standing


def test_an_order_of_another_patient_is_told_and_a_cancelled_one_is_nothing_to_read() -> None:
    wrong, cancelled = Ordered("A1", STAT, mrn="M9"), Ordered("A2", STAT, is_cancelled=True)
    one, other = listed([study(1), study(2)], [wrong, cancelled], [], {})
    assert one.names_differ
    assert other.standing is Standing.CANCELLED
    waits = [Ordered("A3", ROUTINE), Ordered("A4", STAT), Ordered("A5", STAT), wrong, cancelled]
    rest = without_images([study(1)], waits, [word(5, state="final")])
    assert [each.accession for each in rest] == ["A4", "A3"]


def test_a_gateways_verifier_fits_its_password_there_alone() -> None:
    stored = hash_password("green kettle under stairs")
    here, there = pepper_of("token one"), pepper_of("token two")
    made = verifier_of(stored, here)
    assert made is not None
    assert type(made).of(made.told()) == made
    assert fits(made, here, "green kettle under stairs")
    assert not fits(made, there, "green kettle under stairs")
    assert not fits(made, here, "green kettle under the stairs")
    assert not fits(None, here, "green kettle under stairs")
    assert stored.rsplit("$", 1)[1] not in str(made.told())
    assert verifier_of("not a hash", here) is None
    with pytest.raises(Invalid, match="memory"):
        type(made).of(made.told() | {"memory": 1 << 30})


def read(**changes: Any) -> DowntimeRead:
    what = Signed(
        UUID(int=1), "final", {"impression": "Bleed."}, READER, "Novak, Nina", NOW - 3 * MINUTE,
        NOW - MINUTE, None, 10, "1.2.3", "LM1", "", "", "CT head",
    )  # fmt: skip
    return DowntimeRead(
        UUID(int=2), OWNER, UUID(int=3), "East", SITE, replace(what, **changes), WAITING, "",
        None, None, NOW,
    )  # fmt: skip


def test_a_free_exam_is_entered_and_an_unknown_one_waits() -> None:
    assert meet(read(), [], NAMES, NOW).state == WAITING
    assert meet(read(), [item(state=State.CANCELLED)], NAMES, NOW).state == WAITING
    assert meet(read(), [item()], NAMES, NOW).state == ENTERED
    assert meet(read(mrn="M2"), [item(mrn="M1")], NAMES, NOW).state == UNMATCHED
    assert meet(read(), [item(site=UUID(int=99))], NAMES, NOW).state == UNMATCHED


@pytest.mark.parametrize(
    ("now", "why"),
    [
        ({"held_by": OTHER, "held_name": "Other, Olga", "lease_until": NOW + MINUTE}, "Olga"),
        ({"state": State.FINAL, "finished_at": NOW, "finished_by": OTHER}, "Olga signed"),
        ({"state": State.EXTERNAL, "finished_at": NOW}, "the site's own report"),
        ({"held_by": OTHER, "held_name": "Other, Olga", "lease_until": NOW - MINUTE}, ""),
        ({"held_by": READER, "held_name": "Novak", "lease_until": NOW + MINUTE}, ""),
    ],
)
def test_what_another_read_or_holds_is_never_read_over(now: dict[str, Any], why: str) -> None:
    met = meet(read(), [item(**now)], NAMES, NOW)
    assert met.state == (CONFLICT if why else ENTERED)
    assert why in met.why


def test_a_silent_gateway_is_told_to_it_and_the_lead_once_for_each_outage() -> None:
    silent = Silent(UUID(int=5), GroupId(OWNER), "Gateway East", "Lakeshore", NOW - 6 * MINUTE)
    ida, lee, chan = contact(IT, "ida"), contact(LEAD, "lee"), contact(CHIEF, "chan")
    told = tellings([silent], call_lists([ida, lee, chan]), NOW)
    assert [(one.name, one.channel) for one in told] == [
        ("ida", Channel.SMS), ("lee", Channel.SMS),
    ]  # fmt: skip
    assert line(told[0], NOW) == "Gateway East at Lakeshore not heard of for 6 min"
    assert link(told, "https://c.example") == "https://c.example/network/gateways"
    assert silent.about != replace(silent, since=NOW).about
    (nobody,) = tellings([silent], call_lists([]), NOW)
    assert "add one under Call lists" in nobody.trouble
