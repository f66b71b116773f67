"""Performed procedure steps: begun and ended times are known, and no state is left for another."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from pydicom import Dataset
from pydicom.uid import generate_uid
from pynetdicom.sop_class import ModalityPerformedProcedureStep  # type: ignore[attr-defined]

from confrere.database.engine import transaction
from confrere.kernel.ids import OrderId
from confrere.orders import performing
from confrere.orders import service as orders
from confrere.orders.model import Order, OrderContent
from confrere.orders.performed import Kept
from confrere.patients import service as patients
from confrere.patients.model import Demographics
from confrere.worklist.exam import Clock, clock
from tests.integration.device_house import Devices, device_house
from tests.integration.world import NOW

LATER = datetime(2026, 11, 24, 18, tzinfo=UTC)
CLASS = str(ModalityPerformedProcedureStep)


@pytest.fixture(scope="module")
def devices(
    postgres_socket: str, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Devices]:
    with device_house(postgres_socket, template, tmp_path_factory.mktemp("steps")) as made:
        assert not offered(made)
        made.switch(performed=True)
        end = time.monotonic() + 10
        while not offered(made):
            assert time.monotonic() < end
        yield made


def offered(devices: Devices) -> bool:
    with devices.linked(CLASS) as link:
        return bool(link.is_established)


def begun(study: str = "1.2.9", accession: str = "LM1", **changes: object) -> Dataset:
    step, scheduled = Dataset(), Dataset()
    scheduled.StudyInstanceUID, scheduled.AccessionNumber = study, accession
    step.ScheduledStepAttributesSequence = [scheduled]
    step.PatientName, step.PatientID = "Doe^Jo", "77"
    step.PerformedProcedureStepID = "P1"
    step.PerformedStationAETitle, step.Modality = "CT_ONE", "CT"
    step.PerformedProcedureStepStartDate, step.PerformedProcedureStepStartTime = (
        "20261124", "091200",
    )  # fmt: skip
    step.PerformedProcedureStepStatus = "IN PROGRESS"
    for name, value in changes.items():
        if value is None:
            delattr(step, name)
        else:
            setattr(step, name, value)
    return step


def ended(state: str, **changes: object) -> Dataset:
    step, series = Dataset(), Dataset()
    step.PerformedProcedureStepStatus = state
    step.PerformedProcedureStepEndDate = "20261124"
    step.PerformedProcedureStepEndTime = "093130.5"
    series.SeriesInstanceUID, series.ProtocolName = "1.2.9.1", "Head"
    image = Dataset()
    image.ReferencedSOPClassUID, image.ReferencedSOPInstanceUID = (
        "1.2.840.10008.5.1.4.1.1.2",
        "1.2",
    )
    series.ReferencedImageSequence = [image]
    step.PerformedSeriesSequence = [series]
    for name, value in changes.items():
        if value is None:
            delattr(step, name)
        else:
            setattr(step, name, value)
    return step


def create(devices: Devices, step: Dataset, uid: str = "") -> tuple[int, str]:
    uid = uid or generate_uid()
    with devices.linked(CLASS) as link:
        status, _ = link.send_n_create(step, CLASS, uid)
    return int(status.Status), uid


def change(devices: Devices, step: Dataset, uid: str, calling: str = "CT_ONE") -> Dataset:
    with devices.linked(CLASS, calling) as link:
        status, _ = link.send_n_set(step, CLASS, uid)
    return status


def kept(devices: Devices, study: str) -> Kept:
    with transaction(devices.house.app, frozenset({devices.world.owner})) as conn:
        (found,) = performing.of_exam(
            conn, devices.world.owner, devices.world.site, [], [study]
        )
        return found


def test_begin_and_end_of_an_exam_are_known_by_the_sites_clock(devices: Devices) -> None:
    status, uid = create(devices, begun("1.2.1", "LM11"))
    assert status == 0
    step = kept(devices, "1.2.1").step
    assert (step.state, step.begun_at) == (
        "IN PROGRESS", datetime(2026, 11, 24, 15, 12, tzinfo=UTC)
    )  # fmt: skip
    assert change(devices, ended("COMPLETED"), uid).Status == 0
    step = kept(devices, "1.2.1").step
    assert (step.state, step.ended_at, step.images, step.accessions) == (
        "COMPLETED", datetime(2026, 11, 24, 15, 31, 30, tzinfo=UTC), 1, ("LM11",)
    )  # fmt: skip
    assert step.said["00100020"] == "77"
    over = change(devices, ended("DISCONTINUED"), uid)
    assert (over.Status, over.ErrorID) == (0x0110, 0xA506)


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"PerformedProcedureStepStatus": "COMPLETED"}, 0x0106),
        ({"PerformedProcedureStepStatus": ""}, 0x0121),
        ({"Modality": None}, 0x0120),
        ({"ScheduledStepAttributesSequence": []}, 0x0121),
        ({"ScheduledStepAttributesSequence": None}, 0x0120),
        ({"PerformedProcedureStepStartDate": "2026XX24"}, 0x0106),
        (
            {
                "PerformedProcedureStepStartDate": "99991231",  # no instant in UTC
                "PerformedProcedureStepStartTime": "235900",
            },
            0x0106,
        ),
    ],
)
def test_a_step_that_lacks_what_it_needs_is_refused(
    devices: Devices, changes: dict[str, object], status: int
) -> None:
    assert create(devices, begun(**changes))[0] == status


def test_duplicates_unknown_steps_and_half_ends_are_refused(devices: Devices) -> None:
    status, uid = create(devices, begun("1.2.2"))
    assert status == 0
    assert create(devices, begun("1.2.2"), uid)[0] == 0x0111
    assert change(devices, ended("COMPLETED"), "1.2.3.999").Status == 0x0112
    half = ended("COMPLETED", PerformedProcedureStepEndDate=None)
    assert change(devices, half, uid).Status == 0x0106
    none = ended("COMPLETED", PerformedSeriesSequence=None)
    assert change(devices, none, uid).Status == 0x0106
    assert change(devices, ended("FINISHED"), uid).Status == 0x0106
    assert kept(devices, "1.2.2").step.state == "IN PROGRESS"


def test_an_order_is_begun_and_given_back_when_its_step_is_discontinued(
    devices: Devices,
) -> None:
    with transaction(devices.house.system, frozenset()) as conn:
        patient = patients.record(
            conn,
            devices.world.owner,
            Demographics("LMH-MRN", "77", "Doe", "Jo", None, "F"),
            NOW,
        )
        content = OrderContent("LM33", procedure_code="CTHEAD", study_uid="1.2.4")
        order = orders.place(
            conn, devices.world.owner, devices.world.site, patient.id, content, NOW
        )

    def status() -> str:
        with transaction(devices.house.system, frozenset()) as conn:
            performing.follow(conn, kept(devices, "1.2.4").id, NOW)
            return orders.get(conn, OrderId(order.id)).content.status

    _, uid = create(devices, begun("1.2.4", "LM33"))
    assert (status(), status()) == ("in progress", "in progress")
    stopped = ended("DISCONTINUED", PerformedSeriesSequence=None)
    assert change(devices, stopped, uid).Status == 0
    assert status() == "ordered"


def ordered(devices: Devices, accession: str, study: str, **more: object) -> OrderId:
    with transaction(devices.house.system, frozenset()) as conn:
        said = Demographics("LMH-MRN", "77", "Doe", "Jo", None, "F")
        patient = patients.record(conn, devices.world.owner, said, NOW)
        content = OrderContent(accession, procedure_code="CTHEAD", study_uid=study, **more)  # type: ignore[arg-type]
        return orders.place(
            conn, devices.world.owner, devices.world.site, patient.id, content, NOW
        ).id


def followed(devices: Devices, order: OrderId, study: str) -> Order:
    """The order once the job of each step has run."""
    with transaction(devices.house.system, frozenset()) as conn:
        for one in performing.of_exam(
            conn, devices.world.owner, devices.world.site, [], [study]
        ):
            performing.follow(conn, one.id, LATER)
        return orders.get(conn, order)


def test_the_last_completed_step_starts_the_clock_and_says_so(devices: Devices) -> None:
    order = ordered(devices, "LM41", "1.2.41")
    first, second = (
        create(devices, begun("1.2.41", "LM41"))[1],
        create(devices, begun("1.2.41", "LM41"))[1],
    )
    assert change(devices, ended("COMPLETED"), first).Status == 0
    half = followed(devices, order, "1.2.41")
    assert (half.content.status, half.content.exam_complete_at) == ("in progress", None)
    later = ended("COMPLETED", PerformedProcedureStepEndTime="095000")
    assert change(devices, later, second).Status == 0
    done = followed(devices, order, "1.2.41")
    at = datetime(2026, 11, 24, 15, 50, tzinfo=UTC)
    assert (done.content.status, done.content.exam_complete_at) == ("complete", at)
    assert clock(None, [done]) == Clock(at, "performed step")


def test_a_time_that_the_site_told_stays_and_one_that_it_tells_later_counts(
    devices: Devices,
) -> None:
    told = datetime(2026, 11, 24, 15, 40, tzinfo=UTC)
    order = ordered(devices, "LM42", "1.2.42", exam_complete_at=told, status="complete")
    uid = create(devices, begun("1.2.42", "LM42"))[1]
    change(devices, ended("COMPLETED"), uid)
    assert clock(None, [followed(devices, order, "1.2.42")]) == Clock(told, "order status")
    order = ordered(devices, "LM43", "1.2.43")
    uid = create(devices, begun("1.2.43", "LM43"))[1]
    change(devices, ended("COMPLETED"), uid)
    assert clock(None, [followed(devices, order, "1.2.43")]).source == "performed step"
    ordered(devices, "LM43", "1.2.43", exam_complete_at=told, status="complete")
    assert clock(None, [followed(devices, order, "1.2.43")]) == Clock(told, "order status")


def test_a_modality_ahead_of_us_starts_the_clock_when_we_heard_of_it(devices: Devices) -> None:
    order = ordered(devices, "LM44", "1.2.44")
    uid = create(devices, begun("1.2.44", "LM44"))[1]
    ahead = ended("COMPLETED", PerformedProcedureStepEndDate="20261126")
    change(devices, ahead, uid)
    done = followed(devices, order, "1.2.44")
    assert done.content.exam_complete_at == LATER
    assert "clock is ahead" in clock(None, [done]).source


def test_why_a_step_was_discontinued_is_kept_and_another_completed_one_counts(
    devices: Devices,
) -> None:
    order = ordered(devices, "LM45", "1.2.45")
    stopped, again = (create(devices, begun("1.2.45", "LM45"))[1] for _ in range(2))
    why = Dataset()
    why.CodeValue, why.CodingSchemeDesignator = "110513", "DCM"
    why.CodeMeaning = "Discontinued for unspecified reason"
    half = ended(
        "DISCONTINUED", PerformedSeriesSequence=None,
        PerformedProcedureStepDiscontinuationReasonCodeSequence=[why],
    )  # fmt: skip
    assert change(devices, half, stopped).Status == 0
    assert change(devices, ended("COMPLETED"), again).Status == 0
    done = followed(devices, order, "1.2.45")
    assert done.content.status == "complete"
    with transaction(devices.house.app, frozenset({devices.world.owner})) as conn:
        steps = performing.of_exam(
            conn, devices.world.owner, devices.world.site, ["LM45"], ["1.2.45"]
        )
    reasons = {one.step.state: one.step.reason for one in steps}
    assert reasons == {
        "DISCONTINUED": "Discontinued for unspecified reason", "COMPLETED": "",
    }  # fmt: skip
