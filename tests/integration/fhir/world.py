"""Two groups, two sites of one of them, and what a FHIR client may find there."""

import asyncio
import itertools
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import sqlalchemy as sa
from fastapi import FastAPI, Request
from granian.constants import Interfaces
from granian.server.embed import Server
from sqlalchemy import Connection

from confrere.audit import service as audit
from confrere.fhir.door import router
from confrere.identity.permissions import Permission, require
from confrere.imaging import service as imaging
from confrere.imaging.tables import series, studies
from confrere.kernel.ids import (
    GroupId,
    OrderId,
    PatientId,
    ReaderId,
    ReportId,
    SiteId,
    StudyId,
    UserId,
)
from confrere.kernel.principal import Principal, Role
from confrere.network import service as network
from confrere.network.model import Group, Licence, Reader, Site
from confrere.network.npi import with_check_digit
from confrere.orders import service as orders
from confrere.orders.model import COMPLETE, OrderContent
from confrere.patients import service as patients
from confrere.patients.model import Demographics
from confrere.reading import service as reading
from confrere.reading import store as reading_store
from confrere.reading.text import render
from tests.database import Databases

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
KEY = b"k" * 32
SECTIONS = {
    "findings": "Lungs are clear.",
    "impression": "No acute disease \u2014 f\u00fcr Dr. M\u00fcller.",
}
NOBODY = UUID(int=99)
LISTS = ("Patient", "ServiceRequest", "ImagingStudy", "DiagnosticReport")
NO_READER = ReaderId(NOBODY)


@dataclass
class Town:
    """One database and one server for many worlds, which do not see one another."""

    made: Databases
    people: dict[str, Principal] = field(default_factory=dict)
    address: str = ""
    clients: list[httpx.Client] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def app(self) -> FastAPI:
        """Make the door's application; `x-person` says which of the people asks."""
        app = FastAPI()

        def allow(permission: Permission) -> Callable[[Request], Principal]:
            def admitted(request: Request) -> Principal:
                principal = self.people[request.headers["x-person"]]
                require(principal, permission)
                return principal

            return admitted

        def note(conn: Connection, principal: Principal, /, **what: Any) -> None:
            audit.note_access(conn, KEY, principal, noted=audit.Noted(), **what)

        app.include_router(router(self.made.app, allow, note, lambda: NOW))
        return app


@dataclass
class World:
    """Groups `oak` and `fox`; oak's sites `hollow` and `creek`; codes end in the number."""

    town: Town
    number: int
    groups: dict[str, GroupId] = field(default_factory=dict)
    sites: dict[str, SiteId] = field(default_factory=dict)
    reader: ReaderId = NO_READER

    @property
    def npi(self) -> str:
        """The reader's own."""
        return with_check_digit(f"{190_000_000 + self.number}")

    @property
    def made(self) -> Databases:
        """Return the database."""
        return self.town.made

    def client(self, who: str) -> httpx.Client:
        """Make a client, signed in as one of the people."""
        headers = {"x-person": f"{who}{self.number}"}
        made = httpx.Client(
            base_url=self.town.address, headers=headers, trust_env=False, timeout=10
        )
        self.town.clients.append(made)
        return made

    def add_patient(self, group: str, mrn: str, **said: Any) -> PatientId:
        """Record a patient of a group."""
        with self.made.system.begin() as conn:
            about = Demographics(**({"assigner": "OAK", "mrn": mrn} | said))
            return patients.record(conn, self.groups[group], about, NOW).id

    def add_order(
        self, site: str, patient: PatientId, accession: str, at: datetime = NOW, **said: Any
    ) -> OrderId:
        """Place an order of a site."""
        with self.made.system.begin() as conn:
            owner = network.site(conn, self.sites[site]).owner_group
            content = OrderContent(**({"accession": accession, "status": COMPLETE} | said))
            return orders.place(conn, owner, self.sites[site], patient, content, at).id

    def add_study(
        self, site: str, patient: PatientId | None, uid: str, order: OrderId | None = None,
        **said: Any,
    ) -> StudyId:  # fmt: skip
        """Add a study with one series."""
        with self.made.system.begin() as conn:
            owner = network.site(conn, self.sites[site]).owner_group
            usual = {
                "owner_group": owner, "site_id": self.sites[site], "patient_id": patient,
                "study_uid": uid, "modalities": ["CT", "SR"], "study_date": "20261120",
                "series_count": 1, "instance_count": 7, "first_at": NOW, "last_at": NOW,
                "patient_name": "DOE^JANE", "mrn": "M1", "issuer": "OAK",
            }  # fmt: skip
            made = conn.execute(
                sa.insert(studies).values(**(usual | said)).returning(studies.c.id)
            ).scalar_one()
            conn.execute(sa.insert(series).values(
                owner_group=owner, study_id=made, series_uid=f"{uid}.1", modality="CT",
                number=0, body_part="CHEST", instance_count=7,
            ))  # fmt: skip
            if order:
                imaging.attach_order(conn, StudyId(made), order, "test", NOW)
            return StudyId(made)

    def add_report(
        self, site: str, patient: PatientId, answers: list[OrderId], *kinds: str,
        at: datetime = NOW, study: StudyId | None = None, reader_group: str = "oak",
    ) -> ReportId:  # fmt: skip
        """Write a report with one version of each kind, an hour apart."""
        with self.made.system.begin() as conn:
            owner = network.site(conn, self.sites[site]).owner_group
            report = reading_store.add(conn, {
                "owner_group": owner, "reader_group": self.groups[reader_group],
                "site_id": self.sites[site], "patient_id": patient, "study_id": study,
                "order_ids": answers, "author_id": self.reader, "author_name": "Dr. Raman",
                "origin": "confrere", "title": "CT chest", "draft": SECTIONS, "exam_at": at,
                "state": "final" if "final" in kinds else (kinds or ("draft",))[0],
                "updated_at": at,
            })  # fmt: skip
            for n, kind in enumerate(kinds):
                text = "Seen again." if kind == "addendum" else render(SECTIONS)
                sections = {"addendum": text} if kind == "addendum" else SECTIONS
                reading_store.add_version(conn, report, {
                    "kind": kind, "sections": sections, "text": text,
                    "signer_id": self.reader, "signer_name": "Dr. Raman",
                    "signed_at": at + timedelta(hours=n),
                })  # fmt: skip
            return report.id

    def receive_report(self, site: str, patient: PatientId, answers: list[OrderId]) -> ReportId:
        """Keep a final report that came by HL7."""
        with self.made.system.begin() as conn:
            owner = network.site(conn, self.sites[site]).owner_group
            came = reading.Received(
                owner, self.sites[site], patient, tuple(answers), None, "XR hand",
                "Whole text from elsewhere.", True, "Dr. Away", NOW, NOW,
            )  # fmt: skip
            return reading.receive(conn, came, [], NOW).id

    def share(self, owner: str, to: str, *objects: UUID) -> None:
        """Let another group see these."""
        with self.made.system.begin() as conn:
            network.share(
                conn, self.groups[owner], self.groups[to], [("exam", one) for one in objects],
                "test", NOW,
            )  # fmt: skip

    def trail(self) -> list[tuple[str, UUID | None, str]]:
        """What the audit trail holds: kind, object, detail as text."""
        with self.made.system.begin() as conn:
            rows = conn.execute(
                sa.text(
                    "select kind, object_id, detail from audit_events "
                    "where owner_group = any(:groups) order by owner_group, seq"
                ),
                {"groups": list(self.groups.values())},
            )
            return [(r.kind, r.object_id, json.dumps(r.detail)) for r in rows]


