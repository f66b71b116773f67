"""The use cases behind CDS Hooks: who the patient is, what is ordered, what is shown."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, text

from confrere.advice import service as advice
from confrere.advice.model import CDS_HOOKS, Asked, Given
from confrere.audit import service as audit
from confrere.cdshooks.requests import DraftOrder, HookRequest
from confrere.database.engine import transaction
from confrere.fhir.elements import assigner_of
from confrere.kernel.errors import Refused, Unavailable
from confrere.kernel.ids import PatientId
from confrere.kernel.principal import Principal
from confrere.network import service as network
from confrere.network.model import Site
from confrere.orders import service as orders
from confrere.orders.duplicates import Exam
from confrere.orders.model import Procedure
from confrere.orders.parts import typed_by_words
from confrere.patients import service as patients
from confrere.patients.model import Patient
from confrere.wiring.advising import open_similar
from confrere.wiring.house import House


@dataclass(frozen=True, slots=True)
class Hooks:
    """Advice for an ordering system that is signed in as its site's account."""

    house: House

    def ask(self, me: Principal, asked: HookRequest, until: float) -> Sequence[Given]:
        """Advise on the draft orders and keep what is shown; `until` is of the monotonic clock.

        First what other groups may show is opened, in a transaction of the system role, then
        everything is read as the caller's group.
        """
        if me.group is None or me.site is None:
            raise Refused("an ordering system signs in with the account of its site")
        now = self.house.now()
        with transaction(self.house.app, me.groups) as conn:
            _not_longer_than(conn, until)
            site = network.site(conn, me.site)
            patient = find_patient(conn, site, asked)
            wanted = [] if patient is None else _wanted(conn, site, patient, asked, now)
        if patient is None:
            return ()
        if patient.person is not None:
            with transaction(self.house.system, frozenset()) as conn:
                _not_longer_than(conn, until)
                for one in wanted:
                    open_similar(conn, one, now)
        with transaction(self.house.app, me.groups) as conn:
            _not_longer_than(conn, until)
            shown = [
                given
                for one in wanted
                for given in advice.give(conn, one, advice.advise(conn, one), now)
            ]
            audit.note_access(
                conn, self.house.audit_key, me, door="cds hooks", kind="advice",
                owner_group=site.owner_group, object_id=asked.instance, now=now,
                patient_id=patient.id, detail={"hook": asked.hook, "cards": len(shown)},
            )  # fmt: skip
            if time.monotonic() > until:
                raise Unavailable("too late: what nobody saw is not kept as shown")
        return shown

    def hear(self, me: Principal, rows: Sequence[tuple[UUID, str, str]]) -> None:
        """Keep what clinicians made of cards of this site."""
        if me.group is None or me.site is None:
            raise Refused("an ordering system signs in with the account of its site")
        now = self.house.now()
        with transaction(self.house.app, me.groups) as conn:
            for card, outcome, reason in rows:
                advice.feedback(conn, me.group, me.site, card, outcome, reason, me.name, now)


def find_patient(conn: Connection, site: Site, asked: HookRequest) -> Patient | None:
    """The identity of the site's own assigner that the request names.

    By its number, or by a further one that the site told us of it.
    """
    named = [(assigner_of(system), value) for system, value in asked.identifiers]
    for assigner, value in sorted(named, key=lambda one: one[0] != site.assigner):
        if assigner is None:
            continue
        found = patients.find(conn, site.owner_group, assigner, value)
        if found is not None and found.demographics.assigner == site.assigner:
            return found
    return None


def _wanted(
    conn: Connection, site: Site, patient: Patient, asked: HookRequest, now: datetime
) -> list[Asked]:
    return [
        made
        for one in asked.orders
        if (made := asked_of_draft(conn, site, patient.id, one, asked, now)) is not None
    ]


def asked_of_draft(
    conn: Connection, site: Site, patient: PatientId, draft: DraftOrder, asked: HookRequest,
    now: datetime,
) -> Asked | None:  # fmt: skip
    """What a draft order asks; None where it is no imaging that can be typed.

    The site's procedure map types it by a code, else its words do.
    """
    line = _line(conn, site, draft)
    modality, region, contrast = typed_by_words(draft.text)
    if line is not None:
        modality, region, contrast = line.modality, line.body_region, line.contrast
    if not modality or not region:
        return None
    today = now.astimezone(ZoneInfo(site.time_zone)).date()
    exam = Exam(
        f"draft:{draft.id}", modality, region, today, str(site.id), contrast,
        draft.text or (line.text if line else ""), draft.indication,
    )  # fmt: skip
    return Asked(
        site.owner_group, site.id, patient, exam,
        advice.circumstances(
            conn, patient, draft.indication, draft.diagnoses, today, asked.egfr
        ),
        f"hook:{asked.instance}:{draft.id}", CDS_HOOKS, None, "", draft.placer_number,
        line.code if line else (draft.codes[0] if draft.codes else ""),
    )  # fmt: skip


def _line(conn: Connection, site: Site, draft: DraftOrder) -> Procedure | None:
    for code in draft.codes:
        found = orders.procedure(conn, site.owner_group, site.id, code)
        if found is not None:
            return found
    return None


def _not_longer_than(conn: Connection, until: float) -> None:
    """Let the database break off what would come too late anyway."""
    left = max(int((until - time.monotonic()) * 1000), 1)
    conn.execute(text("select set_config('statement_timeout', :ms, true)"), {"ms": str(left)})
