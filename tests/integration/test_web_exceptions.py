"""The exceptions page: a person ties, types, places and settles, and the worklist follows."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from pydicom.data import get_testdata_file

from confrere.database.engine import transaction
from confrere.files.folder import BlobStore
from confrere.imaging import asides
from confrere.imaging import service as imaging
from confrere.imaging.head import Head
from confrere.imaging.model import Arrival, Aside
from confrere.imaging.part10 import split_part10
from confrere.kernel.ids import StudyId
from confrere.kernel.principal import Role
from confrere.network import service as network
from confrere.network.systems import SiteHints
from confrere.orders import service as orders
from confrere.orders.model import COMPLETE, Order, OrderContent
from confrere.patients import service as patients
from confrere.patients.model import Demographics
from confrere.web import exceptions_page
from confrere.wiring import exams
from confrere.worklist import service as worklist
from confrere.worklist.dispatch import dispatch
from confrere.worklist.model import Item, State
from tests.integration.lists_house import HTMX, House, lists_house
from tests.integration.world import NOW, suspend


@pytest.fixture(scope="module")
def house(postgres_socket: str, template: str) -> Iterator[House]:
    with lists_house(postgres_socket, template, [exceptions_page.router]) as made:
        yield made


def arrived(house: House, *, mrn: str, accession: str, placed: bool = True) -> StudyId:
    """File a closed CT of one image; follow its event."""
    world, uid = house.world, f"2.25.{uuid4().int}"
    head = Head(
        sop_class="1.2.840.10008.5.1.4.1.1.2", sop_instance=f"{uid}.1.1"[:64],
        study_instance=uid, series_instance=f"{uid}.1"[:64], accession_number=accession,
        patient_id=mrn, patient_name="DOE^JANE", birth_date="19620412",
        sex="F", modality="CT", study_date="20261124", institution="ANNEX",
    )  # fmt: skip
    arrival = Arrival(
        world.owner, world.site if placed else None, head, head.sop_class,
        "1.2.840.10008.1.2.1", uuid4().bytes * 2, 1000, "CT1", NOW,
    )  # fmt: skip
    with transaction(house.made.system, frozenset()) as conn:
        study = imaging.file_instances(conn, [arrival])[0].study_id
        assert study is not None
        exams.study_changed(conn, study, NOW, new_images=False)
    return study


def ordered(house: House, accession: str, mrn: str = "M1", code: str = "CTHEAD") -> Order:
    """Place a complete order; follow its event."""
    world = house.world
    said = Demographics("LMH-MRN", mrn, "Doe", "Jane", None, "F")
    content = OrderContent(
        accession, procedure_code=code, procedure_text="CT head without contrast",
        requested_priority="S", status=COMPLETE, ordered_at=NOW - timedelta(hours=1), exam_complete_at=NOW,
    )  # fmt: skip
    with transaction(house.made.system, frozenset()) as conn:
        patient = patients.record(conn, world.owner, said, NOW)
        order = orders.place(conn, world.owner, world.site, patient.id, content, NOW)
        exams.order_changed(conn, order.id, NOW)
    return order


def items_of(house: House, study: StudyId | None, order: Order | None) -> list[Item]:
    with transaction(house.made.system, frozenset()) as conn:
        return worklist.of_exam(conn, house.world.owner, study, [order.id] if order else [])


def follow(house: House, study: StudyId) -> None:
    """Do what the worker does on StudyCorrected."""
    with transaction(house.made.system, frozenset()) as conn:
        exams.study_changed(conn, study, NOW, new_images=False)


def test_images_are_tied_to_the_order_that_a_person_chose(house: House) -> None:
    order = ordered(house, "LM5001", "M50")
    study = arrived(house, mrn="M50", accession="LM500")
    browser = house.signed_in(Role.IT_ENGINEER)
    assert "LM500<" in browser.get("/exceptions/unmatched").text
    found = browser.get(f"/exceptions/unmatched/{study}/orders", headers=HTMX).text
    assert "similar accession number, same patient" in found
    answer = browser.post(
        f"/exceptions/unmatched/{study}/order", data={"order": str(order.id)}, headers=HTMX
    )
    assert "Tied to LM5001" in answer.text
    follow(house, study)
    open_ones = [one for one in items_of(house, study, order) if one.finished_at is None]
    assert len(open_ones) == 1, "images and order had an item each; one goes on"
    assert (open_ones[0].study, open_ones[0].orders) == (study, (order.id,))
    assert "unmatched" not in open_ones[0].flags
    assert house.trail("study")[0].patient_id == order.patient


def test_another_patients_order_needs_a_second_look(house: House) -> None:
    order = ordered(house, "LM6001", "M61")
    study = arrived(house, mrn="M60", accession="LM6001")
    browser, path = house.signed_in(Role.IT_ENGINEER), f"/exceptions/unmatched/{study}/order"
    assert "other identity" in browser.get(f"/exceptions/unmatched/{study}/orders").text
    form = {"order": str(order.id)}
    refused = browser.post(path, data=form, headers=HTMX)
    assert refused.status_code == 422
    assert "another patient identity" in refused.text
    assert browser.post(path, data=form | {"checked": "yes"}).status_code == 200
    with transaction(house.made.system, frozenset()) as conn:
        assert imaging.study(conn, study).patient_id == order.patient
    assert house.trail("study")[0].detail["patient_changed"] == "yes"


def test_mapping_a_code_types_the_orders_that_wait(house: House) -> None:
    order = ordered(house, "LM7001", "M70", code="MYSTERY")
    browser = house.signed_in(Role.IT_ENGINEER)
    page = browser.get("/exceptions/codes").text
    assert "MYSTERY" in page
    assert "the same words in your maps: CT head without contrast (CTHEAD)" in page
    form: dict[str, Any] = {
        "site": str(house.world.site), "code": "MYSTERY", "text": "CT head without contrast",
        "modality": "CT", "body_region": "head", "subspecialty": "neuro", "minutes": 9,
        "wrvu": "0.85",
    }  # fmt: skip
    for wrong in ({"modality": "XX"}, {"subspecialty": ""}, {"minutes": 0}, {"wrvu": "NaN"}):
        assert browser.post("/exceptions/codes", data=form | wrong).status_code == 422, wrong
    assert "orders typed: 1" in browser.post("/exceptions/codes", data=form).text
    with transaction(house.made.system, frozenset()) as conn:
        typed = orders.get(conn, order.id)
        exams.order_changed(conn, order.id, NOW)
    assert (typed.mapped, typed.subspecialty, typed.modality) == (True, "neuro", "CT")
    assert "unmapped" not in items_of(house, None, order)[0].flags
    assert "MYSTERY" not in browser.get("/exceptions/codes").text


def test_the_site_is_chosen_and_the_next_images_find_it_themselves(house: House) -> None:
    study = arrived(house, mrn="M80", accession="LM800", placed=False)
    assert items_of(house, study, None) == []
    browser = house.signed_in(Role.IT_ENGINEER)
    assert "ANNEX" in browser.get("/exceptions/places").text
    form = {"site": str(house.world.site), "remember": "yes"}
    path = f"/exceptions/places/{study}/site"
    assert "belong to Lakeshore Memorial" in browser.post(path, data=form).text
    assert browser.post(path, data=form).status_code == 409
    follow(house, study)
    assert items_of(house, study, None)[0].site == house.world.site
    with transaction(house.made.system, frozenset()) as conn:
        unplaced = replace(network.peer(conn, house.world.dicom), site=None)
        assert network.site_of(conn, unplaced, SiteHints(institution="Annex")) is not None


def test_what_is_kept_aside_is_settled_in_words_once(house: House) -> None:
    with transaction(house.made.system, frozenset()) as conn:
        asides.keep(conn, Aside(
            house.world.owner, "truncated", "the pixel data end early", b"d" * 32, 5000, NOW,
            field="PixelData", remedy="send it again", calling_aet="CT1", sop_uid="1.2.3",
        ))  # fmt: skip
        aside = conn.execute(sa.text("select id from kept_aside")).scalar_one()
    browser, path = house.signed_in(Role.IT_ENGINEER), f"/exceptions/aside/{aside}/settle"
    assert "PixelData" in browser.get("/exceptions/aside").text
    assert browser.post(path).status_code == 422
    assert "Settled" in browser.post(path, data={"words": "sent again"}).text
    assert browser.post(path, data={"words": "sent again"}).status_code == 409
    assert house.trail("kept aside")[0].object_id == aside


def test_what_is_kept_aside_is_tried_again_and_stays_while_it_is_broken(
    house: House, tmp_path: Path
) -> None:
    blobs = BlobStore(tmp_path)
    data = Path(get_testdata_file("CT_small.dcm")).read_bytes()
    meta, start = split_part10(data)
    whole, uid = data[start:], meta.sop_instance
    with transaction(house.made.system, frozenset()) as conn:
        for content, sop_uid in ((whole, uid), (whole[:2000], "1.2.3.4")):
            asides.keep(conn, Aside(
                house.world.owner, "invalid", "the site was not known", blobs.put(content),
                len(content), NOW, calling_aet="CT1", sop_uid=sop_uid,
                transfer_syntax=meta.transfer_syntax,
                detail={"sop_class": meta.sop_class},
            ))  # fmt: skip
        both = asides.listed(conn, frozenset({house.world.owner}))
    browser = house.signed_in(Role.IT_ENGINEER)
    for one in both:
        answer = browser.post(f"/exceptions/aside/{one.id}/replay")
        assert "Being tried again" in answer.text
        with transaction(house.made.system, frozenset()) as conn:
            exams.replay(conn, blobs, one.id, "it", NOW)
    with transaction(house.made.system, frozenset()) as conn:
        (left,) = asides.listed(conn, frozenset({house.world.owner}))
    assert left.sop_uid == "1.2.3.4"
    filed = next(one for one in both if one.id != left.id)
    assert browser.post(f"/exceptions/aside/{filed.id}/replay").status_code == 409
    other = house.signed_in(Role.IT_ENGINEER, house.world.partner)
    assert other.post(f"/exceptions/aside/{left.id}/replay").status_code == 404


def test_an_exam_that_nobody_may_read_says_who_comes_closest(house: House) -> None:
    world = house.world
    ordered(house, "LM9001", "M90")
    with transaction(house.made.system, frozenset()) as conn:
        suspend(conn, world)
        dispatch(conn, network.directory(conn, NOW), NOW)
    page = house.signed_in(Role.GROUP_MANAGER).get("/exceptions/nobody").text
    assert "LM9001" in page
    assert "2 fail agreement" in page
    assert "is suspended" in page


def test_the_first_list_with_work_opens(house: House) -> None:
    answer = house.signed_in(Role.IT_ENGINEER).get("/exceptions")
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/exceptions/")


def test_another_groups_images_and_orders_are_out_of_reach(house: House) -> None:
    order, study = ordered(house, "LM1001", "M10"), arrived(house, mrn="M11", accession="X1")
    other = house.signed_in(Role.IT_ENGINEER, house.world.partner)
    assert ">X1<" not in other.get("/exceptions/unmatched").text
    form = {"order": str(order.id), "checked": "yes"}
    assert other.post(f"/exceptions/unmatched/{study}/order", data=form).status_code == 404
    assert other.get(f"/exceptions/unmatched/{study}/orders").status_code == 404
    meaning = {
        "site": str(house.world.site),
        "code": "A",
        "modality": "CT",
        "subspecialty": "x",
    }
    assert other.post("/exceptions/codes", data=meaning).status_code == 404
    reader = house.signed_in(Role.RADIOLOGIST, reader=house.world.general)
    assert reader.get("/exceptions/aside").status_code == 403


def test_an_order_of_another_site_is_refused(house: House) -> None:
    with transaction(house.made.system, frozenset()) as conn:
        site = network.site(conn, house.world.site)
        second = network.add_site(conn, replace(site, code="LM2", result_peer=None))
        said = Demographics("LMH-MRN", "M12", "Doe", "Jane")
        patient = patients.record(conn, house.world.owner, said, NOW)
        content = OrderContent("LM2-1", procedure_code="CTHEAD")
        order = orders.place(conn, house.world.owner, second, patient.id, content, NOW)
    study = arrived(house, mrn="M12", accession="Y1")
    answer = house.signed_in(Role.IT_ENGINEER).post(
        f"/exceptions/unmatched/{study}/order", data={"order": str(order.id)}
    )
    assert answer.status_code == 403
    assert "another site" in answer.text


def test_a_cancelled_spare_is_never_the_one_that_somebody_holds(house: House) -> None:
    order = ordered(house, "LM1101", "M15")
    study = arrived(house, mrn="M15", accession="Z1")
    held = items_of(house, None, order)[0]
    with transaction(house.made.system, frozenset()) as conn:
        conn.execute(
            sa.text("update items set held_by = :reader, lease_until = :until where id = :id"),
            {"reader": house.world.neuro, "until": NOW + timedelta(hours=1), "id": held.id},
        )
        imaging.tie_order(conn, study, order, "Pat", NOW)
        exams.study_changed(conn, study, NOW, new_images=False)
    left = {one.id: one.state for one in items_of(house, study, order)}
    assert left.pop(held.id) is not State.CANCELLED
    assert set(left.values()) == {State.CANCELLED}
