"""What stands beside the images: from HL7 to the reader's page, and nothing to anybody else."""

from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import Connection

from confrere.chart import service as chart
from confrere.chart.model import lab_kind, media_type_of
from confrere.database.engine import see_as, transaction
from confrere.delivery import service as delivery
from confrere.delivery.model import DONE
from confrere.files.folder import BlobStore
from confrere.kernel.errors import Invalid
from confrere.kernel.ids import GroupId, PatientId, ReaderId
from confrere.kernel.principal import Role
from confrere.network import service as network
from confrere.orders import service as orders
from confrere.wiring import inbound_hl7
from tests.database import Databases
from tests.integration.reading_room import KEY, Room, reading_room, stranger
from tests.integration.world import NOW

PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
PID = "PID|1||M1^^^LMH-MRN^MR||DOE^JANE||19620412|F"


def lab(
    value: str, at: str = "202611201005-0600", status: str = "F", control: str = "L1",
    code: str = "2160-0^Creatinine^LN", unit: str = "mg/dL",
) -> bytes:  # fmt: skip
    return "\r".join([
        f"MSH|^~\\&|LIS|LMH|||202611201100-0600||ORU^R01|{control}|P|2.5.1", PID,
        "OBR|1||L77|24323-8^Metabolic panel^LN|||||||||||||||||||||CH|F",
        f"OBX|1|NM|{code}||{value}|{unit}|0.5-1.1|H|||{status}|||{at}",
        "OBX|2|NM|2951-2^Sodium^LN||140|mmol/L|||||F|||202611201005-0600", "",
    ]).encode()  # fmt: skip


def document(content: bytes, accession: str = "LM100", control: str = "D1") -> bytes:
    text = b64encode(content).decode()
    return "\r".join([
        f"MSH|^~\\&|SCAN|LMH|||202611240900-0600||MDM^T02|{control}|P|2.5.1", PID,
        f"TXA|1|RQ|AP|202611240855-0600||||||||DOC1||P1|{accession}",
        f"OBX|1|ED|RQ^Requisition^L||^application^pdf^Base64^{text}||||||F", "",
    ]).encode()  # fmt: skip


def order(*more: str, control: str = "MSG9") -> bytes:
    return "\r".join([
        f"MSH|^~\\&|RIS|LMH|CONFRERE|LMH|202611240905-0600||ORM^O01|{control}|P|2.5.1", PID,
        "AL1|1|DA|70618^Penicillin^RXNORM|SV|Hives",
        "ORC|XO|PLM100|FLM100||CM", "OBR|1|PLM100|FLM100|CTHEAD^CT head without contrast^L"
        "||||||||||||||LM100", *more, "",
    ]).encode()  # fmt: skip


@pytest.fixture(scope="module")
def room(
    postgres_socket: str, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Room]:
    from tests.database import clone, drop  # noqa: PLC0415 - of this module's own database

    made: Databases = clone(postgres_socket, template)
    folder = tmp_path_factory.mktemp("context")
    with reading_room(made, folder, Path("build/assets")) as found:
        yield found
    drop(made)


def hear(room: Room, raw: bytes, kind: str = "ORU^R01") -> str:
    """Take a message in; return its state."""
    with transaction(room.made.system, frozenset()) as conn:
        peer = network.peer(conn, room.world.hl7)
        kept = delivery.keep(conn, peer, kind, uuid4().hex[:12], raw, "127.0.0.1", NOW)
        inbound_hl7.process(conn, KEY, kept, NOW, BlobStore(room.site.home() / "blobs"))
        return delivery.received(conn, kept).state


def page(room: Room, who: str = "neuro") -> str:
    answer = room.reader(who).get(room.path)
    assert answer.status_code == 200
    return " ".join(answer.text.split())


def outsider_of(room: Room) -> tuple[GroupId, ReaderId]:
    """The one reader of a third group, made when first asked for."""
    with transaction(room.made.system, frozenset()) as conn:
        known = [one for one in network.groups(conn) if one.code == "OTH"]
        if not known:
            return stranger(conn, room.world)
        return known[0].id, next(
            one.id for one in network.readers(conn, NOW) if one.group == known[0].id
        )


def patient(conn: Connection) -> PatientId:
    return orders.search(conn, 1, accession="LM100")[0].patient


def test_creatinine_stands_there_with_unit_date_and_age(room: Room) -> None:
    assert hear(room, lab("1.4")) == DONE
    assert hear(room, lab("62", code="98979-8^eGFR^LN", unit="mL/min/1.73m2")) == DONE
    text = page(room)
    assert "<b>1.4 mg/dL</b>" in text
    assert "<b>62 mL/min/1.73m2</b>" in text
    assert "3 days old" in text or "4 days old" in text
    assert "Sodium" not in text
    with transaction(room.made.system, frozenset()) as conn:
        kept = chart.beside(conn, [patient(conn)], [])
        assert orders.search(conn, 9, accession="L77") == [], "a lab result is no exam"
    assert [one.value for one in kept.labs] == ["1.4", "62"]


