"""The pages of agreements: a list, a form that says what it means, and each one's own page."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, time

import httpx
import pytest

from confrere.database.engine import transaction
from confrere.kernel.ids import AgreementId
from confrere.kernel.principal import Role
from confrere.network import service as network
from confrere.network import signing
from confrere.web import agreement_form, agreements_page, network_page, opt_outs_page
from confrere.web.agreement_words import lifetime, sentence
from tests.integration.lists_house import HTMX, House, lists_house
from tests.integration.reading_room import stranger
from tests.integration.world import ALWAYS, NOW, agree, agreed

ROUTERS = [
    network_page.router, agreement_form.router, agreements_page.router, opt_outs_page.router,
]  # fmt: skip
LIST = "/network/agreements"


@pytest.fixture(scope="module")
def house(postgres_socket: str, template: str) -> Iterator[House]:
    with lists_house(postgres_socket, template, ROUTERS) as made:
        yield made


def state_of(house: House, agreement: AgreementId) -> str:
    with transaction(house.made.system, frozenset()) as conn:
        return signing.get(conn, agreement).state


def manager(house: House, *, partner: bool = False) -> httpx.Client:
    group = house.world.partner if partner else house.world.owner
    return house.signed_in(Role.GROUP_MANAGER, group)


def test_an_agreement_reads_as_a_sentence(house: House) -> None:
    made = agreed(
        house.world.owner, house.world.partner, window_start=time(22), window_end=time(7),
        priorities=frozenset({"stat", "ed"}), weekdays=frozenset(range(5)),
    )  # fmt: skip
    with transaction(house.made.system, frozenset()) as conn:
        directory = network.directory(conn, NOW)
    words = sentence(
        made, made.owner_group, made.reading_group, directory.groups, directory.sites
    )
    assert words == (
        "Lakeshore lets Prairie read neuro exams of all its sites, STAT and ED, from 22:00 to "
        "07:00 America/Chicago (through the night) on Mondays to Fridays; priors are shared."
    )
    assert lifetime(made, ALWAYS[1]) == "1 Jan 2020 to 1 Jan 2035, 0 days left"


def test_either_party_suspends_and_resumes_and_both_trails_know(house: House) -> None:
    world = house.world
    path = f"{LIST}/{world.agreement}"
    for partner in (True, False):
        mine, other = manager(house, partner=partner), manager(house, partner=not partner)
        assert "neuro cover" in mine.get(LIST).text
        assert mine.post(f"{path}/suspend", data={"reason": ""}).status_code == 422
        done = mine.post(f"{path}/suspend", data={"reason": "no cover"}, headers=HTMX)
        assert "Suspended." in done.text
        assert "no cover" in other.get(path).text
        assert state_of(house, world.agreement) == "suspended"
        again = mine.post(f"{path}/suspend", data={"reason": "no cover"})
        assert again.status_code == 409
        refusal = other.post(f"{path}/resume")
        assert refusal.status_code == 403
        assert "only they can resume" in refusal.text
        assert "In force again" in mine.post(f"{path}/resume", headers=HTMX).text
        assert state_of(house, world.agreement) == "in force"
    for group in (world.partner, world.owner):
        acts = [one.detail["act"] for one in house.trail("agreement", group)]
        assert acts == ["resumed", "suspended"] * 2


FORM = {
    "direction": "lend", "title": "Lakeshore chest", "subspecialties": ["chest"],
    "read_types": ["final"], "hours": "window", "window_start": "22:00", "window_end": "07:00",
    "window_zone": "America/Chicago", "starts_on": "2026-12-01", "ends_on": "2027-11-30",
    "daily_cap": "12", "response_stat": "25", "own_first": "yes", "overflow": "share",
    "overflow_share": "60", "shares_priors": "yes", "rate": "31.50", "rate_per": "wRVU",
    "currency": "usd",
}  # fmt: skip


def test_one_proposes_the_other_signs_and_a_change_shows_its_differences(house: House) -> None:
    owner, partner = manager(house), manager(house, partner=True)
    form = FORM | {"group": str(house.world.partner)}
    told = owner.post(f"{LIST}/preview", data=form, headers=HTMX).text
    assert "Lakeshore lets Prairie read chest exams" in told
    answer = owner.post(LIST, data=form)
    assert answer.status_code == 303
    path = answer.headers["location"]
    assert "waits for your signature" in partner.get(LIST).text
    assert "waits for your signature" not in owner.get(LIST).text
    page = partner.get(path).text
    for words in (
        "31.5 USD per wRVU",
        "at most 12 exams a day",
        "60 % of the time",
        "STAT 25 min",
    ):
        assert words in page, words
    assert (
        "is signed by both"
        in partner.post(f"{path}/sign", data={"version": 1}, headers=HTMX).text
    )
    amended = partner.get(f"{path}/amend").text
    assert 'value="31.5"' in amended
    assert 'value="Lakeshore chest"' in amended
    change = form | {"daily_cap": "20", "rate": "33", "group": "", "direction": "read"}
    answer = partner.post(f"{path}/amend", data=change, headers=HTMX)
    assert answer.headers["hx-redirect"] == path
    page = owner.get(path).text
    assert "<del>at most 12 exams a day</del>" in page
    assert "<ins>33 USD per wRVU</ins>" in page
    assert "Terms in force" in page
    assert owner.post(f"{path}/sign", data={"version": 1}).status_code == 409
    assert owner.post(f"{path}/sign", data={"version": 2}, headers=HTMX).status_code == 200
    assert "at most 20 exams a day" in partner.get(path).text


def test_an_overlap_is_foretold_and_refused_by_name(house: House) -> None:
    owner, partner = manager(house), manager(house, partner=True)
    form = FORM | {"group": str(house.world.partner), "subspecialties": ["neuro"]}
    told = owner.post(f"{LIST}/preview", data=form, headers=HTMX).text
    assert "neuro cover covers already" in told
    path = owner.post(LIST, data=form).headers["location"]
    refusal = partner.post(f"{path}/sign", data={"version": 1}, headers=HTMX)
    assert refusal.status_code == 409
    assert "“neuro cover”" in refusal.text
    assert "withdrawn" in owner.post(f"{path}/refuse", data={"version": 1}, headers=HTMX).text


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"group": ""}, "choose the other group"),
        ({"title": ""}, "give a title"),
        ({"starts_on": "1.12.2026"}, "give the day as"),
        ({"ends_on": "2025-01-01"}, "before the first"),
        ({"window_start": ""}, "give the hour as"),
        ({"window_zone": "Mars/Base"}, "name the clock"),
        ({"rate": "31,50"}, "is not a number"),
        ({"daily_cap": "-3"}, "not a whole number"),
        ({"overflow_share": "160"}, "between 0 and 100"),
        ({"read_types": []}, "choose among"),
        ({"site_ids": ["00000000-0000-4000-8000-000000000001"]}, "only sites of the owner"),
    ],
)
def test_what_nobody_could_sign_is_refused_in_words(
    house: House, changes: dict[str, object], says: str
) -> None:
    form = FORM | {"group": str(house.world.partner)} | changes
    told = manager(house).post(f"{LIST}/preview", data=form, headers=HTMX)
    assert told.status_code == 200
    assert says in told.text
    refusal = manager(house).post(LIST, data=form)
    assert refusal.status_code == 422
    assert says in refusal.text


def test_the_form_is_for_who_manages_agreements(house: House) -> None:
    reader = house.signed_in(Role.RADIOLOGIST, reader=house.world.general)
    assert reader.get("/network/propose").status_code == 403
    assert "Propose an agreement" not in reader.get(LIST).text
    assert reader.post(f"{LIST}/{house.world.agreement}/suspend").status_code == 403
    alone = house.signed_in(Role.ADMINISTRATOR, None)
    assert alone.get("/network/propose").status_code == 422
    assert alone.get(LIST).status_code == 200


def test_a_third_group_finds_no_such_agreement(house: House) -> None:
    with transaction(house.made.system, frozenset()) as conn:
        third, _ = stranger(conn, house.world)
        made = agree(conn, replace(agreed(house.world.owner, house.world.partner, state="proposed"),
                                   starts_on=date(2036, 1, 1), ends_on=date(2037, 1, 1)))  # fmt: skip
    outsider = house.signed_in(Role.GROUP_MANAGER, third)
    for path in (f"{LIST}/{house.world.agreement}", f"{LIST}/{made}", f"{LIST}/{made}/amend"):
        assert outsider.get(path).status_code == 404
    assert "neuro cover" not in outsider.get(LIST).text
    assert outsider.post(f"{LIST}/{made}/sign", data={"version": 1}).status_code == 404


def test_an_agreement_is_ended_with_a_reason(house: House) -> None:
    with transaction(house.made.system, frozenset()) as conn:
        made = agree(conn, agreed(house.world.partner, house.world.owner, title="over soon"))
    page = manager(house).post(f"{LIST}/{made}/end", data={"reason": "merged"}, headers=HTMX)
    assert "Ended." in page.text
    assert state_of(house, made) == "ended"


def test_a_class_of_exams_is_kept_home_and_let_go(house: House) -> None:
    owner, path = manager(house), "/network/opt-outs"
    form = {
        "subspecialty": "peds",
        "modality": "MR",
        "starts_on": "2026-11-01",
        "reason": "trial",
    }
    page = owner.post(path, data=form, headers=HTMX).text
    assert "peds MR exams of all sites" in page
    with transaction(house.made.app, frozenset({house.world.partner})) as conn:
        lent = next(
            one for one in network.agreements(conn) if one.id == house.world.agreement
        )  # the group that reads must judge by it, too
    assert [(one.subspecialty, one.reason) for one in lent.kept_home] == [("peds", "trial")]
    ended = owner.post(f"{path}/{lent.kept_home[0].id}/end", headers=HTMX).text
    assert "Agreements decide" in ended
    assert ">over<" in ended
    assert owner.post(f"{path}/{lent.kept_home[0].id}/end").status_code == 422
    partner = manager(house, partner=True)
    assert partner.post(f"{path}/{lent.kept_home[0].id}/end").status_code == 404
    for wrong in ({"reason": ""}, {"starts_on": "soon"}, {"ends_on": "2020-01-01"},
                  {"site": "00000000-0000-4000-8000-000000000001"}):  # fmt: skip
        assert owner.post(path, data=form | wrong).status_code == 422
