"""Every holder of copies hears of corrections and rejections: real machines, real associations."""

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from pydicom import Dataset
from pynetdicom import AE, evt

from confrere.database.engine import transaction
from confrere.delivery import sendings
from confrere.delivery.model import BY_HAND, DEAD, HELD_BACK, SENT, WAITING, Sending
from confrere.imaging import correcting, finding, holders, rejecting, undoing
from confrere.imaging.corrections import QUALITY, SAFETY, By
from confrere.imaging.editions import GOT, MOVED, SOURCE
from confrere.imaging.head import read_head
from confrere.imaging.model import Arrival, Instance
from confrere.imaging.rejection_notes import (
    KEY_OBJECTS,
    head_of,
    make_note,
    named_as_they_came,
)
from confrere.imaging.service import file_instances
from confrere.kernel.errors import Conflict
from confrere.kernel.ids import PeerId, StudyId
from confrere.network import service as network
from confrere.network.systems import Peer
from confrere.patients import service as patients
from confrere.patients.model import Demographics, Patient
from confrere.wiring import corrections_out, device_audit, rejected, sending_out
from confrere.wiring.peers import FRESH
from tests.acceptance.processes import free_ports
from tests.integration.device_house import CT1, Devices, device_house
from tests.integration.holding_peers import orthanc, storescp, taken
from tests.peers import needs

BY = By("Olga Owner")
WHY = "the technologist picked the wrong line"
EXPLICIT = "1.2.840.10008.1.2.1"
# pynetdicom leaves a socket open after a connection that failed
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(scope="module")
def devices(
    postgres_socket: str, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Devices]:
    with device_house(postgres_socket, template, tmp_path_factory.mktemp("holders")) as made:
        with transaction(
            made.house.system, frozenset()
        ) as conn:  # the builder's own DICOM peer
            network.enable_peer(conn, made.world.dicom, enabled=False)
        yield made


def now_is(devices: Devices) -> Any:
    return devices.house.now()


def takes(devices: Devices, peer: PeerId, what: str, **more: Any) -> Peer:
    """Set what a machine takes of corrections."""
    with transaction(devices.house.system, frozenset()) as conn:
        known = replace(network.peer(conn, peer), corrections=what, **more)
        network.change_peer(conn, known)
    return known


def machine(devices: Devices, aet: str, port: int, what: str = "all") -> PeerId:
    with transaction(devices.house.system, frozenset()) as conn:
        like = network.peer(conn, devices.scanner)
        new = replace(like, name=aet.title(), aet=aet, port=port, corrections=what)
        return network.register_peer(conn, new)


def study(devices: Devices, number: int) -> tuple[StudyId, list[Instance]]:
    """File a study that the scanner sent."""
    uids = [uid for _, uid, _ in devices.filed(number)]
    with transaction(devices.house.system, frozenset()) as conn:
        found = conn.execute(
            sa.text("select study_id from instances where sop_uid = :u"), {"u": uids[0]}
        )
        key = StudyId(found.scalar_one())
        return key, finding.instances_of(conn, key)


def right(devices: Devices, number: int) -> Patient:
    said = Demographics("HOSP", f"R{number}", "Right", "Rita", date(1962, 4, 12), "F")
    with transaction(devices.house.system, frozenset()) as conn:
        return patients.record(conn, devices.world.owner, said, now_is(devices))


def follow(devices: Devices, key: StudyId, cause: UUID) -> list[Sending]:
    """Plan and send, as the jobs do."""
    with transaction(devices.house.system, frozenset()) as conn:
        corrections_out.follow(conn, devices.house, key, cause, now_is(devices))
    return sent(devices, cause)


def sent(devices: Devices, cause: UUID) -> list[Sending]:
    with transaction(devices.house.system, frozenset()) as conn:
        asked = sendings.of_causes(conn, [cause])
    for one in asked:
        sending_out.run(devices.house, one.id)
    with transaction(devices.house.app, frozenset({devices.world.owner})) as conn:
        return sendings.of_causes(conn, [cause])


