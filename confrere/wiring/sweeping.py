"""Take blobs out of use that no row names, and remove them a while later.

Nothing is locked and nothing races with what comes in: a blob is first put on a shelf, where
reading still finds it and where a writer of the same bytes does not look, so that it writes
them anew. Only when it has lain there for longer than any filing takes, and still no row names
it, is it gone; if a row does, it goes back.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from typing import TypeVar

from confrere.database.engine import transaction
from confrere.files.paths import SWEPT
from confrere.files.places import Place
from confrere.keeping import service as keeping
from confrere.wiring.house import House

ORPHAN = timedelta(days=1)  # older than anything that is still on its way to a row
SETTLED = timedelta(hours=1)
BATCH = 500
One = TypeVar("One")


@dataclass(frozen=True, slots=True)
class Swept:
    """What one run did."""

    looked_at: int = 0
    shelved: int = 0
    removed: int = 0
    put_back: int = 0


def let_go(house: House, digests: Iterable[bytes]) -> int:
    """Shelve those of these blobs that no row names any more; return how many."""
    done = 0
    for batch in batches(iter(set(digests)), BATCH):
        done += sum(
            place.shelve(SWEPT, one)
            for one in _unnamed(house, batch)
            for place in house.blobs.places.values()
        )
    return done


def settle(house: House) -> Swept:
    """Remove for good what has lain on the shelf, or put it back where a row names it."""
    before, removed, back = house.now() - SETTLED, 0, 0
    for place in house.blobs.places.values():
        lying = (one for one in place.shelf(SWEPT) if one.at < before)
        for batch in batches(lying, BATCH):
            gone = _unnamed(house, [one.digest for one in batch])
            for one in batch:
                if one.digest in gone:
                    place.drop(SWEPT, one.digest)
                    removed += 1
                elif place.size_of(one.digest) is not None:  # it came anew meanwhile
                    place.drop(SWEPT, one.digest)
                else:
                    back += place.take_back(SWEPT, one.digest)
    return Swept(removed=removed, put_back=back)


def orphans(house: House, most: int) -> Swept:
    """Go on looking for blobs that no row names, and shelve those; a whole round takes many runs."""
    looked = shelved = 0
    for name, place in house.blobs.places.items():
        seen, found = _round(house, name, place, most)
        looked, shelved = looked + seen, shelved + found
    return Swept(looked, shelved)


def _round(house: House, name: str, place: Place, most: int) -> tuple[int, int]:
    with transaction(house.system, frozenset()) as conn:
        state = keeping.state(conn, name)
    now, seen, shelved, last = house.now(), 0, 0, ""
    for batch in batches(islice(place.listed(state.sweep_after), most), BATCH):
        old = [one.digest for one in batch if one.at < now - ORPHAN]
        shelved += sum(place.shelve(SWEPT, one) for one in _unnamed(house, old))
        seen, last = seen + len(batch), batch[-1].digest.hex()
    ended = seen < most
    with transaction(house.system, frozenset()) as conn:
        keeping.note_state(
            conn, name, sweep_after="" if ended else last, swept=state.swept + shelved,
            **({"sweep_ended_at": now} if ended else {}),
        )  # fmt: skip
    return seen, shelved


def _unnamed(house: House, digests: list[bytes]) -> set[bytes]:
    with transaction(house.system, frozenset()) as conn:
        return set(digests) - keeping.named(conn, digests)


def batches(ones: Iterator[One], size: int) -> Iterator[list[One]]:
    """Cut what comes into lists."""
    while batch := list(islice(ones, size)):
        yield batch
