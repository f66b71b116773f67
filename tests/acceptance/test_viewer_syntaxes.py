"""The viewer draws a picture from each transfer syntax that scanners send."""

import zlib
from io import BytesIO
from pathlib import Path

import pydicom
import pytest
from playwright.sync_api import Frame, Page, expect
from pydicom import Dataset

from confrere.assets import default_folder
from confrere.database.engine import transaction
from confrere.imaging import service as imaging
from confrere.imaging.examining import examine
from confrere.imaging.model import Arrival
from confrere.imaging.syntaxes import BIG, DEFLATED
from tests.acceptance.chromium import browser
from tests.acceptance.test_reading_page import sign_in
from tests.database import Databases
from tests.integration.reading_room import CURRENT, Room, reading_room
from tests.integration.world import NOW
from tests.peers import needs_shared, shared_folder

OTHERS = ("pydicom/MR_small_bigendian.dcm", "pydicom/image_dfl.dcm")
WAIT_SECONDS = 20
LARGEST_ROWS = 2000
# the series on the viewport, and how far its grey levels are apart in the middle
SEEN = """() => {
  const [view] = window.cornerstone.getRenderingEngines()[0]?.getViewports() ?? [];
  if (!view) return { series: null, spread: 0 };
  const id = view.getCurrentImageId?.() || "";
  const canvas = view.getCanvas();
  const { data } = canvas.getContext("2d").getImageData(
    canvas.width / 4, canvas.height / 4, canvas.width / 2, canvas.height / 2);
  const [low, high] = data.reduce(([low, high], one, at) => at % 4 === 3 ? [low, high]
    : [Math.min(low, one), Math.max(high, one)], [255, 0]);
  return { series: id.match(/series\\/([0-9.]+)/)?.[1], spread: high - low };
}"""


def files() -> dict[Path, str]:
    """The files to show, with their transfer syntax: one of each, for grey and for colour."""
    folder = shared_folder() / "data" / "dicom"
    found, seen = {}, set()
    for path in [*sorted((folder / "wg04").glob("*.dcm")), *(folder / one for one in OTHERS)]:
        head = pydicom.dcmread(path, stop_before_pixels=True)
        kind = head.file_meta.TransferSyntaxUID, head.SamplesPerPixel, head.BitsStored > 8
        if kind not in seen and head.Rows <= LARGEST_ROWS:
            found[path] = str(head.file_meta.TransferSyntaxUID)
            seen.add(kind)
    return found


def body(data: Dataset, syntax: str) -> bytes:
    """Write a data set alone in a transfer syntax."""
    out = BytesIO()
    big = syntax == BIG
    pydicom.dcmwrite(out, data, implicit_vr=False, little_endian=not big)
    if syntax != DEFLATED:
        return out.getvalue()
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(out.getvalue()) + packer.flush()


def put(room: Room) -> dict[str, str]:
    """Store each file as a series of the exam; give the names by series UID."""
    names, arrivals = {}, []
    for number, (path, syntax) in enumerate(files().items(), 100):
        data = pydicom.dcmread(path)
        data.StudyInstanceUID, data.SeriesInstanceUID = CURRENT, f"{CURRENT}.{number}"
        data.SOPInstanceUID = f"{CURRENT}.{number}.1"
        data.PatientID, data.PatientName = "M1", "DOE^JANE"
        data.AccessionNumber, data.StudyDate = "LM100", "20261124"
        data.SeriesNumber, data.SeriesDescription = number, path.stem
        plain = Dataset()
        plain.update({one.tag: one for one in data if one.tag.group > 2})
        content = body(plain, syntax)
        digest = room.blobs.put(content)
        head = examine(room.blobs, digest, syntax)
        world = room.world
        arrivals.append(
            Arrival(world.owner, world.site, head, head.sop_class, syntax, digest,
                    len(content), "CT1", NOW, issuer="LMH-MRN")
        )  # fmt: skip
        names[data.SeriesInstanceUID] = path.stem
    with transaction(room.made.system, frozenset()) as conn:
        imaging.file_instances(conn, arrivals)
    return names


def shown(page: Page, frame: Frame, series: str) -> str:
    """Wait for a picture of the series; say what is wrong, or nothing."""
    for _ in range(WAIT_SECONDS * 5):
        seen = frame.evaluate(SEEN)
        if seen["series"] == series and seen["spread"] > 40:
            return ""
        page.wait_for_timeout(200)
    return f"not drawn: {seen}"


@needs_shared()
@pytest.mark.parametrize("line", ["fast", "slow"])
def test_the_viewer_draws_each_transfer_syntax_as_stored_and_over_a_line(
    fresh: Databases, tmp_path: Path, line: str
) -> None:
    with reading_room(fresh, tmp_path, default_folder()) as room, browser() as chromium:
        names = put(room)
        assert len(names) > 2 * len(OTHERS)
        base = f"http://127.0.0.1:{room.site.port}"
        context = chromium.new_context(viewport={"width": 1500, "height": 900})
        sign_in(context, room.account("neuro"), f"{base}/login")
        context.add_init_script(f'localStorage.setItem("confrere-line", "{line}")')
        page = context.new_page()
        page.goto(f"{base}/ohif/viewer?StudyInstanceUIDs={CURRENT}"
                  "&hangingProtocolId=@confrere/alone")  # fmt: skip
        page.get_by_role("button", name="Confirm and hide").click(timeout=60_000)
        frame = page.main_frame
        thumbnails = page.locator("[data-cy^=study-browser-thumbnail]")
        expect(thumbnails).to_have_count(len(names) + 1)
        wrong = {}
        for series, name in names.items():
            thumbnails.filter(has_text=name).first.dblclick()
            if why := shown(page, frame, series):
                page.screenshot(path=tmp_path / f"{name}.png")
                wrong[name] = why
        assert not wrong, wrong
