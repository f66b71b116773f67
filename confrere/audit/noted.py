"""Remember, in this process, which accesses the trail already holds."""

from collections import OrderedDict
from threading import Lock
from typing import Final

from confrere.audit.model import Access


class Noted:
    """A bounded memory of accesses that are in the trail; the oldest are forgotten.

    It spares the question to the database when a viewer asks for hundreds of frames; what it
    forgets or never knew, the database still knows.
    """

    def __init__(self, size: int = 50_000) -> None:
        self._size: Final = size
        self._known: OrderedDict[Access, None] = OrderedDict()
        self._lock = Lock()

    def knows(self, access: Access) -> bool:
        """Say whether the access is known to be in the trail."""
        with self._lock:
            if access not in self._known:
                return False
            self._known.move_to_end(access)
            return True

    def remember(self, access: Access) -> None:
        """Remember an access that is in the trail."""
        with self._lock:
            self._known[access] = None
            self._known.move_to_end(access)
            if len(self._known) > self._size:
                self._known.popitem(last=False)
