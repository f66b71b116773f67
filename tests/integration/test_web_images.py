"""The page on which a person rejects images, gives them away, and takes that back."""

from collections.abc import Iterator
from uuid import uuid4

import pytest

from confrere.database.engine import transaction
from confrere.files.folder import BlobStore
from confrere.imaging import correcting
from confrere.imaging import service as imaging
from confrere.imaging.corrections import Placed
from confrere.imaging.head import Head
from confrere.imaging.model import Arrival, Study
from confrere.imaging.part10 import split_part10
from confrere.kernel.ids import StudyId
from confrere.kernel.principal import Role
from confrere.orders import service as orders
from confrere.orders.model import OrderContent
from confrere.patients import service as patients
from confrere.patients.model import Demographics
from confrere.web import exceptions_page, exceptions_pieces, images_page
from confrere.wiring import exams
from confrere.worklist import service as worklist
from tests.dicomweb import EXPLICIT, as_file, image
from tests.integration.lists_house import HTMX, House, lists_house
from tests.integration.world import NOW

ROUTERS = [images_page.router, exceptions_page.router, exceptions_pieces.router]


@pytest.fixture(scope="module")
def house(
    postgres_socket: str, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[House]:
    home = tmp_path_factory.mktemp("images")
    with lists_house(postgres_socket, template, ROUTERS, home) as made:
        yield made


def arrived(house: House, mrn: str, accession: str, count: int = 2, uid: str = "") -> StudyId:
    """File a CT of a series; follow its event."""
    blobs = BlobStore(house.site.context.settings.blobs)
    uid = uid or f"2.25.{uuid4().int}"
    arrivals = []
    for number in range(1, count + 1):
        made = image(
            StudyInstanceUID=uid, SeriesInstanceUID=f"{uid}.1"[:64],
            SOPInstanceUID=f"2.25.{uuid4().int}", PatientID=mrn, InstanceNumber=str(number),
        )  # fmt: skip
        _, start = split_part10(as_file(made))
        content = as_file(made)[start:]
        head = Head(
            sop_class=str(made.SOPClassUID), sop_instance=str(made.SOPInstanceUID),
            study_instance=uid, series_instance=str(made.SeriesInstanceUID),
            accession_number=accession, patient_id=mrn, patient_name="DOE^JANE",
            birth_date="19620412", sex="F", modality="CT", study_date="20261124",
            instance_number=number,
        )  # fmt: skip
        arrival = Arrival(
            house.world.owner, house.world.site, head, head.sop_class, EXPLICIT,
            blobs.put(content), len(content), "CT1", house.site.clock(),
        )  # fmt: skip
        arrivals.append(arrival)
    with transaction(house.made.system, frozenset()) as conn:
        study = imaging.file_instances(conn, arrivals)[0].study_id
        assert study is not None
        exams.study_changed(conn, study, NOW, new_images=False)
    return study


def look(house: House, study: StudyId) -> tuple[Study, list[Placed]]:
    with transaction(house.made.system, frozenset()) as conn:
        return imaging.study(conn, study), correcting.images_of(conn, study)


def ordered(house: House, accession: str, mrn: str) -> None:
    said = Demographics("LMH-MRN", mrn, "Roe", "Rita", None, "F")
    with transaction(house.made.system, frozenset()) as conn:
        patient = patients.record(conn, house.world.owner, said, NOW)
        content = OrderContent(accession, procedure_text="CT head")
        orders.place(conn, house.world.owner, house.world.site, patient.id, content, NOW)


def test_a_whole_study_is_given_to_the_right_patients_order_and_back(house: House) -> None:
    ordered(house, "RIGHT1", "M-RIGHT1")
    study = arrived(house, "M-WRONG1", "WRONG1")
    browser, path = house.signed_in(Role.GROUP_MANAGER), f"/images/{study}"
    assert "the images are as they came" in browser.get(path).text
    found = browser.post(f"{path}/targets", data={"sought": "RIGHT1"}, headers=HTMX).text
    assert "Order right1" in found
    key = found.split('value="order:')[1].split('"')[0]
    form = {"to": f"order:{key}", "reason": "picked the wrong line"}
    refused = browser.post(f"{path}/give", data=form, headers=HTMX)
    assert refused.status_code == 422
    assert "another patient" in refused.text
    done = browser.post(f"{path}/give", data=form | {"checked": "yes"}, headers=HTMX)
    assert "2 images given to order RIGHT1" in done.text
    assert (look(house, study)[0].mrn, look(house, study)[0].accession) == (
        "M-RIGHT1", "RIGHT1",
    )  # fmt: skip
    event = house.trail("correction")[0]
    assert (event.detail["act"], event.study_id) == ("reassign", study)
    undo = done.text.split(f"{path}/undo/")[1].split('"')[0]
    back = browser.post(f"{path}/undo/{undo}", data={"reason": "it was right"}, headers=HTMX)
    assert "as they were before" in back.text
    assert look(house, study)[0].mrn == "M-WRONG1"


def test_chosen_images_are_split_off_and_a_merge_ends_the_exam_of_the_empty_study(
    house: House,
) -> None:
    ordered(house, "SECOND2", "M-TWO2")
    study, other = arrived(house, "M-TWO2", "FIRST2", 3), arrived(house, "M-TWO2", "", 1)
    browser, path = house.signed_in(Role.GROUP_MANAGER), f"/images/{study}"
    found = browser.post(f"{path}/targets", data={"sought": "M-TWO2"}, headers=HTMX).text
    key = found.split('value="order:')[1].split('"')[0]
    one = str(look(house, study)[1][0].id)
    form = {"to": f"order:{key}", "reason": "two orders, one scan", "images": [one]}
    said = browser.post(f"{path}/give", data=form, headers=HTMX).text
    assert "1 image given to order SECOND2" in said
    assert len(look(house, study)[1]) == 2
    merge = {"to": f"study:{study}", "reason": "the console was restarted"}
    said = browser.post(f"/images/{other}/give", data=merge, headers=HTMX).text
    assert "No images are left in this study" in said
    with transaction(house.made.system, frozenset()) as conn:
        exams.study_changed(conn, other, NOW, new_images=False)
        assert all(
            item.finished_at for item in worklist.of_exam(conn, house.world.owner, other, [])
        )
    assert len(look(house, study)[1]) == 3


def test_rejected_images_are_marked_and_restored_and_the_note_is_handed_out(
    house: House,
) -> None:
    study = arrived(house, "M-REJ", "REJ1")
    browser, path = house.signed_in(Role.GROUP_MANAGER), f"/images/{study}"
    none = browser.post(
        f"{path}/reject", data={"code": "113001", "reason": "motion"}, headers=HTMX
    )
    assert none.status_code == 422, "none was chosen"
    one = str(look(house, study)[1][0].id)
    form = {"code": "113001", "reason": "motion; repeated", "images": [one]}
    said = browser.post(f"{path}/reject", data=form, headers=HTMX).text
    assert "Rejected: 1" in said
    assert look(house, study)[0].instance_count == 1
    key = said.split(f"{path}/note/")[1].split(".dcm")[0]
    note = browser.get(f"{path}/note/{key}.dcm")
    assert note.content[128:132] == b"DICM"
    said = browser.post(
        f"{path}/restore/{key}", data={"reason": "the only one"}, headers=HTMX
    ).text
    assert "shown again" in said
    assert look(house, study)[0].instance_count == 2
    assert [e.detail["act"] for e in house.trail("rejection")] == [
        "restored", "note taken", "rejected",
    ]  # fmt: skip


def test_only_the_group_that_owns_the_images_may(house: House) -> None:
    study = arrived(house, "M-OWN", "OWN1", 1)
    stranger = house.signed_in(Role.GROUP_MANAGER, house.world.partner)
    assert stranger.get(f"/images/{study}").status_code == 404
    client = house.signed_in(Role.HOSPITAL_CLIENT, place=house.world.site)
    assert client.get(f"/images/{study}").status_code == 403


def test_an_order_in_two_studies_is_shown_with_what_to_do_until_settled(house: House) -> None:
    ordered(house, "PIECES1", "M-PIECES")
    first, second = (arrived(house, "M-PIECES", "PIECES1", 1) for _ in range(2))
    browser = house.signed_in(Role.GROUP_MANAGER)
    page = browser.get("/exceptions/pieces").text
    assert "one order, several studies" in page
    assert all(f"/images/{one}" in page for one in (first, second))
    subject = page.split("/exceptions/pieces/")[1].split("/settle")[0]
    done = browser.post(
        f"/exceptions/pieces/{subject}/settle", data={"words": "two passes, one report"}
    )
    assert done.status_code == 303
    assert f"/images/{first}" not in browser.get("/exceptions/pieces").text


def test_images_that_come_after_a_merge_are_shown(house: House) -> None:
    ordered(house, "AFTER1", "M-AFTER")
    source = arrived(house, "M-AFTER", "AFTER1", 1)
    target = arrived(house, "M-AFTER", "", 1)
    browser = house.signed_in(Role.GROUP_MANAGER)
    form = {"to": f"study:{target}", "reason": "the console was restarted"}
    assert browser.post(f"/images/{source}/give", data=form).status_code == 200
    assert f"/images/{source}" not in browser.get("/exceptions/pieces").text
    late = look(house, source)[0].study_uid
    house.site.clock.forward(minutes=1)
    arrived(house, "M-AFTER", "AFTER1", 1, uid=late)
    page = browser.get("/exceptions/pieces").text
    assert "images came to a study that was moved away" in page
    assert f"/images/{source}" in page
