"""Earlier reports from files: priors and nothing else, once, with each bad row named."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
import sqlalchemy as sa

from confrere.database.engine import transaction
from confrere.delivery import service as delivery
from confrere.files.folder import BlobStore
from confrere.network import service as network
from confrere.orders import service as orders
from confrere.orders.model import REPORTED
from confrere.patients import service as patients
from confrere.reading import backloading
from confrere.reading import service as reading
from confrere.reading.backloads import (
    CHECKED,
    CSV,
    HL7,
    LOADED,
    LOADING,
    STOPPED,
    UNREADABLE,
    Backload,
)
from confrere.wiring import backload, exams, facts, inbound_hl7
from confrere.worklist import service as worklist
from tests.database import Databases, count
from tests.integration.world import NOW, World, build, order_message

HEAD = "patient_id,assigner,accession,procedure_code,procedure,exam_at,signed_at,signed_by,report,birth_date,sex,family_name"


def line(accession: str, mrn: str = "M1", code: str = "CTHEAD", **more: str) -> str:
    cells = {
        "procedure": "CT head without contrast", "exam": "2024-03-09 14:30",
        "signed": "2024-03-09 15:10", "text": "FINDINGS:\nOld infarct.", "born": "1962-04-12",
        "assigner": "LMH-MRN",
    } | more  # fmt: skip
    return (
        f"{mrn},{cells['assigner']},{accession},{code},{cells['procedure']},{cells['exam']},"
        f'{cells["signed"]},"Old, Olga","{cells["text"]}",{cells["born"]},F,DOE'
    )


def batch(*messages: str) -> bytes:
    return "\r".join(
        [
            "FHS|^~\\&|OLDRIS|LMH",
            "BHS|^~\\&|OLDRIS|LMH",
            *messages,
            f"BTS|{len(messages)}",
            "FTS|1",
        ]
    ).encode()


def message(accession: str, status: str = "F", text: str = "IMPRESSION: Normal.") -> str:
    return "\r".join([
        f"MSH|^~\\&|OLDRIS|LMH|||20230510120000||ORU^R01|C{accession}|P|2.3",
        "PID|1||M1^^^LMH-MRN^MR||DOE^JANE||19620412|F",
        f"OBR|1||{accession}|CTHEAD^CT head without contrast^L|||20230510103000|||||||||||"
        f"{accession}||||20230510115500|||{status}|||||||77&Old&Olga",
        f"OBX|1|TX|18748-4^Report^LN||{text}||||||{status}",
    ])  # fmt: skip


@dataclass
class Office:
    """A database, a blob store and a site with its map."""

    made: Databases
    blobs: BlobStore
    world: World

    def give(self, content: bytes, form: str) -> Backload:
        """Give a file and let it be checked."""
        with transaction(self.made.app, frozenset({self.world.owner})) as conn:
            taken = backloading.take(
                conn, self.world.owner, self.world.site, form, "old.csv",
                self.blobs.put(content), len(content), "Ina IT", NOW,
            )  # fmt: skip
        return backload.check(self.made.system, self.blobs, taken.id, NOW)

    def load(self, key: UUID) -> Backload:
        """Let a checked file be loaded."""
        with transaction(self.made.app, frozenset({self.world.owner})) as conn:
            backloading.go_on(conn, key, NOW)
        return backload.load(self.made.system, self.blobs, key, lambda: NOW)

    def number(self, table: str) -> int:
        with transaction(self.made.system, frozenset()) as conn:
            return count(conn, table)

    def problems(self, key: UUID) -> list[tuple[int, str]]:
        with transaction(self.made.app, frozenset({self.world.owner})) as conn:
            return [(one.row, one.field) for one in backloading.problems(conn, key, 100)]


@pytest.fixture
def office(fresh: Databases, tmp_path: Path) -> Office:
    with transaction(fresh.system, frozenset()) as conn:
        world = build(conn)
    return Office(fresh, BlobStore(tmp_path / "blobs"), world)


def csv_of(*lines: str) -> bytes:
    return "\n".join([HEAD, *lines, ""]).encode()


def test_a_csv_of_earlier_reports_becomes_priors_and_no_work(office: Office) -> None:
    found = office.give(csv_of(line("OLD1"), line("OLD2", code="UNKNOWN")), CSV)
    assert (found.state, found.rows, found.added, found.untyped) == (CHECKED, 2, 2, 1)
    assert office.number("reports") == office.number("orders") == 0
    found = office.load(found.id)
    assert (found.state, found.added, found.same, found.failed) == (LOADED, 2, 0, 0)
    with transaction(office.made.system, frozenset()) as conn:
        one = patients.find(conn, office.world.owner, "LMH-MRN", "M1")
        assert one is not None
        kept = reading.of_patients(conn, [one.id])
        asked = orders.get_many(conn, kept[0].orders + kept[1].orders)
        assert {(o.body_region, o.content.status) for o in asked} == {
            ("head", REPORTED), ("", REPORTED)
        }  # fmt: skip
        assert kept[0].exam_at is not None
        assert f"{kept[0].exam_at:%Y-%m-%d %H:%M}" == "2024-03-09 20:30"  # Chicago, CST
        for report in kept:
            facts.report_received(conn, report.id)
        jobs = conn.execute(sa.text("select task_name from procrastinate_jobs")).scalars()
        assert set(jobs) <= {"exams.patient_seen", "reports.load", "reports.check"}
        assert worklist.open_items(conn) == []
    assert office.number("items") == office.number("exam_facts") == 0


def test_the_same_file_again_and_a_restart_add_nothing(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backload, "CHUNK", 3)
    content = csv_of(*(line(f"OLD{n}") for n in range(10)))
    found = office.give(content, CSV)
    with transaction(office.made.app, frozenset({office.world.owner})) as conn:
        backloading.go_on(conn, found.id, NOW)

    class Died(Exception):
        """The worker is killed."""

    def die(now: Backload) -> None:
        if now.done >= 6:
            raise Died

    with pytest.raises(Died):
        backload.load(office.made.system, office.blobs, found.id, lambda: NOW, die)
    assert office.number("reports") == 6
    found = backload.load(office.made.system, office.blobs, found.id, lambda: NOW)
    assert (found.state, found.done, found.added) == (LOADED, 10, 10)
    again = office.give(content + b"\n", CSV)  # other bytes, the same reports
    assert (again.added, again.same) == (0, 10)
    assert office.load(again.id).same == 10
    assert office.number("reports") == office.number("report_versions") == 10


def test_a_stopped_file_goes_on_from_where_it_stood(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backload, "CHUNK", 2)
    found = office.give(csv_of(*(line(f"OLD{n}") for n in range(6))), CSV)

    def stop(now: Backload) -> None:
        if now.done == 4:
            with transaction(office.made.app, frozenset({office.world.owner})) as conn:
                backloading.stop(conn, found.id, NOW)

    with transaction(office.made.app, frozenset({office.world.owner})) as conn:
        backloading.go_on(conn, found.id, NOW)
    stopped = backload.load(office.made.system, office.blobs, found.id, lambda: NOW, stop)
    assert (stopped.state, stopped.done) == (STOPPED, 4)
    done = office.load(found.id)
    assert (done.state, done.done, done.added) == (LOADED, 6, 6)


def test_each_bad_row_is_named_and_the_others_are_loaded(office: Office) -> None:
    rows = [
        line("OLD1"), line("", mrn="M1"), line("OLD3", exam="9.3.2024"),
        line("OLD4", signed="2024-03-01"), line("OLD5", born="1971-01-01"),
        line("OLD1", mrn="M2", born="1950-01-01"), line("OLD7", text=""),
    ]  # fmt: skip
    office.load(office.give(csv_of(line("OLD0")), CSV).id)
    found = office.give(csv_of(*rows), CSV)
    assert (found.added, found.failed) == (1, 6)
    named = [
        (2, "accession"), (3, "exam_at"), (4, "signed_at"), (5, "birth_date"),
        (6, "accession"), (7, "report"),
    ]  # fmt: skip
    assert office.problems(found.id) == named
    done = office.load(found.id)
    assert (done.added, done.failed) == (1, 6)
    assert office.problems(found.id) == named


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"a,b\n1,2\n", "lacks the columns"), (b"\xff\xfe\x00", "UTF-8"), (b"", "lacks")],
)
def test_a_file_that_is_no_table_is_refused_with_a_reason(
    office: Office, content: bytes, says: str
) -> None:
    found = office.give(content, CSV)
    assert found.state == UNREADABLE
    with transaction(office.made.app, frozenset({office.world.owner})) as conn:
        assert says in backloading.problems(conn, found.id, 1)[0].says


def test_an_hl7_batch_is_loaded_and_what_is_not_final_is_named(office: Office) -> None:
    raw = batch(message("H1"), message("H2", "P"), message("H3", text=""), message("H4", "C"))
    found = office.give(raw, HL7)
    assert (found.rows, found.added, found.failed) == (4, 2, 2)
    assert office.problems(found.id) == [(2, "OBR-25"), (3, "OBX-5")]
    assert office.load(found.id).added == 2
    with transaction(office.made.system, frozenset()) as conn:
        one = patients.find(conn, office.world.owner, "LMH-MRN", "M1")
        assert one is not None
        assert {r.author_name for r in reading.of_patients(conn, [one.id])} == {"Old, Olga"}


def test_an_exam_on_the_worklist_is_not_closed_by_an_old_file(office: Office) -> None:
    with transaction(office.made.system, frozenset()) as conn:
        peer = network.peer(conn, office.world.hl7)
        raw = order_message(status="CM")
        kept = delivery.keep(conn, peer, "ORM^O01", "MSG1", raw, "127.0.0.1", NOW)
        inbound_hl7.process(conn, bytes(32), kept, NOW)
        order = orders.search(conn, 1, accession="LM100")[0]
        exams.order_changed(conn, order.id, NOW)
    found = office.give(csv_of(line("LM100", exam="2026-11-24 08:50", signed="")), CSV)
    assert found.failed == 1
    office.load(found.id)
    with transaction(office.made.system, frozenset()) as conn:
        items = worklist.open_items(conn)
        assert [one.finished_at for one in items] == [None]


def test_another_group_sees_nothing_of_a_file(office: Office) -> None:
    found = office.give(csv_of(line("OLD1"), line("")), CSV)
    with transaction(office.made.app, frozenset({office.world.partner})) as conn:
        assert backloading.listed(conn) == []
        assert backloading.problems(conn, found.id, 9) == []
        assert count(conn, "backloads") == 0


def test_loading_waits_for_the_check(office: Office) -> None:
    found = office.give(csv_of(line("OLD1")), CSV)
    assert office.load(found.id).state == LOADED
    with (
        transaction(office.made.app, frozenset({office.world.owner})) as conn,
        pytest.raises(Exception, match="loaded"),
    ):
        backloading.go_on(conn, found.id, NOW + timedelta(hours=1))
    assert LOADING != LOADED
