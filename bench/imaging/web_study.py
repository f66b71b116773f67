"""A CT of 300 slices for the benches of retrieving: one real slice, rolled from slice to slice.

The noise of a real slice is what a lossless codec has to carry; a phantom would flatter it.
"""

from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pydicom
from sender import EXPLICIT

from confrere.imaging.part10 import part10_prefix

CT = "1.2.840.10008.5.1.4.1.1.2"
STUDY = "1.2.826.0.1.3680043.8.498.300"
SLICES = 300


def slices(source: Path) -> Iterator[bytes]:
    """Files (PS3.10) of the study, made of the slice in `source`."""
    real = pydicom.dcmread(source)
    picture = real.pixel_array
    for number in range(1, SLICES + 1):
        made = pydicom.Dataset()
        for element in real:
            if element.tag < 0x7FE00000 and element.VR != "SQ":
                made.add(element)
        made.StudyInstanceUID, made.SeriesInstanceUID = STUDY, f"{STUDY}.1"
        made.SOPClassUID, made.SOPInstanceUID = CT, f"{STUDY}.1.{number}"
        made.InstanceNumber, made.PatientID, made.PatientName = number, "BENCH", "Bench^CT"
        made.ImagePositionPatient = [0, 0, -1.25 * number]
        made.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        made.SliceLocation = -1.25 * number
        rolled = np.roll(picture, (number % 40, number % 17), (0, 1))
        made.add_new(0x7FE00010, "OW", rolled.astype("<u2", copy=False).tobytes())
        out = pydicom.filebase.DicomBytesIO()
        out.is_little_endian, out.is_implicit_VR = True, False
        pydicom.filewriter.write_dataset(out, made)
        prefix = part10_prefix(CT, made.SOPInstanceUID, EXPLICIT, "")
        yield prefix + out.parent.getvalue()


def store(url: str, token: str, files: list[bytes]) -> None:
    """Store by STOW-RS, fifty a request."""
    head = b"--BB\r\nContent-Type: application/dicom\r\n\r\n"
    for start in range(0, len(files), 50):
        body = b"".join(head + one + b"\r\n" for one in files[start : start + 50])
        answer = httpx.post(
            f"{url}/dicom-web/studies", content=body + b"--BB--\r\n", timeout=120,
            headers={
                "authorization": f"Bearer {token}",
                "content-type": 'multipart/related; type="application/dicom"; boundary=BB',
            },
        )  # fmt: skip
        answer.raise_for_status()


def urls() -> list[str]:
    """The path of the first frame of each slice."""
    series = f"/studies/{STUDY}/series/{STUDY}.1"
    return [f"{series}/instances/{STUDY}.1.{n}/frames/1" for n in range(1, SLICES + 1)]