def build(town: Town) -> World:
    """Add a world to the town."""
    world = World(town, next(town.numbers))
    n = world.number
    with town.made.system.begin() as conn:
        for code in ("oak", "fox"):
            new = Group(GroupId(NOBODY), f"{code}{n}", f"{code.title()} Radiology", "UTC")
            world.groups[code] = network.add_group(conn, new)
        for code, state in (("hollow", "IL"), ("creek", "WI")):
            site = Site(
                SiteId(NOBODY), world.groups["oak"], f"{code}{n}", f"{code.title()} Hospital",
                code, state, "America/Chicago", "hospital", "OAK",
            )  # fmt: skip
            world.sites[code] = network.add_site(conn, site)
        licence = Licence("IL", "036-1", "active", date(2026, 1, 1), date(2027, 1, 1))
        raman = Reader(
            ReaderId(NOBODY), world.groups["oak"], "Asha Raman, MD", world.npi,
            frozenset({"neuro"}), licences=(licence,),
        )  # fmt: skip
        world.reader = network.add_reader(conn, raman)

    def person(who: str, role: Role, group: str | None, site: str | None = None) -> None:
        town.people[f"{who}{n}"] = Principal(
            UserId(uuid4()), who, role, world.groups[group] if group else None, None,
            world.sites[site] if site else None, f"session:{uuid4()}",
        )  # fmt: skip

    person("oak", Role.RADIOLOGIST, "oak")
    person("fox", Role.RADIOLOGIST, "fox")
    person("hollow", Role.HOSPITAL_CLIENT, "oak", "hollow")
    person("analyst", Role.ANALYST, None)
    return world


@contextmanager
def served(town: Town) -> Iterator[Town]:
    """Serve the door on a loopback socket, in a thread."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    loop, over = asyncio.new_event_loop(), asyncio.Event()

    async def serve() -> None:
        server = Server(
            town.app(), port=port, interface=Interfaces.ASGI, websockets=False,
            log_enabled=False,
        )  # fmt: skip
        serving = asyncio.create_task(server.serve())
        await over.wait()
        server.stop()
        await serving

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    town.address = f"http://127.0.0.1:{port}"
    try:
        _await_answer(port)
        yield town
    finally:
        for client in town.clients:
            client.close()
        loop.call_soon_threadsafe(over.set)
        thread.join(10)
        loop.close()


def _await_answer(port: int) -> None:
    until = time.monotonic() + 10
    while time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.01)
    raise TimeoutError("the server did not start")
