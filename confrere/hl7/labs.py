"""Tell laboratory results from reports, and read the few values that imaging needs.

Source: HL7 v2.5.1 sections 7.4.1 (OBR-24 of table 0074) and 7.4.2 (OBX-11 of table 0085).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, tzinfo

from confrere.chart.model import LabValue, lab_kind
from confrere.hl7.datatypes import Times, part, read_coded, value
from confrere.hl7.groups import OrderGroup, order_groups
from confrere.hl7.parse import Message, Segment

_SECTIONS = frozenset({"BG", "BLB", "CH", "CP", "HM", "IMM", "LAB", "MB", "MCB", "SP", "TX"})
_NUMBERS = frozenset({"NM", "SN"})
_SHORT = frozenset({"NM", "SN", "CE", "CWE", "CNE", "ST", "DT", "TM", "TS", "DTM", ""})
_WITHDRAWN = frozenset({"D", "W"})
_NO_VALUE = frozenset({"I", "O", "N", "X"})  # pending, or could not be obtained


@dataclass(frozen=True, slots=True)
class LabSaid:
    """One value as a message tells it; `taken_at` None: the sample's time is not told."""

    kind: str
    value: str
    unit: str
    code: str
    name: str
    mark: str
    taken_at: datetime | None
    withdrawn: bool

    def kept(self, taken_at: datetime, source: str) -> LabValue:
        """Turn it into what is kept."""
        return LabValue(
            self.kind, self.value, self.unit, taken_at, self.code, self.name, self.mark, source
        )

    @property
    def told(self) -> str:
        """Say it in one line, without its time."""
        return f"{self.kind} {self.value} {self.unit}".strip()


def is_lab(group: OrderGroup) -> bool:
    """Say whether an OBR and its OBX are laboratory results and no report.

    By OBR-24, or where it is silent by what they hold: numbers, and no text.
    """
    section = value(group.obr, 24).upper()
    if section in _SECTIONS:
        return True
    types = {value(obx, 2).upper() for obx in group.all("OBX")}
    return bool(types & _NUMBERS) and types <= _SHORT


def read_labs(message: Message, zone: tzinfo) -> tuple[LabSaid, ...]:
    """Read creatinine and eGFR of the laboratory groups of an ORU."""
    groups = [one for one in order_groups(message) if one.obr and is_lab(one)]
    return tuple(said for group in groups for said in labs_of(group, zone))


def labs_of(group: OrderGroup, zone: tzinfo, *, by_order: bool = False) -> Iterator[LabSaid]:
    """Read the values of a group; with `by_order` OBR-7 is the exam's time, not the sample's."""
    for obx in group.all("OBX"):
        coded, status = read_coded(obx, 3), value(obx, 11).upper()
        kind = lab_kind(coded.code, coded.text)
        said = _value(obx)
        if not kind or status in _NO_VALUE or not (said or status in _WITHDRAWN):
            continue
        times = Times(zone)
        taken = times.at(obx, 14) or (None if by_order else times.at(group.obr, 7))
        yield LabSaid(
            kind, said, value(obx, 6) or part(obx, 6, 2, 1), coded.code, coded.text,
            value(obx, 8).upper(), taken, status in _WITHDRAWN,
        )  # fmt: skip


def _value(obx: Segment) -> str:
    if value(obx, 2).upper() == "SN":  # comparator, number, separator, number
        return "".join(value(obx, 5, n) for n in range(1, 5))
    return value(obx, 5)
