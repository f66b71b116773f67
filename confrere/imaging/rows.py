"""From rows to what the model holds."""

from dataclasses import fields
from typing import Any

from confrere.imaging.model import Instance, Series, Study
from confrere.imaging.tables import instances, series, studies

_MODALITIES = [field.name for field in fields(Study)].index("modalities")
STUDY = [studies.c[field.name] for field in fields(Study)]
SERIES = [series.c[field.name] for field in fields(Series)]
INSTANCE = [instances.c[field.name] for field in fields(Instance)]
NEWEST = (studies.c.study_date.desc(), studies.c.study_time.desc(), studies.c.id.desc())


def study_of(row: Any, start: int = 0) -> Study:
    """Make a study of the STUDY columns of `row` from position `start`."""
    values = list(row[start : start + len(STUDY)])
    values[_MODALITIES] = tuple(values[_MODALITIES])
    return Study(*values)


def series_of(row: Any, start: int = 0) -> Series:
    """Make a series of the SERIES columns of `row` from position `start`."""
    return Series(*row[start : start + len(SERIES)])


def instance_of(row: Any, start: int = 0) -> Instance:
    """Make an instance of the INSTANCE columns of `row` from position `start`."""
    return Instance(*row[start : start + len(INSTANCE)])
