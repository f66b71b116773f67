"""The storage pages: what lies where, rules, holds, and removals by two people."""

from collections.abc import Iterator
from dataclasses import replace
from uuid import uuid4

import httpx
import pytest
import sqlalchemy as sa

from confrere.database.engine import transaction
from confrere.imaging import keeping as imaging
from confrere.imaging import service as filing
from confrere.keeping import service as keeping
from confrere.kernel.ids import StudyId
from confrere.kernel.principal import Role
from confrere.network import serving
from confrere.network.site_services import SiteServices
from confrere.patients import service as patients
from confrere.patients.model import Demographics
from confrere.web import images_page, services_page, storage_page, storage_removals
from confrere.web.storage_view import size, used
from tests.integration.lists_house import HTMX, House, lists_house
from tests.integration.test_imaging_filing import arrival
from tests.integration.web_shell import PASSWORD
from tests.integration.world import NOW

PAGES = [storage_page.router, storage_removals.router, images_page.router, services_page.router]


@pytest.fixture(scope="module")
def house(
    postgres_socket: str, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[House]:
    home = tmp_path_factory.mktemp("home")
    with lists_house(postgres_socket, template, PAGES, home) as made:
        yield made


def filed(house: House, accession: str, *, day: str = "20150101", mrn: str = "M1") -> StudyId:
    one = arrival(0, study=f"2.25.{uuid4().int}"[:60], group=house.world.owner)
    head = replace(one.head, accession_number=accession, study_date=day, patient_id=mrn)
    with transaction(house.made.system, frozenset()) as conn:
        study = filing.file_instances(
            conn, [replace(one, head=head, site_id=house.world.site)]
        )[0].study_id
        assert study is not None
        conn.execute(sa.text("update studies set state = 'closed' where id = :i"), {"i": study})
    return study


def switch(house: House, *, archive: bool) -> None:
    new = SiteServices(house.world.owner, house.world.site, archive=archive, cache_days=30)
    with transaction(house.made.app, frozenset({house.world.owner})) as conn:
        serving.switch(conn, replace(new, cache_days=None if archive else 30), confirmed=True)


def engineer(house: House) -> httpx.Client:
    return house.signed_in(Role.IT_ENGINEER)


def manager(house: House) -> httpx.Client:
    return house.signed_in(Role.GROUP_MANAGER)


def test_an_engineer_sees_places_sites_and_sets_a_tier(house: House) -> None:
    switch(house, archive=False)
    study = filed(house, "LM1")
    with transaction(house.made.system, frozenset()) as conn:
        keeping.note_state(
            conn, "main", address="a folder of the server", free_bytes=50, total_bytes=1000,
            looked_at=NOW, damaged=2, scrub_ended_at=NOW,
        )  # fmt: skip
        keeping.note_state(conn, "cold", trouble="the object store does not answer")
        keeping.set_counts(conn, imaging.held(conn), NOW)
        keeping.note_round(
            conn, house.world.owner, house.world.site, 3, {"on legal hold": 1}, NOW
        )
    page = engineer(house).get("/storage").text
    for said in ("95 %", "50 bytes free", "does not answer", "Lakeshore", "cache of 30 days",
                 "1 stays: on legal hold", "1 past its lifetime", "3 left at"):  # fmt: skip
        assert said in page, said
    answer = engineer(house).post(
        f"/storage/tiers/{house.world.site}", headers=HTMX,
        data={"unused_days": "90", "age_days": "", "warm": "yes"},
    )  # fmt: skip
    assert "after 90 days without a view" in answer.text
    assert house.trail("storage rule")[0].detail["unused_days"] == 90
    wrong = engineer(house).post(
        f"/storage/tiers/{house.world.site}", headers=HTMX, data={"unused_days": "soon"}
    )
    assert "whole number" in wrong.text
    assert engineer(house).post(f"/storage/tiers/{uuid4()}", data={}).status_code == 404
    assert house.signed_in(Role.ANALYST, None).get("/storage").status_code == 403
    partner = house.signed_in(Role.IT_ENGINEER, house.world.partner)
    assert "Lakeshore" not in partner.get("/storage").text
    assert partner.get(f"/images/{study}").status_code == 404


def test_rules_carry_their_source_and_a_groups_own_can_be_added_and_ended(house: House) -> None:
    page = manager(house).get("/storage/rules").text
    assert "21 CFR 900.12(c)(4)(i)" in page
    form = {"code": "LMH-10", "words": "kept 10 years", "site": str(house.world.site),
            "modality": "ct", "years": "10", "until_age": "", "source": "contract, section 8"}  # fmt: skip
    added = manager(house).post("/storage/rules", data=form, headers=HTMX).text
    assert "Rule LMH-10 is in force" in added
    without = manager(house).post("/storage/rules", data=form | {"source": ""}, headers=HTMX)
    assert "Name the source" in without.text
    with transaction(house.made.system, frozenset()) as conn:
        (own,) = [one for one in keeping.rules(conn, house.world.owner) if one.owner_group]
        common = next(one for one in keeping.rules(conn, None))
    assert own.modality == "CT"
    assert manager(house).post(f"/storage/rules/{common.id}/end").status_code == 404
    assert "ended" in manager(house).post(f"/storage/rules/{own.id}/end", headers=HTMX).text
    partner = house.signed_in(Role.GROUP_MANAGER, house.world.partner)
    assert "LMH-10" not in partner.get("/storage/rules").text


def test_a_manager_places_and_lifts_holds_by_number(house: House) -> None:
    filed(house, "LM-HOLD")
    with transaction(house.made.system, frozenset()) as conn:
        patients.record(
            conn, house.world.owner, Demographics("LMH-MRN", "M77", "Doe", "Jane", None, "F"), NOW
        )  # fmt: skip
    form = {"kind": "study", "site": str(house.world.site), "number": "LM-HOLD",
            "reason": "subpoena 26-117"}  # fmt: skip
    answer = manager(house).post("/storage/holds", data=form, headers=HTMX).text
    assert "study LM-HOLD" in answer
    assert (
        "on hold already" in manager(house).post("/storage/holds", data=form, headers=HTMX).text
    )
    both = manager(house).post(
        "/storage/holds", data=form | {"kind": "patient", "number": "M77"}, headers=HTMX
    )
    assert "all of patient M77" in both.text
    none = manager(house).post("/storage/holds", data=form | {"number": "X"}, headers=HTMX)
    assert "no study of that site" in none.text
    assert engineer(house).post("/storage/holds", data=form).status_code == 403
    with transaction(house.made.system, frozenset()) as conn:
        (hold,) = [h for h in keeping.holds(conn, [house.world.owner]) if h.study]
    why = {"reason": "case closed"}
    lifted = manager(house).post(f"/storage/holds/{hold.id}/lift", data=why, headers=HTMX).text
    assert "case closed" in lifted
    assert house.trail("legal hold")[0].detail["act"] == "lifted"
    partner = house.signed_in(Role.GROUP_MANAGER, house.world.partner)
    assert "M77" not in partner.get("/storage/holds").text
    assert partner.post(f"/storage/holds/{hold.id}/lift", data=why).status_code == 409


def test_one_proposes_another_approves_and_either_undoes(house: House) -> None:
    filed(house, "LM-DUE", day="20150101")
    switch(house, archive=False)
    assert "no site's archive" in manager(house).get("/storage/removals").text
    switch(house, archive=True)
    assert "Propose their removal" in engineer(house).get("/storage/removals").text
    form = {"site": str(house.world.site), "reason": "yearly review"}
    made = manager(house).post("/storage/removals", data=form, headers=HTMX).text
    assert "You proposed this list" in made
    with transaction(house.made.system, frozenset()) as conn:
        key = conn.execute(sa.text("select id from deletion_lists")).scalar_one()
    url, why = f"/storage/removals/{key}", {"reason": "agreed"}
    assert (
        "ask another person"
        in manager(house).post(f"{url}/approve", data=why, headers=HTMX).text
    )
    assert engineer(house).post(f"{url}/approve", data=why).status_code == 403
    other = house.site.browser()
    name = house.account(Role.GROUP_MANAGER, house.world.owner, None, None)

    other.post("/login", data={"username": name, "password": PASSWORD})
    approved = other.post(f"{url}/approve", data=why, headers=HTMX).text
    assert "The images are removed from" in approved
    assert "LM-DUE" in approved
    assert "42 CFR 482.26" in approved
    partner = house.signed_in(Role.GROUP_MANAGER, house.world.partner)
    assert partner.get(url).status_code == 404
    undone = engineer(house).post(f"{url}/undo", data=why, headers=HTMX).text
    assert "Undone" in undone
    assert "withdrawn" in engineer(house).get("/storage/removals").text
    assert {e.detail["act"] for e in house.trail("removal") if e.action != "R"} >= {
        "proposed", "approved", "undone",
    }  # fmt: skip


def test_a_study_at_the_pacs_says_so_and_can_be_fetched(house: House) -> None:
    study = filed(house, "LM-AWAY")
    with transaction(house.made.system, frozenset()) as conn:
        imaging.put(conn, imaging.one(conn, study), "away", "cache", NOW)
    client = engineer(house)
    assert "At the site&#39;s PACS" in client.get(f"/images/{study}").text or (
        "At the site's PACS" in client.get(f"/images/{study}").text
    )
    assert client.post(f"/storage/fetch/{study}").status_code == 409, "no archive is registered"
    assert client.post(f"/storage/fetch/{uuid4()}").status_code == 404


def test_sizes_in_words() -> None:
    assert [size(n) for n in (None, 0, 999, 1500, 123_456_789, 5 * 10**12)] == [
        "\N{EN DASH}", "0 bytes", "999 bytes", "1.5 KB", "123 MB", "5.0 TB",
    ]  # fmt: skip
    assert used(25, 100) == 75
    assert used(None, None) is None
