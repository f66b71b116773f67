"""Hand over to the centre what was read here, and hear who may read and what is read there."""

import threading
import time
from collections.abc import Callable
from typing import Any

from confrere.gateway.line import Link
from confrere.gateway.record import Record
from confrere.kernel.errors import Refused

READS, EVENTS, BEGUN = 5, 200, 200
LEFT_SECONDS = 30 * 60  # begun and left so long: the centre need not hold it any more


class Exchange:
    """Runs while the line is up, and first of all when it is back."""

    def __init__(self, record: Record, accession_of: Callable[[str], str]) -> None:
        self._record, self._accession_of = record, accession_of
        self._lock = threading.Lock()

    def run(self, link: Link) -> None:
        """Hand over all that waits; raises Unavailable when the line breaks.

        Refused when the centre knows this gateway no more: then nobody may sign in here. What
        was read stays, for whoever enrols it again.
        """
        with self._lock:
            try:
                while self._once(link):
                    pass
            except Refused:
                self._record.forget_said()
                raise

    def _once(self, link: Link) -> bool:
        """One request; True when more waits."""
        record = self._record
        reads = record.unsent(READS)
        after = int(record.said("audited_to") or 0)
        events = record.events(after, EVENTS)
        begun = [
            {
                "study_uid": one.study_uid,
                "accession": self._accession_of(one.study_uid),
                "reader": one.reader,
            }
            for one in record.held().values()
            if not one.signed and time.time() - one.touched < LEFT_SECONDS
        ]
        told = link.exchange({
            "known": record.said("digest") or "", "chain": record.chain, "reads": reads, "events": events,
            "begun": begun[:BEGUN],
        })  # fmt: skip
        self._keep(told)
        for one in reads:
            answer = dict(told.get("reads", {})).get(one["key"])
            if answer:
                record.settled(one["key"], str(answer["state"]), str(answer["why"]))
        return len(reads) == READS or len(events) == EVENTS

    def _keep(self, told: dict[str, Any]) -> None:
        record = self._record
        with record.writing():
            if told.get("standing") is not None:
                record.keep_said("standing", told["standing"])
                record.keep_said("digest", told["digest"])
            record.keep_said("begun", told.get("begun", {}))
            record.keep_said("audited_to", int(told["audited_to"]))
            record.keep_said("heard_at", time.time())
