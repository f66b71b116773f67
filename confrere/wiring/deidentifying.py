"""Run de-identified exports: with the group's key, on the system's connections, audited."""

from uuid import UUID

from confrere.audit.keys import load_or_create
from confrere.audit.model import Agent, Event
from confrere.audit.service import note
from confrere.database.engine import transaction
from confrere.imaging import deid_exports, deid_making
from confrere.wiring.house import House

KEY_NAME = "deid.key"  # beside the audit key; pseudonyms of all projects follow from it


def run(house: House, export_id: UUID) -> str:
    """Take an export as far as it goes now."""
    master = load_or_create(house.settings.home / "keys" / KEY_NAME)
    state = deid_making.run(
        lambda: transaction(house.system, frozenset()), house.blobs, master, export_id,
        house.now(),
    )  # fmt: skip
    with transaction(house.system, frozenset()) as conn:
        export = deid_exports.get(conn, export_id)
        note(conn, house.audit_key, Event(
            owner_group=export.owner_group, at=house.now(), action="E",
            kind="de-identified export", door="worker",
            agent=Agent(None, "de-identification", export.owner_group, "", "operations"),
            object_id=export_id, detail={"state": state, "files": export.counts.get("files", 0)},
        ))  # fmt: skip
    return state


def lapse(house: House) -> None:
    """Remove the files of exports whose time is over."""
    with transaction(house.system, frozenset()) as conn:
        digests = deid_exports.lapse(conn, house.now())
    for digest in digests:
        house.blobs.remove(digest)
