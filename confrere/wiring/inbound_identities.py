"""What messages say of whose identities are one person's: merge, link, unlink.

Source: HL7 v2.5.1 sections 3.3.18 (A18), 3.3.24 (A24), 3.3.31 (A31), 3.3.34 and on (A34, A36),
3.3.37 (A37), 3.3.39 and on (A39, A40) and 3.3.47 (A47). Nothing is destroyed by any of them:
orders, images and signed reports stay with the identity that they came for, which the survivor's
person now includes.
"""

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise

from sqlalchemy import Connection

from confrere.hl7.datatypes import Identifier
from confrere.hl7.patients import PatientMessage
from confrere.kernel.errors import Invalid
from confrere.network.model import Site
from confrere.patients import linking
from confrere.patients import service as patients
from confrere.patients.model import Demographics, Patient
from confrere.patients.pairs import Said, State
from confrere.patients.telling import plausible
from confrere.wiring.heard import Heard, assigner_of, chosen, record

LINK, UNLINK = "A24", "A37"
MERGES = frozenset({"A18", "A34", "A36", "A39", "A40", "A47"})
IDENTITY_EVENTS = MERGES | {LINK, UNLINK}


def obey(
    conn: Connection, heard: Heard, said: Sequence[PatientMessage], now: datetime
) -> list[Patient]:
    """Do what an ADT message of `IDENTITY_EVENTS` says; return the identities it names.

    It may come before either identity is known: both are then recorded with their numbers.
    Raises Invalid naming the field where one of the two is missing.
    """
    trigger = heard.message.kind[1]
    if trigger in MERGES:
        return [one for each in said for one in _merge(conn, heard, each, trigger, now)]
    if len(said) < 2:  # noqa: PLR2004 - two identities
        raise Invalid(f"ADT^{trigger} must name two patients, each in a PID", "PID-3")
    told = [record(conn, heard.site, each, now) for each in said]
    state = State.LINKED if trigger == LINK else State.APART
    for one, other in pairwise(told):
        linking.instruct(conn, one, other, state, trigger, _said(heard, said[0]))
    return told


def _merge(
    conn: Connection, heard: Heard, said: PatientMessage, trigger: str, now: datetime
) -> list[Patient]:
    if not said.merged:
        raise Invalid("MRG-1 must hold the identifier that is merged away", "MRG-1")
    survivor = record(conn, heard.site, said, now)
    gone = [_known(conn, heard.site, one, now) for one in _given_up(heard.site, said.merged)]
    for one in gone:
        linking.instruct(
            conn, one, survivor, State.LINKED, trigger, _said(heard, said), survivor.id
        )
    return [survivor, *gone]


def _given_up(site: Site, merged: Sequence[Identifier]) -> Sequence[Identifier]:
    """All numbers of the site's own assigner; without any, the first record number."""
    own = [one for one in merged if assigner_of(one, site) == site.assigner]
    return own or [chosen(site, merged)]


def _known(conn: Connection, site: Site, one: Identifier, now: datetime) -> Patient:
    bare = Demographics(assigner_of(one, site), one.value)
    return patients.record(conn, site.owner_group, bare, now)


def _said(heard: Heard, said: PatientMessage) -> Said:
    at = plausible(said.occurred_at, heard.at)
    return Said(heard.site.owner_group, heard.source, at)