def test_a_corrected_value_replaces_and_a_withdrawn_one_goes(room: Room) -> None:
    hear(room, lab("9.9", at="202611210800-0600", control="L2"))
    hear(room, lab("1.1", at="202611210800-0600", status="C", control="L3"))
    assert "<b>1.1 mg/dL</b>" in page(room)
    hear(room, lab("1.1", at="202611210800-0600", status="D", control="L4"))
    assert "<b>1.4 mg/dL</b>" in page(room)


def test_a_value_without_its_samples_time_is_not_shown_as_one(room: Room) -> None:
    assert hear(room, lab("7.7", at="")) != DONE
    assert "7.7" not in page(room)
    hear(room, order("OBX|1|NM|2160-0^Creatinine^LN||3.3|mg/dL"), "ORM^O01")
    assert "creatinine 3.3 mg/dL; the time of the sample was not sent" in page(room)


def test_allergies_protocol_and_qc_come_with_the_order(room: Room) -> None:
    more = (
        "OBX|1|ST|PROTOCOL^Protocol^L||Head routine, 5 mm||||||F",
        "OBX|2|ST|QC^QC done^L||Y||||||F",
        "OBX|3|TX|TECHNOTE^Technologist note^L||Dentures in place||||||F",
    )
    assert hear(room, order(*more, control="MSG10"), "ORM^O01") == DONE
    hear(room, order(*more, control="MSG11"), "ORM^O01")
    text = page(room)
    for words in ("Penicillin (Hives)", "Head routine, 5 mm", "<dt>QC</dt><dd>done"):
        assert words in text
    assert text.count("Dentures in place") == 1


def test_a_requisition_is_listed_and_opened_as_a_pdf_that_can_do_nothing(room: Room) -> None:
    assert hear(room, document(PDF), "MDM^T02") == DONE
    text = page(room)
    address = text.split(f'href="{room.path}/papers/')[1].split('"')[0]
    answer = room.reader("neuro").get(f"{room.path}/papers/{address}")
    assert answer.content == PDF
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["x-content-type-options"] == "nosniff"
    policy = answer.headers["content-security-policy"]
    assert "script-src 'none'" in policy
    assert "default-src 'none'" in policy
    other, who = outsider_of(room)
    outsider = room.browser(room.person(Role.RADIOLOGIST, other, who))
    assert outsider.get(f"{room.path}/papers/{address}").status_code == 404


@pytest.mark.parametrize(
    "content",
    [b"<html><script>alert(1)</script>", b"<svg xmlns='http://x'/>", b"MZ\x90", b"x%PDF-1.4"],
)
def test_a_document_that_is_no_paper_is_refused_whatever_it_is_called(
    room: Room, content: bytes
) -> None:
    assert hear(room, document(content), "MDM^T02") != DONE
    with pytest.raises(Invalid):
        media_type_of(content)


def test_a_document_of_no_known_exam_waits(room: Room) -> None:
    assert hear(room, document(PDF, "NOWHERE"), "MDM^T02") != DONE


def test_a_group_without_a_share_sees_nothing_of_it(room: Room) -> None:
    other, _ = outsider_of(room)
    with transaction(room.made.system, frozenset()) as conn:
        key = patient(conn)
        exam = orders.search(conn, 1, accession="LM100")[0].id
    with transaction(room.made.app, frozenset()) as conn:
        for group, sees in ((room.world.partner, True), (other, False)):
            see_as(conn, frozenset({group}))
            known = chart.beside(conn, [key], [exam])
            assert bool(known.labs and known.notes and known.allergies) is sees
            assert bool(known.papers) is sees


def test_a_technologist_notes_exams_of_the_own_site_only(room: Room) -> None:
    from confrere.web import technologist_page  # noqa: PLC0415

    assert technologist_page.router.routes
    with transaction(room.made.system, frozenset()) as conn:
        found = orders.search(conn, 1, accession="LM100")[0]
        made = chart.write_note(
            conn,
            found,
            "note",
            "Moved twice",
            (found.id, "Tina Tech"),
            NOW,  # type: ignore[arg-type]
        )
    assert "Moved twice" in page(room)
    with transaction(room.made.system, frozenset()) as conn:
        chart.withdraw_note(conn, made.id, "Tina Tech", NOW)
    assert "Moved twice" not in page(room)


def test_names_of_values_are_taken_only_where_they_are_unmistakable() -> None:
    assert lab_kind("2160-0", "whatever") == "creatinine"
    assert lab_kind("", "Creatinine") == "creatinine"
    assert lab_kind("CREA", "") == "creatinine"
    assert lab_kind("", "Creatinine, urine") == ""
    assert lab_kind("2161-8", "Creatinine [Mass/volume] in Urine") == ""
    assert lab_kind("", "Protein/creatinine ratio") == ""