def note_of(objects: list[Dataset]) -> tuple[str, set[str]]:
    """The code of the one note, and what it names."""
    (note,) = [one for one in objects if one.SOPClassUID == KEY_OBJECTS]
    named = {
        str(one.ReferencedSOPInstanceUID)
        for study in note.CurrentRequestedProcedureEvidenceSequence
        for series in study.ReferencedSeriesSequence
        for one in series.ReferencedSOPSequence
    }
    return str(note.ConceptNameCodeSequence[0].CodeValue), named


def copies_of(objects: list[Dataset]) -> list[Dataset]:
    return [one for one in objects if one.SOPClassUID != KEY_OBJECTS]


@needs("storescp")
def test_a_study_given_to_another_patient_reaches_its_source_and_undoing_does_too(
    devices: Devices, tmp_path: Path
) -> None:
    takes(devices, devices.scanner, "all")
    key, came = study(devices, 31)
    before = {one.sop_uid for one in came}
    patient = right(devices, 31)
    with transaction(devices.house.system, frozenset()) as conn:
        done = correcting.reassign(conn, key, patient, None, WHY, BY, now_is(devices))
    with storescp(devices.ports["scanner"], tmp_path / "first") as folder:
        (told,) = follow(devices, key, done.id)
        objects = taken(folder)
    assert (told.peer, told.state) == (devices.scanner, SENT), told.last_error
    assert note_of(objects) == (SAFETY, before), "it rejects what the scanner holds"
    copies = copies_of(objects)
    assert len(copies) == len(before)
    assert {one.PatientID for one in copies} == {"R31"}
    new = {str(one.SOPInstanceUID) for one in copies}
    assert not new & before, "what a note rejected stays hidden: copies have UIDs of their own"
    (study_uid,) = {str(one.StudyInstanceUID) for one in copies}
    assert study_uid != str(_stored_study(devices, key)), "a study is one patient's"
    assert {
        str(one.OriginalAttributesSequence[-1].ModifiedAttributesSequence[0].SOPInstanceUID)
        for one in copies
    } == before, "each copy says what it was"
    assert follow(devices, key, done.id) == [told], "nothing is told twice"

    with transaction(devices.house.system, frozenset()) as conn:
        undoing.undo(conn, done.id, "it was right after all", BY, now_is(devices))
    with storescp(devices.ports["scanner"], tmp_path / "second") as folder:
        follow(devices, key, done.id)
        objects = taken(folder)
    assert note_of(objects) == (SAFETY, new), "it rejects the copies that were wrong"
    again = copies_of(objects)
    assert not {str(one.SOPInstanceUID) for one in again} & (before | new)
    assert {str(one.StudyInstanceUID) for one in again} == {_stored_study(devices, key)}
    assert all(one.PatientID != "R31" for one in again)


def _stored_study(devices: Devices, key: StudyId) -> str:
    with transaction(devices.house.system, frozenset()) as conn:
        found = conn.execute(sa.text("select study_uid from studies where id = :i"), {"i": key})
        return str(found.scalar_one())


