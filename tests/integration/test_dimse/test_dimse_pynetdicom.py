"""pynetdicom as the sender: what it sends arrives, byte by byte; strangers do not get in."""

import errno
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pydicom
import pytest
from dimse_house import House, OpenDoor
from pydicom import dcmread
from pydicom.uid import UID, generate_uid
from pynetdicom import AE, build_role
from pynetdicom.association import Association
from pynetdicom.dimse_primitives import C_FIND, C_STORE

from confrere.imaging.part10 import split_part10
from tests.associations import hold_off

FILES = Path(pydicom.__file__).parent / "data" / "test_files"
VERIFICATION = "1.2.840.10008.1.1"


def associate(house: House, *contexts: tuple[str, Any], **kept: Any) -> Association:
    ae = AE(ae_title=kept.pop("calling", "CT1"))
    ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = 10
    for abstract, transfers in contexts:
        ae.add_requested_context(abstract, transfers)
    called = kept.pop("called", "CONFRERE")
    return ae.associate("127.0.0.1", house.port, ae_title=called, **kept)


@pytest.fixture
def house(open_door: OpenDoor) -> Iterator[House]:
    return open_door()


def test_echo_answers_success(house: House) -> None:
    link = associate(house, (VERIFICATION, ["1.2.840.10008.1.2"]))
    assert link.is_established
    assert link.send_c_echo().Status == 0
    link.release()
    assert house.ended.wait(5)
    assert house.reasons() == ["released"]


@pytest.mark.parametrize(
    "name",
    [
        "CT_small.dcm",
        "MR_small.dcm",
        "MR_small_bigendian.dcm",
        "JPEG2000.dcm",
        "MR_small_RLE.dcm",
        "rtplan.dcm",
        "SC_rgb_small_odd_jpeg.dcm",
        "MR_small_implicit.dcm",
    ],
)
def test_a_stored_data_set_arrives_byte_by_byte(house: House, name: str) -> None:
    raw = (FILES / name).read_bytes()
    meta, start = split_part10(raw)
    link = associate(house, (meta.sop_class, meta.transfer_syntax))
    assert send_raw(link, meta.sop_class, meta.sop_instance, raw[start:]) == 0
    link.release()
    ((request, data),) = house.shelf.stored
    assert data == raw[start:]
    assert request.sop_class == meta.sop_class
    assert request.sop_instance == meta.sop_instance
    assert request.transfer_syntax == meta.transfer_syntax
    assert request.admission.peer == "ct"
    assert request.calling_aet == "CT1"


def exchange(link: Association, request: Any, context_id: int) -> Any:
    """Send a message and wait for its answer, pynetdicom's own reader held off meanwhile."""
    gate = hold_off(link)
    link.dimse.send_msg(request, context_id)
    _, response = link.dimse.get_msg(block=True)
    gate.set()
    return response


def send_raw(link: Association, sop_class: str, instance: str, data: bytes) -> int:
    """Send these very bytes; pynetdicom's own send_c_store would write the data set anew."""
    request = C_STORE()
    request.MessageID, request.Priority = 1, 2
    request.AffectedSOPClassUID = sop_class
    request._affected_sop_instance_uid = instance
    request.DataSet = BytesIO(data)
    (context,) = link.accepted_contexts
    assert context.context_id is not None
    response = exchange(link, request, context.context_id)
    assert isinstance(response, C_STORE)
    assert response.Status is not None
    return response.Status


def test_pynetdicoms_own_store_succeeds_many_times_on_one_association(house: House) -> None:
    data = dcmread(FILES / "CT_small.dcm")
    link = associate(house, (data.SOPClassUID, data.file_meta.TransferSyntaxUID))
    for _ in range(10):
        data.SOPInstanceUID = data.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        assert link.send_c_store(data).Status == 0
    link.release()
    assert len({request.sop_instance for request, _ in house.shelf.stored}) == 10
    assert house.ended.wait(5)
    (end,) = [e for e in house.events if hasattr(e, "succeeded")]
    assert (end.succeeded, end.failed) == (10, 0)
    assert end.received == sum(len(data) for _, data in house.shelf.stored)


def rejection(link: Association) -> tuple[int, int, int]:
    primitive = link.acceptor.primitive
    assert primitive is not None
    return primitive.result, primitive.result_source, primitive.diagnostic


def test_an_unknown_caller_is_rejected_before_any_echo(house: House) -> None:
    link = associate(house, (VERIFICATION, None), calling="STRANGER")
    assert link.is_rejected
    assert rejection(link) == (1, 1, 3)
    assert house.opened() == 0


def test_a_wrong_called_title_is_rejected(house: House) -> None:
    link = associate(house, (VERIFICATION, None), called="ORTHANC")
    assert link.is_rejected
    assert rejection(link) == (1, 1, 7)


def test_all_128_contexts_a_peer_may_propose_are_answered(house: House) -> None:
    ct = "1.2.840.10008.5.1.4.1.1.2"
    link = associate(house, *((f"{ct}.{n}", ["1.2.840.10008.1.2.1"]) for n in range(1, 129)))
    assert link.is_established
    assert len(link.accepted_contexts) == 128
    link.release()


def test_pynetdicom_takes_our_answer_to_its_roles(house: House) -> None:
    ct = "1.2.840.10008.5.1.4.1.1.2"
    role = build_role(ct, scu_role=True, scp_role=True)
    link = associate(house, (ct, ["1.2.840.10008.1.2.1"]), ext_neg=[role])
    (context,) = link.accepted_contexts
    assert (context.as_scu, context.as_scp) == (True, False)
    link.release()


@pytest.mark.filterwarnings("ignore:The value length .65. exceeds:UserWarning")
def test_a_65_character_uid_is_announced_as_none_and_the_association_goes_on(
    house: House,
) -> None:
    raw = (FILES / "CT_small.dcm").read_bytes()
    meta, start = split_part10(raw)
    link = associate(house, (meta.sop_class, meta.transfer_syntax))
    assert send_raw(link, meta.sop_class, UID("1" * 65), raw[start:]) == 0
    assert send_raw(link, meta.sop_class, UID("1.2"), raw[start:]) == 0
    link.release()
    assert [r.sop_instance for r, _ in house.shelf.stored] == ["", "1.2"]


def test_a_full_disk_is_answered_and_the_association_goes_on(house: House) -> None:
    data = dcmread(FILES / "CT_small.dcm")
    link = associate(house, (data.SOPClassUID, data.file_meta.TransferSyntaxUID))
    house.shelf.error = OSError(errno.ENOSPC, "full")
    answer = link.send_c_store(data)
    assert answer.Status == 0xA700
    assert answer.ErrorComment == "Storage is full"
    assert len(house.shelf.aborted) == 1
    house.shelf.error = None
    assert link.send_c_store(data).Status == 0
    link.release()


def test_a_find_on_a_storage_context_is_an_unrecognised_operation(house: House) -> None:
    ct = "1.2.840.10008.5.1.4.1.1.2"
    link = associate(house, (ct, ["1.2.840.10008.1.2.1"]))
    ask = C_FIND()
    ask.MessageID, ask.Priority, ask.AffectedSOPClassUID = 1, 2, ct
    ask.Identifier = BytesIO(b"\x10\0\x20\0LO\x02\0* ")
    response = exchange(link, ask, 1)
    assert isinstance(response, C_FIND)
    assert response.Status == 0x0211
    assert link.is_established
    link.send_c_cancel(1, 1)
    link.release()
    assert house.ended.wait(5)
    assert house.reasons() == ["released"]
