"""Storage commitment: only where Confrere is the archive, only after the bytes were read again."""

import time
from collections.abc import Iterator
from uuid import UUID

import pytest
import sqlalchemy as sa
from pydicom import Dataset
from pydicom.uid import generate_uid
from pynetdicom import AE
from pynetdicom.sop_class import StorageCommitmentPushModel  # type: ignore[attr-defined]

from confrere.database.engine import transaction
from confrere.delivery import service as delivery
from confrere.delivery.model import COMMITMENT_KIND
from confrere.files.paths import path_of
from confrere.network import service as network
from confrere.wiring import dicom_commitment, dicom_out
from tests.integration.device_house import CT1, Devices, Heard, device_house, hearing

CLASS, INSTANCE = str(StorageCommitmentPushModel), "1.2.840.10008.1.20.1.1"
ON = {"archive": True, "commitment": True}


@pytest.fixture(scope="module")
def devices(
    postgres_socket: str, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Devices]:
    with device_house(postgres_socket, template, tmp_path_factory.mktemp("kept")) as made:
        yield made


def wanted(*references: tuple[str, str], transaction: str = "") -> Dataset:
    asked = Dataset()
    asked.TransactionUID = transaction or generate_uid()
    asked.ReferencedSOPSequence = [Dataset() for _ in references]
    for item, (sop_class, uid) in zip(asked.ReferencedSOPSequence, references, strict=True):
        item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = sop_class, uid
    return asked


def until(test: object, seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not test():  # type: ignore[operator]
        assert time.monotonic() < end
        time.sleep(0.05)


def ask(devices: Devices, asked: Dataset, heard: Heard, *, action: int = 1) -> int:
    """Ask, and wait for the report on the same association."""
    with devices.linked(CLASS, handlers=[hearing(heard)]) as link:
        assert link.is_established
        status, _ = link.send_n_action(asked, action, CLASS, INSTANCE)
        if status.Status == 0:
            until(lambda: heard)
        return int(status.Status)


def offered(devices: Devices) -> bool:
    with devices.linked(CLASS) as link:
        return bool(link.is_established)


def test_it_is_not_offered_until_we_are_the_archive_and_it_is_switched_on(
    devices: Devices,
) -> None:
    assert not offered(devices)
    devices.switch(archive=True)
    until(lambda: not offered(devices))
    devices.switch(**ON)
    until(lambda: offered(devices))


def test_what_is_whole_is_committed_and_each_other_has_its_reason(devices: Devices) -> None:
    devices.switch(**ON)
    until(lambda: offered(devices))
    whole, other, flipped, gone = devices.filed(1)[:4]
    path = path_of(devices.house.blobs.root, flipped[2])
    path.chmod(0o600)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    path_of(devices.house.blobs.root, gone[2]).unlink()
    heard: Heard = []
    asked = wanted(
        whole[:2], ("1.2.840.10008.5.1.4.1.1.999", other[1]), flipped[:2], gone[:2],
        (whole[0], "1.2.3.4"),
    )  # fmt: skip
    assert ask(devices, asked, heard) == 0
    ((kind, told),) = heard
    assert kind == 2
    assert told.TransactionUID == asked.TransactionUID
    assert [one.ReferencedSOPInstanceUID for one in told.ReferencedSOPSequence] == [whole[1]]
    reasons = {
        one.ReferencedSOPInstanceUID: one.FailureReason for one in told.FailedSOPSequence
    }
    assert reasons == {other[1]: 0x0119, flipped[1]: 0x0110, gone[1]: 0x0110, "1.2.3.4": 0x0112}


def test_a_cache_commits_to_nothing_even_when_asked_through_another_site(
    devices: Devices,
) -> None:
    devices.switch(**ON)
    until(lambda: offered(devices))
    one = devices.filed(2)[0]
    with transaction(devices.house.system, frozenset()) as conn:
        conn.execute(
            sa.text(
                "update studies set site_id = null where id = (select study_id from instances where sop_uid = :u)"
            ),
            {"u": one[1]},
        )
    heard: Heard = []
    assert ask(devices, wanted(one[:2]), heard) == 0
    assert heard[0][1].FailedSOPSequence[0].FailureReason == 0x0112  # the scanner is one site's


@pytest.mark.parametrize(
    ("change", "action", "status"),
    [
        ({"TransactionUID": None}, 1, 0x0115),
        ({"ReferencedSOPSequence": []}, 1, 0x0115),
        ({}, 2, 0x0123),
    ],
)
def test_a_request_that_makes_no_sense_is_refused(
    devices: Devices, change: dict[str, object], action: int, status: int
) -> None:
    devices.switch(**ON)
    until(lambda: offered(devices))
    asked = wanted(("1.2.840.10008.5.1.4.1.1.2", "1.2.3"))
    for name, value in change.items():
        setattr(asked, name, value)
    assert ask(devices, asked, [], action=action) == status


def test_who_has_left_is_told_on_an_association_of_ours(devices: Devices) -> None:
    devices.switch(**ON)
    until(lambda: offered(devices))
    one = devices.filed(3)[0]
    asked = wanted(one[:2])
    refusing: Heard = []
    with devices.linked(CLASS, handlers=[hearing(refusing, 0x0110)]) as link:
        status, _ = link.send_n_action(asked, 1, CLASS, INSTANCE)
        assert status.Status == 0
        until(lambda: refusing)
    with transaction(devices.house.system, frozenset()) as conn:
        which = sa.text("select id from commitments where transaction_uid = :u")
        (kept,) = conn.execute(which, {"u": str(asked.TransactionUID)}).scalars()

    def queued() -> int:
        with transaction(devices.house.system, frozenset()) as conn:
            jobs = "select count(*) from procrastinate_jobs where args->>'commitment_id' = :i"
            return int(conn.execute(sa.text(jobs), {"i": str(kept)}).scalar_one())

    until(queued)
    dicom_commitment.report(devices.house, UUID(str(kept)))
    heard: Heard = []
    ae = AE(ae_title=CT1)
    ae.add_supported_context(CLASS, scu_role=False, scp_role=True)
    server = ae.start_server(
        ("127.0.0.1", devices.ports["scanner"]), block=False, evt_handlers=[hearing(heard)]
    )
    try:
        with transaction(devices.house.system, frozenset()) as conn:
            peer = network.peer(conn, devices.scanner)
            delivery.deliver_next(
                conn, peer.id, lambda m: dicom_out.transmit(peer, m, devices.house.settings),
                devices.house.now(), 0.0,
            )  # fmt: skip
            (message,) = [m for m in delivery.outbox(conn, []) if m.kind == COMMITMENT_KIND]
    finally:
        server.shutdown()
    assert (message.state, message.answer_code) == ("sent", "0000"), message.last_error
    assert heard[0][0] == 1
    assert heard[0][1].ReferencedSOPSequence[0].ReferencedSOPInstanceUID == one[1]


def test_each_request_and_each_judgement_is_noted(devices: Devices) -> None:
    with transaction(devices.house.system, frozenset()) as conn:
        kinds = conn.execute(
            sa.text("select count(*) from audit_events where kind = 'commitment'")
        )
        assert kinds.scalar_one() >= 2
