"""The main job: a CT from group A's hospital is read by group B's neuroradiologist.

Foreign clients send (DCMTK, python-hl7), a foreign listener receives the result, a person's
browser does the reading.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import hl7
import httpx
import pydicom
import pytest
from fhir.resources.R4B.diagnosticreport import DiagnosticReport
from playwright.sync_api import Browser, Frame, Page, expect
from pydicom.data import get_testdata_file
from pydicom.uid import generate_uid

from confrere.audit import service as audit
from confrere.audit.service import EventQuery
from confrere.database.engine import transaction
from confrere.kernel.ids import ItemId, PeerId, SiteId
from confrere.network import service as network
from confrere.network.systems import Peer
from confrere.worklist import service as worklist
from confrere.worklist.model import Item, State
from tests.acceptance.browser import signed_in
from tests.acceptance.demonstration import Demonstration, wait_for
from tests.acceptance.foreign import ForeignInbox, foreign_listener, mllp_send, storescu
from tests.peers import needs, shared_folder

pytestmark = [needs("chromium", "storescu"), pytest.mark.timeout(300)]

READER, UNLICENSED, MANAGER = "raman", "whitfield", "manager.foxhollow"
COMPLETE = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=4)
REPORT = {
    "technique": "Noncontrast head CT.",
    "findings": "Phantom. No hemorrhage, no mass effect.",
    "impression": "1. No acute intracranial abnormality.",
}


@dataclass(frozen=True)
class Images:
    """The files that are sent, and one slice whose pixels we know."""

    files: tuple[Path, ...]
    patient_id: str
    study_uid: str
    count: int
    known: pydicom.Dataset


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Images:
    """The head phantom's CT where the shared folder is, else a series made of a bundled CT."""
    folder = shared_folder() / "dicom" / "series" / "ct_head_phantom_philips" / "S21570"
    folder = (
        folder
        if folder.is_dir()
        else shared_folder()
        / "data"
        / "dicom"
        / "series"
        / ("ct_head_phantom_philips")
        / "S21570"
    )
    if folder.is_dir():
        files = tuple(sorted(p for p in folder.rglob("*") if p.is_file()))
    else:
        files = bundled(tmp_path_factory.mktemp("ct"))
    read = [pydicom.dcmread(one) for one in files]
    stacks = Counter(str(one.SeriesInstanceUID) for one in read)
    longest = [one for one in read if one.SeriesInstanceUID == stacks.most_common(1)[0][0]]
    known = longest[len(longest) // 3]
    return Images(files, str(known.PatientID), str(known.StudyInstanceUID), len(files), known)


def bundled(folder: Path) -> tuple[Path, ...]:
    """Ten slices under one study, from pydicom's bundled CT."""
    study, series, frame = generate_uid(), generate_uid(), generate_uid()
    made = []
    for number in range(1, 11):
        one = pydicom.dcmread(str(get_testdata_file("CT_small.dcm")))
        one.StudyInstanceUID, one.SeriesInstanceUID = study, series
        one.FrameOfReferenceUID, one.AccessionNumber = frame, ""
        one.SOPInstanceUID = one.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        one.InstanceNumber, one.PatientID = number, "PLASTIC"
        one.ImagePositionPatient = [0, 0, 5 * number]
        made.append(folder / f"{number}.dcm")
        one.save_as(made[-1])
    return tuple(made)


def order(demonstration: Demonstration, images: Images, accession: str, site: str) -> str:
    """An ORM^O01 of a site's system, for the study's own UID."""
    sender = next(s for s in demonstration.told["mllp"]["senders"] if s["site"] == site)
    done = f"{COMPLETE:%Y%m%d%H%M%S}+0000"
    return "\n".join(
        [
            f"MSH|^~\\&|{sender['application']}|{sender['facility']}|CONFRERE|X|{done}||ORM^O01|"
            f"M{accession}|P|2.5.1",
            f"PID|1||{images.patient_id}||PHANTOM^HEAD||19500101|F",
            "PV1|1|E|ED^1^1",
            f"ORC|NW|P{accession}|F{accession}||CM||^^^^^S||{done}|||1234^GOLDSTEIN^LEAH",
            f"OBR|1|P{accession}|F{accession}|CTHEAD^CT head without contrast^L||{done}|{done}|"
            f"{done}||||||||||{accession}|||||||||||||Fall, on apixaban. Bleed?",
            f"ZDS|{images.study_uid}^Application^DICOM",
            "",
        ]
    )


@pytest.fixture(scope="module")
def inbox(demonstration: Demonstration) -> Iterator[ForeignInbox]:
    """A foreign listener that is Hollow Creek's destination for results."""
    with foreign_listener() as listening:
        with transaction(demonstration.system, frozenset()) as conn:
            site = next(s for s in network.sites(conn) if s.code == "HCM")
            peer = network.register_peer(
                conn,
                Peer(
                    PeerId(UUID(int=0)), site.owner_group, "results", "foreign RIS",
                    application="HCMRIS", facility="HOLLOWCREEK", port=listening.port,
                ),
            )  # fmt: skip
            network.send_results_to(conn, site.id, peer)
        yield listening


@pytest.fixture(scope="module")
def item(
    demonstration: Demonstration, images: Images, tmp_path_factory: pytest.TempPathFactory
) -> Item:
    """The exam, sent by foreign programs and offered."""
    acknowledged = mllp_send(
        demonstration,
        order(demonstration, images, "HC900001", "HCM"),
        tmp_path_factory.mktemp("o"),
    )
    assert "MSA|AA|MHC900001" in acknowledged
    storescu(demonstration, "HCM_PACS", *images.files)
    return wait_for(
        lambda: offered(demonstration, "HC900001", images.count), "the exam is offered", 40
    )


def item_of(demonstration: Demonstration, accession: str) -> Item | None:
    with transaction(demonstration.system, frozenset()) as conn:
        everything = [*worklist.open_items(conn), *worklist.finished(conn)]
    return next((one for one in everything if accession in one.accessions), None)


def offered(demonstration: Demonstration, accession: str, images: int) -> Item | None:
    found = item_of(demonstration, accession)
    ready = found and found.offered_to and found.image_count == images
    return found if ready else None


def test_a_ct_is_read_across_groups_from_order_to_result(
    browser: Browser, demonstration: Demonstration, images: Images, item: Item,
    inbox: ForeignInbox,
) -> None:  # fmt: skip
    with signed_in(browser, demonstration, UNLICENSED) as page:
        the_unlicensed_colleague_sees_why_not_and_no_patient(page, demonstration, item)
    with signed_in(browser, demonstration, READER) as page:
        page.goto("/worklist")
        row = page.locator(f"#i-{item.id}")
        expect(row).to_contain_text("PHANTOM")
        expect(row).to_contain_text("neuro · Meridian Oak")
        row.click()
        page.keyboard.press("c")
        page.wait_for_url(f"**/items/{item.id}")
        expect(page.locator("#panel")).to_contain_text("Fall, on apixaban")
        page.locator("#why-me summary").click()
        expect(page.locator("#why-me")).to_contain_text("Licence says no")
        the_viewer_shows_known_pixels(page, images)
        write_and_sign(page, item)
    signed = wait_for(lambda: finished(demonstration, "HC900001"), "the exam is signed")
    assert signed.state is State.FINAL
    the_result_arrived(demonstration, inbox, images)
    the_report_is_readable_by_fhir(demonstration)
    the_dashboard_agrees(demonstration, signed)
    each_access_is_audited(browser, demonstration, signed)


def finished(demonstration: Demonstration, accession: str) -> Item | None:
    found = item_of(demonstration, accession)
    return found if found and found.finished_at else None


def the_unlicensed_colleague_sees_why_not_and_no_patient(
    page: Page, demonstration: Demonstration, item: Item
) -> None:
    page.goto("/worklist")
    row = page.locator(f"#i-{item.id}")
    expect(row).to_contain_text("Not shown")
    expect(row).not_to_contain_text("PHANTOM")
    row.click()
    expect(page.locator("#preview")).to_contain_text("LIC_PATIENT")
    with demonstration.client(UNLICENSED) as client:
        answer = client.post(f"/api/items/{item.id}/claim")
    assert answer.status_code == 403
    assert "LIC_PATIENT" in answer.text


def the_viewer_shows_known_pixels(page: Page, images: Images) -> None:
    """Ask the viewer for stored values of one slice and compare them with the file's."""
    frame = viewer_of(page)
    frame.wait_for_selector("canvas.cornerstone-canvas", timeout=60_000)
    sop = str(images.known.SOPInstanceUID)
    shown = wait_for(lambda: pixels_of(frame, sop), "the viewer has the slice's pixels", 60, 1)
    slope = float(images.known.get("RescaleSlope", 1))
    intercept = float(images.known.get("RescaleIntercept", 0))
    stored = images.known.pixel_array
    rows, columns = stored.shape
    assert (shown["rows"], shown["columns"]) == (rows, columns)
    for (row, column), value in zip(places(rows, columns), shown["values"], strict=True):
        truth = float(stored[row, column])
        assert value in (truth, truth * slope + intercept)
    assert len({float(stored[place]) for place in places(rows, columns)}) > 3


def viewer_of(page: Page) -> Frame:
    frame = page.wait_for_selector("iframe[src*='/ohif/']").content_frame()
    assert frame
    return frame


def places(rows: int, columns: int) -> list[tuple[int, int]]:
    return [(rows * r // 8, columns * c // 8) for r in range(2, 7) for c in range(2, 7)]


def pixels_of(frame: Frame, sop: str) -> dict[str, Any] | None:
    """Jump to a slice in the viewer and read its pixels from what is displayed."""
    return frame.evaluate(
        """async ({sop}) => {
          const cs = window.cornerstone;
          const engine = cs && cs.getRenderingEngines()[0];
          if (!engine) return null;
          for (const viewport of engine.getViewports()) {
            const ids = viewport.getImageIds ? viewport.getImageIds() : [];
            const index = ids.findIndex(id => id.includes(sop));
            if (index < 0) continue;
            await viewport.setImageIdIndex(index);
            const image = viewport.csImage || cs.cache.getImage(ids[index]);
            if (!image || !ids[index].includes(sop)) return null;
            const data = image.getPixelData();
            const values = [];
            for (let r = 2; r < 7; r++) for (let c = 2; c < 7; c++)
              values.push(data[Math.floor(image.rows * r / 8) * image.columns
                               + Math.floor(image.columns * c / 8)]);
            return {rows: image.rows, columns: image.columns, values};
          }
          return null;
        }""",
        {"sop": sop},
    )


def write_and_sign(page: Page, item: Item) -> None:
    for name, text in REPORT.items():
        page.fill(f"#s-{name}", text)
    expect(page.locator("#status")).to_contain_text("Draft saved", timeout=10_000)
    page.locator("#s-impression").press("Control+Enter")
    page.wait_for_url(lambda url: str(item.id) not in url)


def the_result_arrived(
    demonstration: Demonstration, inbox: ForeignInbox, images: Images
) -> None:
    message: hl7.Message = wait_for(
        lambda: next((m for m in inbox.messages if "HC900001" in str(m)), None),
        "the foreign listener gets the result",
    )
    assert str(message.segment("MSH")[9]) == "ORU^R01^ORU_R01"
    assert str(message.segment("PID")[3][0][0]) == images.patient_id
    assert str(message.segment("OBR")[25]) == "F"
    text = "\n".join(str(one[5]) for one in message.segments("OBX"))
    assert REPORT["findings"] in text
    assert REPORT["impression"] in text

    def acknowledged() -> bool:
        from confrere.delivery import service as delivery  # noqa: PLC0415

        with transaction(demonstration.system, frozenset()) as conn:
            sent = [m for m in delivery.outbox(conn, []) if m.accession == "HC900001"]
        return bool(sent) and all((m.state, m.answer_code) == ("sent", "AA") for m in sent)

    wait_for(acknowledged, "the delivery page knows the acknowledgement")


def the_report_is_readable_by_fhir(demonstration: Demonstration) -> None:
    with demonstration.client("client.hollowcreek") as client:
        found = searched(client, "/fhir/ServiceRequest", identifier="HC900001")
        order_id = found["entry"][0]["resource"]["id"]
        bundle = searched(
            client, "/fhir/DiagnosticReport", **{"based-on": f"ServiceRequest/{order_id}"}
        )
        resource = bundle["entry"][0]["resource"]
        again = client.get(f"/fhir/DiagnosticReport/{resource['id']}").raise_for_status().json()
    report = DiagnosticReport.model_validate(again)
    assert report.status == "final"
    assert REPORT["impression"] in (report.conclusion or "")
    with demonstration.client("coleman") as stranger:
        assert stranger.get(f"/fhir/DiagnosticReport/{resource['id']}").status_code == 404


def searched(client: httpx.Client, path: str, **asked: str) -> dict[str, Any]:
    found: dict[str, Any] = client.get(path, params=asked).raise_for_status().json()
    assert found["entry"], f"{path} {asked} finds nothing"
    return found


def the_dashboard_agrees(demonstration: Demonstration, signed: Item) -> None:
    """The turnaround of today's STAT exams at the site is the recorded instants' difference."""
    assert signed.finished_at
    assert signed.clock_at == COMPLETE
    minutes = (signed.finished_at - COMPLETE).total_seconds() / 60
    asked = {
        "from": COMPLETE.isoformat(), "to": (signed.finished_at + timedelta(minutes=1)).isoformat(),
        "site": str(signed.site), "priority": "stat",
    }  # fmt: skip

    def measured() -> dict[str, Any] | None:
        with demonstration.client(MANAGER) as client:
            told = (
                client.get("/api/measures/turnaround", params=asked).raise_for_status().json()
            )
        return told if told["count"] else None

    told = wait_for(measured, "the dashboard has the exam")
    assert told["count"] == 1
    assert told["median_minutes"] == pytest.approx(minutes, abs=0.01)


def each_access_is_audited(
    browser: Browser, demonstration: Demonstration, signed: Item
) -> None:
    """Every door left its event with the patient; opening a study left one a door and session."""
    with transaction(demonstration.system, frozenset()) as conn:
        links = audit.events(
            conn, EventQuery(owner_group=signed.owner_group, patient=signed.patient), 500
        )
    about = [one.event for one in links if one.event.patient_id == signed.patient]
    doors = {(one.door, one.kind, one.action, one.agent.name) for one in about}
    for wanted in (
        ("dicom", "study", "C", "Hollow Creek PACS"),
        ("hl7", "order", "C", "Hollow Creek interface engine"),
        ("web", "study", "R", "Priya Raman, MD"),
        ("dicomweb", "study", "R", "Priya Raman, MD"),
        ("results", "report", "R", "foreign RIS"),
        ("fhir", "report", "R", "Janet Briggs"),
    ):
        assert wanted in doors, f"no event {wanted}"
    for door in ("dicom", "web", "dicomweb"):
        opened = [
            (one.agent.session, one.action)
            for one in about
            if (one.door, one.kind) == (door, "study") and one.action in "CR"
        ]
        assert len(opened) == len(set(opened)), f"{door}: more than one event a session"
    with signed_in(browser, demonstration, MANAGER) as page:
        page.goto("/audit")
        text = page.locator("#events").inner_text()
    for name in ("Hollow Creek PACS", "Priya Raman", "foreign RIS", "Janet Briggs"):
        assert name in text


def test_an_exam_of_a_site_with_external_dictation_is_closed_by_its_report(
    browser: Browser, demonstration: Demonstration, images: Images, tmp_path: Path
) -> None:
    """The site signs elsewhere: our Sign is hidden, and its ORU closes the item."""
    raw = order(demonstration, images, "EK900001", "EKH")
    assert "MSA|AA|" in mllp_send(
        demonstration, raw.replace(images.study_uid, "1.2.3"), tmp_path
    )
    made = wait_for(lambda: item_of(demonstration, "EK900001"), "the exam is listed")
    with signed_in(browser, demonstration, "coleman") as page:
        page.goto(f"/items/{made.id}")
        expect(page.locator("#standing")).to_contain_text("dictation system")
        expect(page.locator("#sign")).to_have_count(0)
    report = "\n".join(
        [
            "MSH|^~\\&|DICTATION|ELKSTONE|CONFRERE|X|20261124120000+0000||ORU^R01|D1|P|2.5.1",
            f"PID|1||{images.patient_id}||PHANTOM^HEAD||19500101|F",
            f"OBR|1|PEK900001|FEK900001|CTHEAD^CT head^L|||{COMPLETE:%Y%m%d%H%M%S}+0000||||||||||"
            f"|EK900001||||{datetime.now(UTC):%Y%m%d%H%M%S}+0000|||F|||||||99^COLEMAN&AISHA",
            "OBX|1|TX|18748-4^Report^LN||Dictated elsewhere. No hemorrhage.||||||F",
            "",
        ]
    )
    assert "MSA|AA|D1" in mllp_send(demonstration, report, tmp_path)
    done = wait_for(lambda: finished(demonstration, "EK900001"), "the report closes the exam")
    assert done.state is State.EXTERNAL
    with transaction(demonstration.system, frozenset()) as conn:
        assert worklist.get(conn, ItemId(done.id)).held_by is None
        assert network.site(conn, SiteId(done.site)).reporting == "external"
