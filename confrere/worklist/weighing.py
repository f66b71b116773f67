"""What the rules of eligibility ask of one kind of exam, for all readers at once. Pure."""

from collections.abc import Mapping
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from confrere.kernel.ids import GroupId
from confrere.network.credentials import FACILITY, MEDICARE, TELERADIOLOGY
from confrere.network.model import Site
from confrere.orders.priorities import AT_ONCE
from confrere.worklist import columns as c
from confrere.worklist.case import exam_day_of
from confrere.worklist.columns import Bits, Columns
from confrere.worklist.competence import MAMMOGRAPHY
from confrere.worklist.model import Item
from confrere.worklist.payment import FEDERAL, SELF_PAY


class Weighing:
    """The rules over columns of bits."""

    def __init__(self, columns: Columns, tins: Mapping[GroupId, str], count: int) -> None:
        self._columns, self._tins, self._count = columns, tins, count

    def weigh(
        self, item: Item, site: Site, asked: dict[str, bool], rules: frozenset[str], own: Bits,
        at: datetime,
    ) -> Bits:  # fmt: skip
        """Weigh an exam's rules for all readers, but for agreements and conflicts.

        `asked` are the competences it needs, `rules` the codes in force, `own` the readers of
        the owner group.
        """
        bits = self._columns.bits
        weigh = {
            "ACTIVE": lambda: bits(c.MEMBER),
            "LIC_PATIENT": lambda: bits(c.LICENSED, site.state) & bits(c.SEATED),
            "PRIV": lambda: self._either(c.PRIVILEGED, item),
            "PROXY_OK": lambda: self._proxy(item),
            "SCOPE": lambda: self._scope(item, asked, own),
            "SANCTION": lambda: ~bits(c.CLOSED_URGENT if is_urgent(item) else c.CLOSED),
            "US_LOCATION": lambda: self._location(item, site),
            "PAYER_ENROL": lambda: self._payer(item, site),
        }
        if item.modality == MAMMOGRAPHY:
            weigh["MQSA"] = lambda: bits(c.MQSA, site.id)
        found: Bits = np.ones(self._count, np.bool_)
        for code in weigh.keys() & rules:
            found &= weigh[code]()
        if "COVER" in rules:  # dearer than a column: only for who is left
            rows = np.nonzero(found)[0]
            found[rows] = self._cover(rows, item, site, own, at)
        return found

    def _either(self, what: int, item: Item) -> Bits:
        every = self._columns.bits(what, item.site, "all")
        return every | self._columns.bits(what, item.site, item.modality)

    def _proxy(self, item: Item) -> Bits:
        sound = self._either(c.FULL, item) | self._either(c.CLEAN, item)
        return sound | ~self._either(c.PROXY, item)

    def _scope(self, item: Item, asked: dict[str, bool], own: Bits) -> Bits:
        if not item.subspecialty:
            return own
        found: Bits = np.ones(self._count, np.bool_)
        for code, explicit in asked.items():
            found &= self._columns.bits(c.SHOWN if explicit else c.READS, code)
        return found

    def _cover(
        self, rows: NDArray[np.intp], item: Item, site: Site, own: Bits, at: datetime
    ) -> Bits:
        day, policies = exam_day_of(item, at), self._columns.covers
        away = frozenset({TELERADIOLOGY})
        found = policies.bits(rows, site, item.modality, away, day)
        mine = np.nonzero(own[rows])[0]
        at_home = away | {FACILITY}
        found[mine] = policies.bits(rows[mine], site, item.modality, at_home, day)
        return found

    def _location(self, item: Item, site: Site) -> Bits:
        if site.forbids_offshore:
            return self._columns.bits(c.IN_US)
        if item.payer_class in FEDERAL:
            return ~self._columns.bits(c.ABROAD)
        return np.ones(self._count, np.bool_)

    def _payer(self, item: Item, site: Site) -> Bits:
        payer, bits = item.payer_class, self._columns.bits
        if payer in ("", SELF_PAY) or is_urgent(item):
            return np.ones(self._count, np.bool_)
        where = c.HERE if payer == MEDICARE else site.state
        known, able = bits(c.OWN_ENROLLED, payer), bits(c.OWN_ABLE, payer, where)
        if tin := self._tins.get(item.owner_group, ""):
            known = known | bits(c.ENROLLED, payer, tin)
            able = able | bits(c.ABLE, payer, tin, where)
        return ~known | able


def is_urgent(item: Item) -> bool:
    """Say whether an exam is read before what only billing lacks is settled."""
    return item.priority in AT_ONCE
