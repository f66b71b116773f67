"""Bad input through the doors: a clear error where people look, the input kept, the house up.

Nothing that a sender writes becomes a path, and nothing is written outside the home.
"""

import contextlib
import json
import os
import socket
import struct
from collections.abc import Callable
from dataclasses import replace

import pytest
from pydicom import Dataset
from pydicom.filebase import DicomBytesIO
from pynetdicom import AE
from pynetdicom.dsutils import decode, encode

from confrere.files.folder import BlobStore
from confrere.imaging import asides
from confrere.imaging.model import Aside
from tests.acceptance.house import AET, House
from tests.acceptance.senders import (
    Image,
    listed,
    retrieved,
    slices,
    statuses,
)
from tests.acceptance.unharmed import noted_refusal

SUCCESS, NO_MATCH, CANNOT_UNDERSTAND = 0x0000, 0xA900, 0xC000
UP = "1.2/../../../../../../tmp/escaped"
Change = Callable[[Dataset], None]


pytestmark = pytest.mark.usefixtures("unharmed")


def changed(change: Change) -> Image:
    """A new slice with something wrong in its data set."""
    (image,) = slices(1)
    read = decode(DicomBytesIO(image.content), is_implicit_vr=False, is_little_endian=True)
    change(read)
    content = encode(read, is_implicit_vr=False, is_little_endian=True)
    assert content
    return replace(image, content=content)


def raw_uid(image: Image, old: str, new: str) -> Image:
    """Write another UID of any form over one, in the data set's bytes."""
    was, is_ = (uid.encode() + b"\0" * (len(uid) % 2) for uid in (old, new))
    length = [struct.pack("<H", len(one)) for one in (was, is_)]
    assert image.content.count(length[0] + was) >= 1
    return replace(image, content=image.content.replace(length[0] + was, length[1] + is_))


def kept(house: House, image: Image) -> Aside:
    """What the house keeps aside of an image, its bytes compared; shown to an IT engineer."""
    with house.reading() as conn:
        kept = asides.listed(conn, frozenset({house.groups["lakeshore"]}))
    (aside,) = [one for one in kept if one.digest.hex() == image.digest]
    assert BlobStore(house.home / "blobs").read(aside.digest) == image.content
    assert aside.remedy
    with house.http("lakeshore IT engineer") as web:
        page = web.get("/exceptions/aside").raise_for_status().text
    assert aside.field in page
    assert aside.remedy in page
    return aside


def refused(house: House, image: Image, status: int) -> Aside:
    """Send what must be refused, on an association that works on; return what was kept."""
    (good,) = slices(1)
    assert statuses(house, [image, good]) == [status, SUCCESS]
    aside = kept(house, image)
    with house.http("lakeshore radiologist") as web:
        assert listed(web, image.study) == []
        assert retrieved(web, f"/studies/{good.study}").keys() == {good.uid}
    return aside


def test_a_truncated_data_set_is_refused_and_kept(house: House) -> None:
    (image,) = slices(1)
    aside = refused(
        house,
        replace(image, content=image.content[: len(image.content) // 2]),
        CANNOT_UNDERSTAND,
    )
    assert aside.field == "(7FE0,0010)"
    assert "cut short" in aside.reason


@pytest.mark.parametrize("field", ["StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"])
def test_a_missing_uid_is_named(house: House, field: str) -> None:
    aside = refused(house, changed(lambda read: delattr(read, field)), CANNOT_UNDERSTAND)
    assert aside.field == field
    assert "missing" in aside.reason


@pytest.mark.parametrize("bad", ["1." + "2" * 63, UP])
def test_a_malformed_study_uid_is_named_and_becomes_no_path(house: House, bad: str) -> None:
    (image,) = slices(1)
    aside = refused(house, raw_uid(image, image.study, bad), CANNOT_UNDERSTAND)
    assert aside.field == "StudyInstanceUID"
    assert bad not in aside.reason


@pytest.mark.filterwarnings("ignore:.*value length .65. exceeds:UserWarning")
@pytest.mark.filterwarnings("ignore:Invalid value for VR UI:UserWarning")
@pytest.mark.parametrize("bad", ["1." + "2" * 63, UP])
def test_a_malformed_sop_instance_uid_in_command_and_data_set_is_kept(
    house: House, bad: str
) -> None:
    (image,) = slices(1)
    image = replace(raw_uid(image, image.uid, bad), uid=bad)
    assert refused(house, image, CANNOT_UNDERSTAND).field == "SOPInstanceUID"


def test_a_data_set_that_is_not_what_its_command_announced_is_refused(house: House) -> None:
    (image, another) = slices(2)
    aside = refused(house, replace(image, uid=another.uid), NO_MATCH)
    assert "SOPInstanceUID" in aside.field
    mr = "1.2.840.10008.5.1.4.1.1.4"
    aside = refused(house, replace(slices(1)[0], sop_class=mr), NO_MATCH)
    assert "SOPClassUID" in aside.field


@pytest.mark.filterwarnings("ignore:The value length:UserWarning")
@pytest.mark.filterwarnings("ignore:Invalid value for VR LO:UserWarning")
@pytest.mark.parametrize("odd", ["9" * 300, "A\x01\x1b\x07Z", "M1\nM2\r\nInjected: yes", UP])
def test_an_absurd_patient_id_is_filed_as_it_came_and_shown_harmlessly(
    house: House, odd: str
) -> None:
    image = changed(lambda read: setattr(read, "PatientID", odd))
    assert statuses(house, [image]) == [SUCCESS]
    with house.http("lakeshore radiologist") as web:
        asked = {"StudyInstanceUID": image.study}
        (found,) = json.loads(web.get("/dicom-web/studies", params=asked).text)
        (file,) = retrieved(web, f"/studies/{image.study}").values()
        assert web.get("/worklist").status_code == 200
    assert found["0020000D"]["Value"] == [image.study]
    assert file.endswith(image.content)
    with house.http("lakeshore IT engineer") as web:
        assert web.get("/exceptions/unmatched").status_code == 200


def test_garbage_on_the_dicom_port_ends_that_connection_only(house: House) -> None:
    for garbage in (os.urandom(4096), b"GET / HTTP/1.1\r\n\r\n", b"\x01\x00\xff\xff\xff\xff"):
        with socket.create_connection(("127.0.0.1", house.ports["dicom"]), 10) as line:
            line.settimeout(15)
            line.sendall(garbage)
            with contextlib.suppress(ConnectionResetError):
                while line.recv(4096):
                    pass


def test_an_unknown_ae_title_is_rejected_and_the_audit_trail_says_so(house: House) -> None:
    ae = AE(ae_title="STRANGER")
    ae.add_requested_context("1.2.840.10008.1.1")
    link = ae.associate("127.0.0.1", house.ports["dicom"], ae_title=AET)
    assert link.is_rejected
    said = link.acceptor.primitive
    assert said is not None
    assert (said.result, said.result_source, said.diagnostic) == (1, 1, 3)
    assert noted_refusal(house, "dicom").agent.name == "STRANGER"
