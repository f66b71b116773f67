"""The audit chain, without a database."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from confrere.audit import heads, keys
from confrere.audit.model import (
    GENESIS,
    Agent,
    Event,
    Link,
    canonical,
    check_chain,
    mac_of,
    storable,
)
from confrere.audit.noted import Noted
from confrere.kernel.errors import Invalid
from confrere.kernel.ids import GroupId

KEY = b"k" * 32
GROUP = GroupId(UUID(int=7))
AT = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
AGENT = Agent(None, "A. Person", GROUP, "session:1", "treatment")


def event(n: int) -> Event:
    return Event(
        GROUP, AT + timedelta(seconds=n), "R", "study", "web", AGENT, object_id=UUID(int=n)
    )


def chain(length: int) -> list[Link]:
    links, previous = [], GENESIS
    for seq in range(1, length + 1):
        previous = mac_of(KEY, previous, seq, event(seq))
        links.append(Link(seq, event(seq), previous))
    return links


def test_an_untouched_chain_is_right_and_an_empty_one_too() -> None:
    state = check_chain(KEY, chain(5))
    assert (state.ok, state.first_bad_seq, state.count) == (True, None, 5)
    assert check_chain(KEY, []).ok


def test_the_wrong_key_fails_at_the_first_link() -> None:
    assert check_chain(b"x" * 32, chain(3)).first_bad_seq == 1


def test_a_removed_row_shows_where_it_is_missing() -> None:
    links = chain(5)
    del links[2]
    state = check_chain(KEY, links)
    assert (state.ok, state.first_bad_seq, state.count) == (False, 3, 2)


def test_two_rows_with_their_numbers_swapped_show() -> None:
    links = chain(5)
    links[1], links[2] = replace(links[2], seq=2), replace(links[1], seq=3)
    assert check_chain(KEY, links).first_bad_seq == 2


def test_a_cut_off_end_shows_against_the_head_kept_before() -> None:
    known = check_chain(KEY, chain(5))
    assert check_chain(KEY, chain(4)).ok
    state = check_chain(KEY, chain(4), known)
    assert (state.ok, state.first_bad_seq) == (False, 5)
    assert not check_chain(KEY, [], known).ok
    assert check_chain(KEY, chain(5), known).ok
    assert check_chain(KEY, chain(9), known).ok


def test_a_chain_rebuilt_with_the_key_shows_against_the_head_kept_before() -> None:
    known = check_chain(KEY, chain(5))
    rebuilt, previous = chain(4), chain(4)[-1].mac
    other = replace(event(5), action="U")
    rebuilt.append(Link(5, other, mac_of(KEY, previous, 5, other)))
    assert check_chain(KEY, rebuilt).ok
    assert check_chain(KEY, rebuilt, known).first_bad_seq == 5


def test_the_longest_head_is_kept_outside_and_a_broken_chain_keeps_none(tmp_path: Path) -> None:
    path = tmp_path / "audit.heads"
    assert heads.load(path, GROUP) is None
    whole = check_chain(KEY, chain(5))
    heads.keep(path, GROUP, whole)
    heads.keep(path, GROUP, check_chain(KEY, chain(4)))
    heads.keep(path, GROUP, check_chain(KEY, chain(4), whole))
    assert heads.load(path, GROUP) == whole
    assert heads.load(path, GroupId(UUID(int=8))) is None
    assert path.stat().st_mode & 0o777 == 0o600
    path.write_text("{")
    with pytest.raises(Invalid, match="backup"):
        heads.load(path, GROUP)


@pytest.mark.parametrize(
    "change",
    [
        {"at": AT},
        {"action": "U"},
        {"kind": "report"},
        {"door": "dicom"},
        {"outcome": "refused"},
        {"patient_id": UUID(int=9)},
        {"study_id": UUID(int=9)},
        {"object_id": None},
        {"owner_group": UUID(int=8)},
        {"detail": {"a": 1}},
        {"agent": replace(AGENT, name="B. Person")},
        {"agent": replace(AGENT, session="session:2")},
        {"agent": replace(AGENT, purpose="operations")},
        {"agent": replace(AGENT, user=UUID(int=1))},
        {"agent": replace(AGENT, group=None)},
    ],
)
def test_every_changed_field_shows(change: dict[str, object]) -> None:
    links = chain(3)
    links[1] = replace(links[1], event=replace(links[1].event, **change))
    assert check_chain(KEY, links).first_bad_seq == 2


def test_the_zone_of_an_instant_does_not_matter_but_the_instant_does() -> None:
    there = replace(event(1), at=event(1).at.astimezone(timezone(timedelta(hours=-6))))
    assert canonical(there) == canonical(event(1))
    assert canonical(replace(event(1), at=event(1).at + timedelta(microseconds=1))) != (
        canonical(event(1))
    )


def test_an_event_needs_a_known_action_and_an_aware_instant() -> None:
    with pytest.raises(ValueError, match="action"):
        replace(event(1), action="X")
    with pytest.raises(ValueError, match="aware"):
        replace(event(1), at=AT.replace(tzinfo=None))


@settings(max_examples=50)
@given(st.text(max_size=20))
def test_storable_text_is_valid_utf8_without_nul_and_stays_so(text: str) -> None:
    once = storable(text)
    assert "\x00" not in once
    assert once.encode().decode() == once == storable(once)


def test_the_memory_of_accesses_forgets_the_oldest() -> None:
    noted = Noted(size=2)
    accesses = [(GROUP, "s", "study", "web", uuid4()) for _ in range(3)]
    for access in accesses[:2]:
        noted.remember(access)
    assert noted.knows(accesses[0])
    noted.remember(accesses[2])
    assert [noted.knows(access) for access in accesses] == [True, False, True]


def test_the_key_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "audit.key"
    key = keys.load_or_create(path)
    assert len(key) == 32
    assert keys.load_or_create(path) == key
    assert path.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in path.parent.iterdir()] == ["audit.key"]


def test_a_key_that_others_read_or_that_was_cut_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "audit.key"
    keys.load_or_create(path)
    path.chmod(0o644)
    with pytest.raises(Invalid, match="chmod 600"):
        keys.load_or_create(path)
    path.chmod(0o600)
    path.write_bytes(b"short")
    with pytest.raises(Invalid, match="backup"):
        keys.load_or_create(path)
