"""DCMTK's storescu and echoscu as senders, where installed."""

import subprocess
from pathlib import Path

import pydicom
import pytest
from dimse_house import OpenDoor

from confrere.imaging.part10 import split_part10
from tests.peers import needs

FILES = Path(pydicom.__file__).parent / "data" / "test_files"
pytestmark = needs("storescu", "echoscu")


def run(program: str, port: int, *arguments: str) -> subprocess.CompletedProcess[str]:
    titles = ["-aet", "CT1", "-aec", "CONFRERE"]
    if "-aet" in arguments:
        titles = []
    return subprocess.run(
        [
            program,
            *titles,
            *arguments[: arguments.index("--")],
            "127.0.0.1",
            str(port),
            *arguments[arguments.index("--") + 1 :],
        ],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )


def test_echoscu_is_answered(open_door: OpenDoor) -> None:
    assert run("echoscu", open_door().port, "--").returncode == 0


def test_a_stranger_using_echoscu_is_rejected(open_door: OpenDoor) -> None:
    done = run("echoscu", open_door().port, "-aet", "WHO", "-aec", "CONFRERE", "-v", "--")
    assert done.returncode != 0
    assert "Calling AE Title Not Recognized" in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("name", "option"),
    [
        ("CT_small.dcm", "-xe"),
        ("MR_small_implicit.dcm", "-xi"),
        ("JPEG2000.dcm", "-xw"),
        ("MR_small_RLE.dcm", "-xr"),
        ("SC_rgb_jpeg_dcmtk.dcm", "-xy"),
    ],
)
def test_storescu_sends_whole_pixels(open_door: OpenDoor, name: str, option: str) -> None:
    house = open_door()
    done = run("storescu", house.port, option, "-pdu", "131072", "--", str(FILES / name))
    assert done.returncode == 0, done.stderr
    raw = (FILES / name).read_bytes()
    meta, start = split_part10(raw)
    ((request, data),) = house.shelf.stored
    assert request.sop_instance == meta.sop_instance
    assert request.transfer_syntax == meta.transfer_syntax
    # DCMTK may write group lengths anew; the pixels it leaves alone.
    pixels = pydicom.dcmread(FILES / name).PixelData
    assert data.endswith(pixels) or pixels in data
    assert abs(len(data) - (len(raw) - start)) < 2000
