"""What machines send to the house: instances by a foreign toolkit, and HL7 messages."""

import email
import email.policy
import hashlib
import itertools
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import httpx
import pydicom
from pydicom import dcmread
from pydicom.uid import UID, ExplicitVRLittleEndian, generate_uid
from pynetdicom import AE
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.dsutils import encode

from confrere.hl7.acknowledge import Acknowledgement
from confrere.hl7.sender import Sender
from confrere.kernel.errors import Unavailable
from tests.acceptance.house import AET, House
from tests.associations import hold_off

FILES = Path(pydicom.__file__).parent / "data" / "test_files"
CT = "1.2.840.10008.5.1.4.1.1.2"
SECOND = timedelta(seconds=1)
controls = itertools.count(1)
RUN = os.urandom(3).hex()


def control_id() -> str:
    """A message control id that nothing else of this run has."""
    return f"{RUN}{next(controls)}"


def patient_update(control: str = "", mrn: str = "M77", sender: str = "RIS|LMH") -> bytes:
    """A patient update of the sender."""
    return "\r".join(
        [
            f"MSH|^~\\&|{sender}|CONFRERE|LMH|20261124||ADT^A08|{control or control_id()}|P|2.5.1",
            "EVN|A08|20261124",
            f"PID|1||{mrn}^^^LMH-MRN^MR||DOE^JANE||19620412|F",
            "PV1|1|O",
            "",
        ]
    ).encode()


def send_hl7(house: House, raw: bytes) -> Acknowledgement:
    """Send one message to the house and return its answer."""
    return Sender().send("127.0.0.1", house.ports["mllp"], raw, 10 * SECOND)


def acknowledged(house: House) -> str:
    """The code that an ordinary message gets; empty when nobody answers."""
    try:
        return str(send_hl7(house, patient_update()).code)
    except Unavailable:
        return ""


@dataclass(frozen=True)
class Image:
    """One instance to send: its UIDs, its transfer syntax and its data set's very bytes."""

    study: str
    series: str
    uid: str
    syntax: str
    content: bytes
    sop_class: str = CT

    @property
    def digest(self) -> str:
        """What its bytes are known by."""
        return hashlib.sha256(self.content).hexdigest()


Heard = Callable[[Image, int], None]


def content_of(file: bytes) -> bytes:
    """The bytes of a Part 10 file's data set: what follows the group of file meta (PS3.10 7.1)."""
    assert file[128:132] == b"DICM"
    group_length = int.from_bytes(file[140:144], "little")
    return file[144 + group_length :]


def image_of(file: bytes) -> Image:
    """Read by pydicom what a file announces."""
    read = dcmread(BytesIO(file), stop_before_pixels=True)
    return Image(
        read.StudyInstanceUID, read.SeriesInstanceUID, read.SOPInstanceUID,
        read.file_meta.TransferSyntaxUID, content_of(file), read.SOPClassUID,
    )  # fmt: skip


def slices(
    count: int, series: int = 1, *, accession: str = "", patient: str = ""
) -> list[Image]:
    """A new CT study: a bundled slice under new UIDs, evenly spread over its series."""
    base = dcmread(FILES / "CT_small.dcm")
    base.remove_private_tags()
    base.StudyInstanceUID = generate_uid()
    base.PatientID = patient or f"K{RUN}{next(controls)}"
    base.AccessionNumber = accession or base.AccessionNumber
    uids = [generate_uid() for _ in range(series)]
    made = []
    for number in range(count):
        base.SeriesInstanceUID = uids[number % series]
        base.SOPInstanceUID = generate_uid()
        base.InstanceNumber = number
        content = encode(base, is_implicit_vr=False, is_little_endian=True)
        assert content
        made.append(
            Image(
                base.StudyInstanceUID, base.SeriesInstanceUID, base.SOPInstanceUID,
                ExplicitVRLittleEndian, content,
            )
        )  # fmt: skip
    return made


def listed(web: httpx.Client, study: str) -> list[str]:
    """The SOP Instance UIDs that QIDO-RS lists in a study; none when it knows no such study."""
    found = web.get("/dicom-web/instances", params={"StudyInstanceUID": study, "limit": "1000"})
    if found.raise_for_status().status_code == 204:
        return []
    return [one["00080018"]["Value"][0] for one in found.json()]


def retrieved(web: httpx.Client, path: str) -> dict[str, bytes]:
    """Fetch a study, series or instance by WADO-RS; file by SOP Instance UID.

    The multipart body is cut by the library's mail parser, not by code of ours.
    """
    accept = 'multipart/related; type="application/dicom"; transfer-syntax=*'
    answer = web.get(f"/dicom-web{path}", headers={"accept": accept}).raise_for_status()
    head = f"Content-Type: {answer.headers['content-type']}\r\n\r\n".encode()
    whole = email.message_from_bytes(head + answer.content, policy=email.policy.HTTP)
    files = [part.get_payload(decode=True) for part in whole.iter_parts()]
    return {str(dcmread(BytesIO(f), stop_before_pixels=True).SOPInstanceUID): f for f in files}


def send(house: House, images: Sequence[Image], heard: Heard, calling: str = "LAKE_CT") -> None:
    """Send these very bytes on one association of pynetdicom, until done or cut off.

    `heard` gets each answer's status. pynetdicom's own send_c_store would write the data
    sets anew, and check what shall arrive unchecked.
    """
    ae = AE(ae_title=calling)
    ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = 20
    for abstract, syntax in dict.fromkeys((one.sop_class, one.syntax) for one in images):
        ae.add_requested_context(abstract, syntax)
    link = ae.associate("127.0.0.1", house.ports["dicom"], ae_title=AET)
    assert link.is_established
    contexts = {
        (str(one.abstract_syntax), str(one.transfer_syntax[0])): one.context_id
        for one in link.accepted_contexts
    }
    # pynetdicom does not always close its socket when the peer was killed
    line = link.dul.socket.socket if link.dul.socket else None
    gate = hold_off(link)
    for number, image in enumerate(images):
        request = C_STORE()
        request.MessageID, request.Priority = number + 1, 2
        request.AffectedSOPClassUID = image.sop_class
        request._affected_sop_instance_uid = UID(image.uid)
        request.DataSet = BytesIO(image.content)
        link.dimse.send_msg(request, contexts[image.sop_class, image.syntax] or 1)
        _, answer = link.dimse.get_msg(block=True)
        if not isinstance(answer, C_STORE) or answer.Status is None:
            break
        heard(image, answer.Status)
    gate.set()
    if link.is_established:
        link.release()
    if line is not None:
        line.close()


def statuses(house: House, images: Sequence[Image], calling: str = "LAKE_CT") -> list[int]:
    """Send them one after the other; return each one's status."""
    found: list[int] = []
    send(house, images, lambda _image, status: found.append(status), calling)
    return found
