"""DCMTK's storescu sends whole folders to the house and to Orthanc: both count the same."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.acceptance.house import AET, House
from tests.acceptance.orthanc import Orthanc
from tests.peers import needs, needs_shared, require, shared_folder

pytestmark = [needs("storescu", "orthanc"), needs_shared()]

FOLDERS = ("dicom/series", "dicom/priors_adit")
COUNTS = {"patients": 6, "studies": 8, "series": 17, "instances": 85}


def send(called: str, port: int) -> None:
    """Send the folders, everything below them, as the machine COUNTED."""
    folders = [str(shared_folder() / "data" / name) for name in FOLDERS]
    done = subprocess.run(
        [
            require("storescu"), "-aet", "COUNTED", "-aec", called, "-R", "+sd", "+r",
            "--no-halt", "127.0.0.1", str(port), *folders,
        ],
        check=False, capture_output=True, text=True, timeout=100,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def everything(web: httpx.Client, level: str) -> Iterator[dict[str, object]]:
    """All results of a search, page by page."""
    offset = 0
    while True:
        asked = {"limit": "40", "offset": str(offset)}
        page = web.get(f"/dicom-web/{level}", params=asked).raise_for_status()
        found = page.json() if page.status_code == 200 else []
        yield from found
        offset += len(found)
        if len(found) < 40:
            return


def values(found: list[dict[str, object]], *tags: str) -> set[tuple[str, ...]]:
    """The distinct values of these attributes."""
    return {tuple(str(one.get(tag, {}).get("Value")) for tag in tags) for one in found}  # type: ignore[attr-defined]


@pytest.mark.timeout(110)
def test_a_sent_folder_is_counted_as_orthanc_counts_it(house: House, orthanc: Orthanc) -> None:
    send("ORTHANC", orthanc.dicom_port)
    send(AET, house.ports["dicom"])
    theirs = orthanc.get("/statistics")
    with house.http("counting IT engineer") as web:
        assert web.get("/dicom-web/studies").status_code == 403
    with house.http("counting radiologist") as web:
        studies = list(everything(web, "studies"))
        series = list(everything(web, "series"))
        instances = list(everything(web, "instances"))
    ours = {
        "patients": len(values(studies, "00100020", "00100021")),
        "studies": len(values(studies, "0020000D")),
        "series": len(values(series, "0020000D", "0020000E")),
        "instances": len(values(instances, "00080018")),
    }
    assert ours == {name: theirs[f"Count{name.title()}"] for name in COUNTS}
    assert ours == COUNTS
    assert (len(studies), len(series), len(instances)) == (8, 17, 85)


def listing(folder: Path) -> list[Path]:
    """The files below a folder."""
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_the_folders_are_the_ones_whose_counts_are_known() -> None:
    files = [f for name in FOLDERS for f in listing(shared_folder() / "data" / name)]
    assert len([file for file in files if file.name != "DICOMDIR"]) == COUNTS["instances"]
