"""The kidneys' filtration rate that advice may count on. Pure."""

import math
import re
from collections.abc import Iterable
from datetime import date

from confrere.chart.model import EGFR, LabValue

# an older value tells little of today's kidneys; the ACR Manual on Contrast Media sets no
# interval for outpatients, so a quarter is our choice
HOLDS_DAYS = 90
HIGHEST = 250.0
_VALUE = re.compile(r"\s*([<>]=?)?\s*([0-9]{1,3}(?:\.[0-9]{1,3})?)\s*$")
_UNIT = re.compile(r"ml/min(/\{?1\.73.?m.*)?$")


def kidneys(labs: Iterable[LabValue], day: date) -> float | None:
    """Return the newest eGFR in mL/min/1.73 m2 that holds on a day; None where none does.

    A bound counts as its number: ">60" as 60, "<15" as just below 15, so that a rule fires only
    on what is known. A value in another unit, or dated after the day, is not used.
    """
    usable = [one for one in labs if one.kind == EGFR and _holds(one, day)]
    newest = max(usable, key=lambda one: one.taken_at, default=None)
    return _number(newest.value) if newest else None


def _holds(one: LabValue, day: date) -> bool:
    age = (day - one.taken_at.date()).days
    unit = one.unit.casefold().replace(" ", "")
    return -1 <= age <= HOLDS_DAYS and (not unit or _UNIT.match(unit) is not None)


def _number(value: str) -> float | None:
    found = _VALUE.match(value)
    if found is None or float(found[2]) > HIGHEST:
        return None
    number = float(found[2])
    return math.nextafter(number, 0) if found[1] == "<" else number