@needs("orthanc")
def test_an_archive_that_was_sent_a_study_hears_of_its_split_and_of_rejected_images(
    devices: Devices, tmp_path: Path
) -> None:
    takes(devices, devices.scanner, "nothing")
    key, came = study(devices, 32)
    with orthanc(tmp_path / "orthanc") as archive:
        there = machine(devices, "ARCHIVE", archive.port)
        with transaction(devices.house.system, frozenset()) as conn:
            asked = sendings.ask(
                conn,
                devices.world.owner,
                devices.world.site,
                key,
                there,
                "Pat",
                now_is(devices),
            )
        sending_out.run(devices.house, asked)
        assert {str(one.SOPInstanceUID) for one in archive.objects()} == {
            one.sop_uid for one in came
        }
        with transaction(devices.house.system, frozenset()) as conn:
            cut = rejecting.reject(
                conn, devices.house.blobs, key, [came[0].id], QUALITY, WHY, BY, now_is(devices)
            )
        by_peer = {one.peer: one for one in follow(devices, key, cut.id)}
        assert by_peer[there].state == SENT, by_peer[there].last_error
        assert by_peer[devices.scanner].state == BY_HAND
        assert "taking no corrections" in by_peer[devices.scanner].last_error
        assert note_of(archive.objects()) == (QUALITY, {came[0].sop_uid})
        patient = right(devices, 32)
        with transaction(devices.house.system, frozenset()) as conn:
            done = correcting.split(
                conn, key, [came[1].id], patient, None, WHY, BY, now_is(devices)
            )
        for one in dict.fromkeys((done.from_study, done.to_study)):
            follow(devices, one, done.id)
        held = archive.objects()
        moved = [one for one in copies_of(held) if one.PatientID == "R32"]
        assert [str(one.SOPClassUID) for one in moved] == [came[1].sop_class]
        assert str(moved[0].StudyInstanceUID) == _stored_study(devices, done.to_study)
        notes = [one for one in held if one.SOPClassUID == KEY_OBJECTS]
        assert len(notes) == 2, "one for each act"
        with transaction(devices.house.system, frozenset()) as conn:
            rejecting.restore(
                conn, cut.id, devices.world.owner, "shown again", BY, now_is(devices)
            )
        follow(devices, key, cut.id)
        restored = [
            one for one in copies_of(archive.objects())
            if one.SOPClassUID == came[0].sop_class and one.PatientID != "R32"
            and str(one.SOPInstanceUID) not in {each.sop_uid for each in came}
        ]  # fmt: skip
        assert restored, "a restored image goes out again, under a UID that no note named"


def received_note(devices: Devices, key: StudyId, image: Instance, uid: str) -> str:
    """A note of one image, filed as one that came; obeyed as the job does."""
    house, at = devices.house, now_is(devices)
    with transaction(house.system, frozenset()) as conn:
        (placed,) = [one for one in correcting.images_of(conn, key) if one.id == image.id]
        known = head_of(house.blobs, image)
        named = named_as_they_came([placed], str(known.StudyInstanceUID))
        note_uid, content = make_note(known, named, QUALITY, uid, at)
        arrival = Arrival(
            devices.world.owner, devices.world.site,
            read_head(content, EXPLICIT, complete=True), KEY_OBJECTS, EXPLICIT,
            house.blobs.put(content), len(content), CT1, at,
        )  # fmt: skip
        file_instances(conn, [arrival])
        rejected.obey_notes(conn, house, key, at)
    return note_uid


def test_a_note_that_comes_goes_on_to_the_other_holders_and_not_back(
    devices: Devices, tmp_path: Path
) -> None:
    ports = free_ports("other")
    takes(devices, devices.scanner, "all")
    other = machine(devices, "OTHER_WS", ports["other"], "notes")
    key, came = study(devices, 33)
    with transaction(devices.house.system, frozenset()) as conn:
        device_audit.note_stored(
            conn, devices.house.audit_key, devices.scanner, key, "talk", now_is(devices)
        )
        holders.note_holder(conn, devices.world.owner, key, other, MOVED, now_is(devices))
    uid = received_note(devices, key, came[0], "motion")
    with transaction(devices.house.system, frozenset()) as conn:
        (heard,) = rejecting.naming(conn, devices.world.owner, [came[0].sop_uid])
    with storescp(ports["other"], tmp_path / "other") as folder:
        (told,) = follow(devices, key, heard.id)
        objects = taken(folder)
    assert (told.peer, told.state) == (other, SENT), "the scanner sent it: it is not told"
    assert [str(one.SOPInstanceUID) for one in objects] == [uid], "the very note"
    assert note_of(objects) == (QUALITY, {came[0].sop_uid})


