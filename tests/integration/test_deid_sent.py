"""A de-identified export goes to a registered machine, and its page says how it went."""

import gc
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from pynetdicom import AE, AllStoragePresentationContexts, evt

from confrere.database.engine import transaction
from confrere.imaging import deid_exports
from confrere.imaging.confidentiality import Options
from confrere.imaging.deid_model import READY, REVIEW, Export
from confrere.kernel.errors import Conflict, NotFound
from confrere.kernel.ids import PeerId, StudyId
from confrere.wiring import deid_sending, deidentifying
from tests.integration.device_house import Devices, device_house

# pynetdicom leaves a socket open after a connection that failed
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(scope="module")
def devices(
    postgres_socket: str, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Devices]:
    with device_house(postgres_socket, template, tmp_path_factory.mktemp("sent")) as made:
        yield made


def made(devices: Devices) -> UUID:
    """An export of one study, allowed and made."""
    sop = devices.filed(31)[0][1]
    with transaction(devices.house.system, frozenset()) as conn:
        study = StudyId(conn.execute(
            sa.text("select study_id from instances where sop_uid = :u"), {"u": sop}
        ).scalar_one())  # fmt: skip
        now = devices.house.now()
        export = deid_exports.ask(
            conn, devices.world.owner, [study], "Teaching", "Teaching in the spring term",
            Options(), "Rae", now,
        )  # fmt: skip
        deid_exports.allow(conn, export, "Gray", now)
    assert deidentifying.run(devices.house, export) == REVIEW
    with transaction(devices.house.system, frozenset()) as conn:
        for held in deid_exports.held_of(conn, export):
            if held.fatal:
                deid_exports.reject(conn, held.id, "Gray", now)
            else:
                boxes = ((0, 0, 64, 10),) if held.rows else ()
                deid_exports.release(conn, held.id, boxes, "Gray", now)
    assert deidentifying.run(devices.house, export) == READY
    return export


def now_of(devices: Devices, export: UUID) -> Export:
    with transaction(devices.house.app, frozenset({devices.world.owner})) as conn:
        return deid_exports.get(conn, export)


def send(devices: Devices, export: UUID) -> Any:
    with transaction(devices.house.app, frozenset({devices.world.owner})) as conn:
        deid_exports.ask_sent(conn, export, devices.scanner, "Gray", devices.house.now())
    deid_sending.send(devices.house, export, devices.scanner, "Gray")
    gc.collect()
    return now_of(devices, export).sent[-1]


def test_an_export_is_sent_without_a_trace_and_told_on_its_page(devices: Devices) -> None:
    export = made(devices)
    away = send(devices, export)
    assert away["sent"] == 0
    assert away["why"]  # nobody listens yet: said, and sent again by hand
    came = []

    def store(event: Any) -> int:
        came.append(event.dataset)
        return 0

    ae = AE(ae_title="CT_ONE")
    for context in AllStoragePresentationContexts:
        ae.add_supported_context(str(context.abstract_syntax))
    server = ae.start_server(
        ("127.0.0.1", devices.ports["scanner"]), block=False,
        evt_handlers=[(evt.EVT_C_STORE, store)],
    )  # fmt: skip
    try:
        told = send(devices, export)
    finally:
        server.shutdown()
    files = now_of(devices, export).counts["files"]
    assert (told["sent"], told["total"], told["why"]) == (files, files, "")
    assert len(came) == files > 0
    assert {str(one.PatientIdentityRemoved) for one in came} == {"YES"}
    assert all(str(one.PatientID).startswith("S-") for one in came)


def test_only_to_machines_of_the_own_group_and_only_what_is_made(devices: Devices) -> None:
    with transaction(devices.house.app, frozenset({devices.world.owner})) as conn:
        now = devices.house.now()
        found = deid_exports.listed(conn, devices.world.owner)
        with pytest.raises(NotFound):
            deid_exports.ask_sent(conn, found[0].id, PeerId(UUID(int=5)), "Gray", now)
    sop = devices.filed(32)[0][1]
    with transaction(devices.house.system, frozenset()) as conn:
        study = StudyId(conn.execute(
            sa.text("select study_id from instances where sop_uid = :u"), {"u": sop}
        ).scalar_one())  # fmt: skip
        asked = deid_exports.ask(
            conn, devices.world.owner, [study], "Teaching", "Teaching in the spring term",
            Options(), "Rae", now,
        )  # fmt: skip
        with pytest.raises(Conflict):
            deid_exports.ask_sent(conn, asked, devices.scanner, "Gray", now)
