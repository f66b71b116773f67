"""Who keeps a seat when all want one."""

from dataclasses import dataclass, field
from datetime import timedelta

from confrere.dimse.limits import Limits
from confrere.dimse.slots import Slots

LIMITS = Limits(
    associations=4,
    associations_per_address=3,
    waiting=3,
    idle_before_eviction=timedelta(seconds=5),
)


@dataclass(eq=False)
class Peer:
    address: str
    stalled: float = 0.0
    cuts: list[str] = field(default_factory=list)

    def stalled_for(self) -> float:
        return self.stalled

    def cut(self, because: str) -> None:
        self.cuts.append(because)


def seated(slots: Slots, *peers: Peer) -> list[bool]:
    return [slots.enter(peer) and slots.seat(peer) for peer in peers]


def test_the_oldest_waiting_of_the_address_that_crowds_goes() -> None:
    slots = Slots(LIMITS)
    first, crowd = Peer("a"), [Peer("b"), Peer("b"), Peer("b")]
    for peer in [first, *crowd]:
        assert slots.enter(peer)
    assert not first.cuts
    assert [bool(peer.cuts) for peer in crowd] == [True, False, False]


def test_an_address_keeps_to_its_share() -> None:
    slots = Slots(LIMITS)
    assert seated(slots, *(Peer("a") for _ in range(4))) == [True, True, True, False]
    assert seated(slots, Peer("b")) == [True]


def test_busy_peers_keep_their_seats() -> None:
    slots = Slots(LIMITS)
    peers = [Peer("a"), Peer("a"), Peer("a"), Peer("b")]
    assert all(seated(slots, *peers))
    assert seated(slots, Peer("c")) == [False]
    assert not any(peer.cuts for peer in peers)


def test_a_stalled_peer_of_the_heaviest_address_makes_room() -> None:
    slots = Slots(LIMITS)
    peers = [Peer("a", 6), Peer("a", 9), Peer("a", 1), Peer("b", 100)]
    assert all(seated(slots, *peers))
    assert seated(slots, Peer("c")) == [True]
    assert [bool(peer.cuts) for peer in peers] == [False, True, False, False]


def test_a_hung_address_can_always_come_again() -> None:
    slots = Slots(LIMITS)
    hung = [Peer("a", 6), Peer("a", 7), Peer("a", 8)]
    assert all(seated(slots, *hung))
    assert seated(slots, Peer("a")) == [True]
    assert [bool(peer.cuts) for peer in hung] == [False, False, True]


def test_a_seat_is_free_again_after_leaving() -> None:
    slots = Slots(LIMITS)
    peers = [Peer("a") for _ in range(3)]
    assert all(seated(slots, *peers))
    slots.leave(peers[0])
    assert seated(slots, Peer("a")) == [True]


def test_those_cut_but_not_gone_count_against_a_flood() -> None:
    slots = Slots(LIMITS)
    entered = [slots.enter(Peer("a")) for _ in range(12)]
    assert entered == [True] * 10 + [False] * 2
