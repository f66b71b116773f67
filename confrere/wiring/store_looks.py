"""Look at the places of the image store: reached or not, how full, how much of whom lies there."""

from confrere.database.engine import transaction
from confrere.files.opening import S3
from confrere.imaging import keeping as imaging
from confrere.keeping import service as keeping
from confrere.kernel.errors import Unavailable
from confrere.settings import Settings
from confrere.wiring.house import House


def look(house: House) -> None:
    """Keep how each place stands."""
    for name, place in house.blobs.places.items():
        trouble, room = "", None
        try:
            room = place.room()
        except Unavailable as error:
            trouble = str(error)
        with transaction(house.system, frozenset()) as conn:
            keeping.note_state(
                conn, name, address=address(house.settings, name), trouble=trouble,
                free_bytes=room.free if room else None, total_bytes=room.total if room else None,
                looked_at=house.now(),
            )  # fmt: skip


def count(house: House) -> None:
    """Count what lies where, by group and site."""
    with transaction(house.system, frozenset()) as conn:
        keeping.set_counts(conn, imaging.held(conn), house.now())


def address(settings: Settings, name: str) -> str:
    """How a place is called on a page: never with a key."""
    url = settings.cold_url if name == "cold" else settings.blob_url
    if url.startswith(S3):
        return f"{url} at {settings.s3_endpoint or settings.s3_region}"
    return "a folder of the server"
