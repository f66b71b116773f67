"""The doctor's look at the image store: reached, how full, and what the scrub found."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from confrere.cli.findings import Finding
from confrere.database.engine import connect, transaction
from confrere.files.opening import open_blobs
from confrere.files.places import Room
from confrere.keeping import service as keeping
from confrere.keeping.state import PlaceState
from confrere.kernel.errors import Unavailable
from confrere.settings import Settings
from confrere.wiring.store_looks import address

LOW_BYTES = 5 * 1024**3
LONG = timedelta(days=60)  # for a whole scrub


def places(settings: Settings) -> Iterator[Finding]:
    """Ask each place of the image store."""
    for name, place in open_blobs(settings).places.items():
        what = f"{name} image store, {address(settings, name)}:"
        try:
            room = place.room()
        except Unavailable as error:
            yield Finding(False, f"{what} {error}", "see docs/storage.md")
            continue
        yield _room(what, room)


def _room(what: str, room: Room) -> Finding:
    if room.free is None:
        return Finding(ok=True, what=f"{what} answers")
    enough = room.free > LOW_BYTES
    return Finding(
        enough, f"{what} {room.free / 1024**3:.1f} GB free",
        "" if enough else "free or add space, or move what is old to a cold store",
    )  # fmt: skip


def scrubs(system_url: str) -> Iterator[Finding]:
    """Say when the last whole scrub ended, and what lies damaged."""
    engine = connect(system_url, pool=1)
    try:
        with transaction(engine, frozenset()) as conn:
            found = keeping.states(conn)
    finally:
        engine.dispose()
    for name in sorted(found, reverse=True):
        yield scrub(found[name], datetime.now(UTC))


def scrub(state: PlaceState, now: datetime) -> Finding:
    """Judge one place's scrub."""
    what = f"scrub of the {state.name} image store:"
    ended = state.scrub_ended_at
    said = f"last whole pass {ended:%Y-%m-%d %H:%M} UTC" if ended else "no whole pass yet"
    if state.damaged:
        return Finding(
            False, f"{what} {said}, {state.damaged} objects lie damaged",
            "set a replica and run `confrere scrub`, or have them sent again: see Exceptions",
        )  # fmt: skip
    begun = state.scrub_began_at
    slow = now - ended > LONG if ended else begun is not None and now - begun > LONG
    return Finding(
        not slow, f"{what} {said}, nothing damaged",
        "raise CONFRERE_SCRUB_MEGABYTES, or let the worker run" if slow else "",
    )  # fmt: skip
