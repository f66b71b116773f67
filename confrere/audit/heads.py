"""Keep the chains' heads in a file, outside the database and beside the key.

A chain whose last rows were removed still follows from link to link; only a head that was
kept elsewhere shows that something is missing.
"""

import json
import os
from pathlib import Path
from threading import Lock

from confrere.audit.model import ChainState
from confrere.kernel.errors import Invalid
from confrere.kernel.ids import GroupId

_ONE_AT_A_TIME = Lock()


def load(path: Path, group: GroupId) -> ChainState | None:
    """Return the head kept of a group's chain; None where none was. Raises Invalid."""
    kept = _read(path).get(str(group))
    if kept is None:
        return None
    head = bytes.fromhex(str(kept["head"]))
    return ChainState(ok=True, first_bad_seq=None, count=int(kept["count"]), head=head)


def keep(path: Path, group: GroupId, state: ChainState) -> None:
    """Keep the head of a chain that was found whole; an earlier, longer one stays."""
    with _ONE_AT_A_TIME:
        kept = _read(path)
        before = kept.get(str(group))
        if not state.ok or (before and int(before["count"]) >= state.count):
            return
        kept[str(group)] = {"count": state.count, "head": state.head.hex()}
        fresh = path.with_name(f"{path.name}.{os.getpid()}")
        with fresh.open("w", encoding="utf-8") as file:
            os.fchmod(file.fileno(), 0o600)
            json.dump(kept, file, indent=1, sort_keys=True)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)


def _read(path: Path) -> dict[str, dict[str, str | int]]:
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError:
        raise Invalid(
            f"{path.name} is not valid; restore it from the backup.", "audit heads"
        ) from None
    return dict(kept)
