"""A study goes out to a registered machine, and a machine is told of what it can fetch."""

import gc
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa
from pydicom import Dataset
from pynetdicom import AE, AllStoragePresentationContexts, evt
from pynetdicom.sop_class import InstanceAvailabilityNotification  # type: ignore[attr-defined]

from confrere.database.engine import transaction
from confrere.delivery import sendings
from confrere.delivery import service as delivery
from confrere.delivery.model import DEAD, SENT, WAITING, Sending
from confrere.dimse import availability as availability_set
from confrere.dimse import identifier
from confrere.dimse.syntaxes import EXPLICIT_LE
from confrere.kernel.errors import Conflict, NotFound
from confrere.kernel.ids import StudyId
from confrere.network import service as network
from confrere.web.message_lines import elements
from confrere.wiring import availability, dicom_out, sending_out
from tests.integration.device_house import Devices, device_house

# pynetdicom leaves a socket open after a connection that failed
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(scope="module")
def devices(
    postgres_socket: str, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Devices]:
    with device_house(postgres_socket, template, tmp_path_factory.mktemp("sent")) as made:
        yield made


def study_of(devices: Devices, uid: str) -> StudyId:
    with transaction(devices.house.system, frozenset()) as conn:
        found = conn.execute(
            sa.text("select study_id from instances where sop_uid = :u"), {"u": uid}
        )
        return StudyId(found.scalar_one())


def ask(devices: Devices, study: StudyId) -> Any:
    with transaction(devices.house.app, frozenset({devices.world.owner})) as conn:
        return sendings.ask(
            conn, devices.world.owner, devices.world.site, study, devices.scanner, "Pat Quill",
            devices.house.now(),
        )  # fmt: skip


def now(devices: Devices, sending: Any) -> Sending:
    with transaction(devices.house.app, frozenset({devices.world.owner})) as conn:
        return sendings.get(conn, sending)


def listening(devices: Devices, answer: int, came: Counter[str]) -> Any:
    def store(event: Any) -> int:
        came[str(event.request.AffectedSOPInstanceUID)] += 1
        return answer

    ae = AE(ae_title="CT_ONE")
    for context in AllStoragePresentationContexts:
        ae.add_supported_context(str(context.abstract_syntax))
    return ae.start_server(
        ("127.0.0.1", devices.ports["scanner"]), block=False,
        evt_handlers=[(evt.EVT_C_STORE, store)],
    )  # fmt: skip


def test_a_lost_line_is_tried_again_and_the_study_then_arrives_whole(devices: Devices) -> None:
    filed = devices.filed(11)
    sending = ask(devices, study_of(devices, filed[0][1]))
    with pytest.raises(Conflict):
        ask(devices, study_of(devices, filed[0][1]))
    sending_out.run(devices.house, sending)
    gc.collect()  # the socket, here and not in a test that follows
    waits = now(devices, sending)
    assert (waits.state, waits.attempts) == (WAITING, 1)
    assert "nothing answers" in waits.last_error
    came: Counter[str] = Counter()
    server = listening(devices, 0, came)
    try:
        sending_out.run(devices.house, sending)
    finally:
        server.shutdown()
    done = now(devices, sending)
    assert (done.state, done.sent, done.failed, done.last_error) == (SENT, len(filed), 0, "")
    assert came == Counter({uid: 1 for _, uid, _ in filed})
    sending_out.run(devices.house, sending)  # a job that runs twice sends once
    assert came.total() == len(filed)


def test_what_the_machine_refuses_is_told_and_not_called_sent(devices: Devices) -> None:
    filed = devices.filed(12)
    sending = ask(devices, study_of(devices, filed[0][1]))
    server = listening(devices, 0xA700, Counter())
    try:
        sending_out.run(devices.house, sending)
    finally:
        server.shutdown()
    done = now(devices, sending)
    assert (done.state, done.sent, done.failed) == (DEAD, 0, len(filed))
    assert f"{len(filed)} of {len(filed)} objects not taken" in done.last_error
    assert "A700" in done.last_error


def test_a_study_goes_to_machines_of_the_own_group_only(devices: Devices) -> None:
    study = study_of(devices, devices.filed(13)[0][1])
    with (
        transaction(devices.house.system, frozenset()) as conn,
        pytest.raises(NotFound),
    ):
        sendings.ask(
            conn, devices.world.partner, None, study, devices.scanner, "x", devices.house.now()
        )


def test_a_machine_that_asked_is_told_what_it_can_fetch_once(devices: Devices) -> None:
    filed = devices.filed(14)
    study = study_of(devices, filed[0][1])
    with transaction(devices.house.system, frozenset()) as conn:
        assert availability.study_closed(conn, study, "CONFRERE", devices.house.now()) == 0
        known = network.peer(conn, devices.scanner)
        teller = network.register_peer(conn, replace(known, name="RIS", availability=True))
        assert availability.study_closed(conn, study, "CONFRERE", devices.house.now()) == 1
    told: list[Dataset] = []
    answers = iter((0, 0x0111))

    def hear(event: Any) -> tuple[int, Dataset]:
        told.append(event.attribute_list)
        return next(answers), Dataset()

    ae = AE(ae_title="CT_ONE")
    ae.add_supported_context(str(InstanceAvailabilityNotification))
    server = ae.start_server(
        ("127.0.0.1", devices.ports["scanner"]), block=False,
        evt_handlers=[(evt.EVT_N_CREATE, hear)],
    )  # fmt: skip
    try:
        with transaction(devices.house.system, frozenset()) as conn:
            peer = network.peer(conn, teller)
            (message,) = [m for m in delivery.outbox(conn, []) if m.peer == teller]
            for _ in range(2):  # the second try finds that the first arrived
                assert dicom_out.transmit(peer, message, devices.house.settings)[0] == "0000"
    finally:
        server.shutdown()
    series = told[0].ReferencedSeriesSequence
    named = {i.ReferencedSOPInstanceUID for s in series for i in s.ReferencedSOPSequence}
    assert named == {uid for _, uid, _ in filed}
    assert series[0].ReferencedSOPSequence[0].InstanceAvailability == "ONLINE"
    assert series[0].ReferencedSOPSequence[0].RetrieveAETitle == "CONFRERE"


def test_a_notice_is_shown_element_by_element_to_people() -> None:
    said = availability_set.notification("1.2.3", {"1.2.3.1": [("1.2.4", "1.2.5")]}, "CONFRERE")
    shown = elements(identifier.encode(said, EXPLICIT_LE))
    assert any("Study Instance UID" in one.text and "1.2.3" in one.text for one in shown)