def test_what_a_holder_refuses_or_does_not_take_is_shown_with_what_to_do(
    devices: Devices,
) -> None:
    port = free_ports("picky")["picky"]
    takes(devices, devices.scanner, "nothing")
    picky = machine(devices, "PICKY", port)
    key, came = study(devices, 34)
    with transaction(devices.house.system, frozenset()) as conn:
        holders.note_holder(conn, devices.world.owner, key, picky, GOT, now_is(devices))
        cut = rejecting.reject(
            conn, devices.house.blobs, key, [came[0].id], SAFETY, WHY, BY, now_is(devices)
        )
    ae = AE(ae_title="PICKY")
    ae.add_supported_context("1.2.840.10008.5.1.4.1.1.2")
    ae.add_supported_context(KEY_OBJECTS)
    server = ae.start_server(
        ("127.0.0.1", port), block=False, evt_handlers=[(evt.EVT_C_STORE, lambda _: 0xA900)]
    )
    try:
        told = {one.peer: one for one in follow(devices, key, cut.id)}
    finally:
        server.shutdown()
    assert told[picky].state == DEAD
    assert "A900" in told[picky].last_error
    assert "Hide the images there by hand" in told[picky].last_error
    with transaction(devices.house.app, frozenset({devices.world.owner})) as conn:
        assert {one.id for one in sendings.open_corrections(conn)} >= {
            one.id for one in told.values()
        }
        with pytest.raises(Conflict, match="taking no corrections"):
            sendings.send_again(conn, told[devices.scanner].id, None, now_is(devices))
        sendings.mark_done(conn, told[devices.scanner].id, "Olga Owner", now_is(devices))
        again = sendings.send_again(conn, told[picky].id, None, now_is(devices))
        assert sendings.get(conn, again.id).state == WAITING
        with pytest.raises(Conflict):
            sendings.send_again(conn, told[devices.scanner].id, None, now_is(devices))
        open_now = {one.id for one in sendings.open_corrections(conn)}
    assert not open_now & {one.id for one in told.values()}


def test_a_machine_that_fetches_becomes_a_holder(devices: Devices, tmp_path: Path) -> None:
    key, _ = study(devices, 35)
    wanted = Dataset()
    wanted.QueryRetrieveLevel, wanted.StudyInstanceUID = "STUDY", _stored_study(devices, key)
    move = "1.2.840.10008.5.1.4.1.2.2.2"
    port = free_ports("ws")["ws"]
    fetcher = machine(devices, "FETCHER", port, "notes")
    time.sleep(FRESH.total_seconds() + 0.1)  # the door's book of peers is read anew
    with storescp(port, tmp_path / "fetched"):
        with devices.linked(move) as link:
            last = [status for status, _ in link.send_c_move(wanted, "FETCHER", move)][-1]
        assert last.Status == 0
    with transaction(devices.house.app, frozenset({devices.world.owner})) as conn:
        found = {peer.id: one.how for peer, one in holders.holders(conn, key)}
    assert found == {fetcher: MOVED, devices.scanner: SOURCE}


def test_in_shadow_mode_corrections_are_held_back(devices: Devices) -> None:
    takes(devices, devices.scanner, "all")
    key, came = study(devices, 36)
    with transaction(devices.house.system, frozenset()) as conn:
        conn.execute(
            sa.text("update sites set mode = 'shadow' where id = :s"), {"s": devices.world.site}
        )
        cut = rejecting.reject(
            conn, devices.house.blobs, key, [came[0].id], SAFETY, WHY, BY, now_is(devices)
        )
    try:
        (told,) = follow(devices, key, cut.id)
        assert told.state == HELD_BACK
    finally:
        with transaction(devices.house.system, frozenset()) as conn:
            conn.execute(
                sa.text("update sites set mode = 'live' where id = :s"),
                {"s": devices.world.site},
            )


def test_what_was_corrected_again_before_it_left_goes_out_once(
    devices: Devices, tmp_path: Path
) -> None:
    takes(devices, devices.scanner, "all")
    key, came = study(devices, 37)
    first, second = right(devices, 371), right(devices, 372)
    acts = []
    for patient in (first, second):
        with transaction(devices.house.system, frozenset()) as conn:
            done = correcting.reassign(conn, key, patient, None, WHY, BY, now_is(devices))
            corrections_out.follow(conn, devices.house, key, done.id, now_is(devices))
        acts.append(done.id)
    with storescp(devices.ports["scanner"], tmp_path / "twice") as folder:
        told = [one for act in acts for one in sent(devices, act)]
        objects = taken(folder)
    assert [one.state for one in told] == [SENT, SENT]
    copies = copies_of(objects)
    assert {one.PatientID for one in copies} == {"R372"}, "not under the first name any more"
    assert len(copies) == len(came)
    notes = [one for one in objects if one.SOPClassUID == KEY_OBJECTS]
    assert len(notes) == 2, "both editions before are rejected, whichever arrived"
