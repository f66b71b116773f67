"""Whose patients a person may look at.

The database shows a group its own patients and those that other groups opened to it; of the
latter a person sees only the patients of exams that this person may read.
"""

from datetime import datetime

from sqlalchemy import Connection

from confrere.kernel.ids import PatientId
from confrere.kernel.principal import Principal
from confrere.network import service as network
from confrere.patients.model import Patient
from confrere.web.worklist_lines import lines_for
from confrere.worklist import service as worklist


def opened_to(conn: Connection, me: Principal, now: datetime) -> frozenset[PatientId]:
    """The other groups' patients whose waiting exams this person may read."""
    items = [one for one in worklist.open_items(conn) if one.owner_group != me.group]
    if not items or me.reader is None:
        return frozenset()
    lines = lines_for(me, items, network.directory(conn, now), now)
    return frozenset(
        one.item.patient for one in lines if not one.withheld and one.item.patient is not None
    )


def may_look(me: Principal, patient: Patient, opened: frozenset[PatientId]) -> bool:
    """Say whether a patient is the own group's, or opened to this person."""
    return patient.owner_group == me.group or patient.id in opened
