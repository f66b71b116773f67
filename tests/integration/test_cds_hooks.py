"""Advice on orders over real sockets: CDS Hooks, HL7 orders, the pages, and who sees what."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey
from sqlalchemy import Connection

from confrere.advice import service as advice
from confrere.cdshooks.door import router as cds_router
from confrere.chart import service as chart
from confrere.chart.model import EGFR, LabValue
from confrere.database.engine import transaction
from confrere.files.folder import BlobStore
from confrere.identity import service as identity
from confrere.identity.permissions import Permission
from confrere.kernel.ids import GroupId, OrderId, PatientId, ReaderId, SiteId
from confrere.kernel.principal import Role
from confrere.network import service as network
from confrere.network.model import Site as Place
from confrere.orders import service as orders
from confrere.orders.model import CANCELLED, COMPLETE, Order, OrderContent, Procedure
from confrere.patients import linking
from confrere.patients import service as patients
from confrere.patients.model import Demographics, Number
from confrere.reading import service as reading
from confrere.reading.service import Received
from confrere.settings import Settings
from confrere.web import (
    admin_page,
    advice_effect_page,
    advice_page,
    advice_rules_page,
    advice_try_page,
)
from confrere.web.access import AllowSigned
from confrere.wiring.advising import order_changed
from confrere.wiring.hooks import Hooks
from confrere.wiring.house import House
from tests.database import Databases, clone, count, drop
from tests.integration.web_shell import KEY, PASSWORD, Clock, Site, serving
from tests.integration.world import NOW, World, build, suspend

IMPRESSION = "No haemorrhage. Old left lacunar infarct."
TEXT = f"FINDINGS: as before.\nIMPRESSION: {IMPRESSION}"
ASSIGNER = "urn:confrere:assigner:LMH-MRN"
PATIENT = 20.0  # seconds: what is tested here is the answer, not how busy the machine is
JANE = Demographics("LMH-MRN", "M1", "Doe", "Jane", NOW.date().replace(1990), "F", "60614")


@dataclass
class Room:
    """The served application, and a patient with two earlier head CTs."""

    site: Site
    made: Databases
    world: World
    patient: PatientId
    own: OrderId
    theirs: OrderId

    def person(self, role: Role, group: GroupId, site: SiteId | None = None,
               reader: ReaderId | None = None) -> Any:  # fmt: skip
        with transaction(self.made.app, frozenset()) as conn:
            return identity.create_user(
                conn, f"u{uuid4().hex[:8]}", "Somebody", role, group=group, reader=reader,
                site=site, password=PASSWORD, now=NOW,
            )  # fmt: skip

    def client(self) -> httpx.Client:
        """The site's ordering system."""
        user = self.person(Role.HOSPITAL_CLIENT, self.world.owner, self.world.site)
        return self.site.client(**self.site.token(user))


def earlier(conn: Connection, owner: GroupId, site: SiteId, patient: PatientId, accession: str,
            days: int) -> Order:  # fmt: skip
    at = NOW - timedelta(days=days)
    content = OrderContent(
        accession, procedure_code="CTHEAD", procedure_text="CT head without contrast",
        status=COMPLETE, ordered_at=at, exam_complete_at=at,
    )  # fmt: skip
    order = orders.place(conn, owner, site, patient, content, NOW)
    came = Received(
        owner, site, patient, (order.id,), None, "CT head", TEXT, "Gray, Gail", True, at, at
    )
    reading.receive(conn, came, [], NOW)
    return order


@contextmanager
def room(made: Databases, home: Path, within: float = PATIENT) -> Iterator[Room]:
    clock = Clock(NOW)
    with transaction(made.system, frozenset()) as conn:
        world = build(conn)
        there = network.add_site(
            conn, Place(SiteId(UUID(int=0)), world.partner, "PRA", "Prairie General", "Prairie",
                        "IL", "America/Chicago", "hospital", "PRA-MRN"),
        )  # fmt: skip
        line = Procedure(
            world.partner, there, "CTHEAD", "CT head without contrast", "CT", "head", "neuro"
        )
        orders.map_procedures(conn, [line])
        jane = patients.record(conn, world.owner, JANE, NOW).id
        other = replace(JANE, assigner="PRA-MRN", mrn="P9")
        same = patients.record(conn, world.partner, other, NOW).id
        assert same in linking.link_matches(conn, jane, NOW)
        own = earlier(conn, world.owner, world.site, jane, "LM1", 3)
        theirs = earlier(conn, world.partner, there, same, "PR1", 5)
    house = House(
        Settings(), made.app, made.system, BlobStore(home / "blobs"), KEY, clock, lambda: 0.5
    )
    hooks = cds_router(
        AllowSigned(Permission.ASK_ADVICE),
        Hooks(house),
        lambda r: str(r.base_url).rstrip("/"),
        within=within,
    )
    pages = (admin_page, advice_page, advice_rules_page, advice_try_page, advice_effect_page)
    site = Site(made, home, (*(one.router for one in pages), hooks), clock=clock)
    with serving(site):
        yield Room(site, made, world, jane, own.id, theirs.id)


@pytest.fixture(scope="module")
def shared(
    postgres_socket: str, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Room]:
    """A room for tests that leave its exams as they are."""
    made = clone(postgres_socket, template)
    with room(made, tmp_path_factory.mktemp("advice")) as found:
        yield found
    drop(made)


@pytest.fixture
def here(fresh: Databases, tmp_path: Path) -> Iterator[Room]:
    with room(fresh, tmp_path) as made:
        yield made


def draft(code: str = "CTHEAD", reason: str = "Known infarct", key: str = "sr1",
          **more: Any) -> dict[str, Any]:  # fmt: skip
    return {
        "resourceType": "ServiceRequest", "id": key, "status": "draft", "intent": "order",
        "code": {"coding": [{"code": code, "display": "CT head without contrast"}]},
        "reasonCode": [{"text": reason}], **more,
    }  # fmt: skip


def asks(*drafts: dict[str, Any], hook: str = "order-sign", mrn: str = "M1",
         system: str = ASSIGNER) -> dict[str, Any]:  # fmt: skip
    context: dict[str, Any] = {
        "userId": "Practitioner/1", "patientId": "1288992",
        "draftOrders": {
            "resourceType": "Bundle",
            "entry": [{"resource": one} for one in drafts],
        },
    }  # fmt: skip
    if hook == "order-select":
        context["selections"] = [f"ServiceRequest/{one['id']}" for one in drafts[:1]]
    identifier = [{"system": system, "value": mrn}]
    patient = {"resourceType": "Patient", "id": "1288992", "identifier": identifier}
    return {
        "hook": hook, "hookInstance": str(uuid4()), "context": context,
        "prefetch": {"patient": patient},
    }  # fmt: skip


def check_card(card: dict[str, Any]) -> None:
    """The shape of a card, CDS Hooks 2.0 section Card Attributes."""
    UUID(card["uuid"])
    assert 0 < len(card["summary"]) < 140
    assert card["indicator"] in ("info", "warning")
    assert card["source"]["label"]
    assert set(card["source"]["topic"]) == {"system", "code"}
    for reason in card["overrideReasons"]:
        assert reason["code"]
        assert reason["system"]
        assert reason["display"]
    for link in card.get("links", []):
        assert link["type"] == "absolute"
        assert link["url"].startswith("http://")
        assert not any(word in link["url"] for word in ("M1", "Doe", "LM1"))


def test_discovery_names_both_hooks_and_their_prefetch(shared: Room) -> None:
    assert shared.site.client().get("/cds-services").status_code == 401
    answer = shared.client().get("/cds-services", headers={"origin": "https://ehr.example"})
    assert "access-control-allow-origin" not in answer.headers
    services = {one["hook"]: one for one in answer.json()["services"]}
    assert set(services) == {"order-select", "order-sign"}
    for one in services.values():
        assert one["id"]
        assert one["description"]
        assert one["title"]
        assert one["prefetch"]["patient"] == "Patient/{{context.patientId}}"


def test_a_recent_similar_exam_raises_a_card_with_report_and_link(shared: Room) -> None:
    client = shared.client()
    for hook in ("order-select", "order-sign"):
        answer = client.post(f"/cds-services/imaging-{hook}", json=asks(draft(), hook=hook))
        assert answer.status_code == 200, answer.text
        cards = answer.json()["cards"]
        assert [one["source"]["topic"]["code"] for one in cards] == ["duplicate", "duplicate"]
        for card in cards:
            check_card(card)
            assert IMPRESSION in card["detail"]
        assert "3 days ago" in cards[0]["summary"]
        assert "Lakeshore" in cards[0]["summary"]
        assert "5 days ago" in cards[1]["summary"]
        assert "Prairie" in cards[1]["summary"]
    for card in cards:
        path = card["links"][0]["url"].removeprefix(str(client.base_url).rstrip("/"))
        user = shared.person(Role.HOSPITAL_CLIENT, shared.world.owner, shared.world.site)
        page = shared.site.signed_in(user).get(path)
        assert page.status_code == 200
        assert IMPRESSION in page.text
    stranger = shared.person(Role.GROUP_MANAGER, shared.world.partner)
    assert shared.site.signed_in(stranger).get(path).status_code == 404
    kinds = [one.kind for one in shared.site.events()]
    assert "advice" in kinds
    assert "report" in kinds


def test_another_groups_exam_is_named_only_while_an_agreement_shares_priors(here: Room) -> None:
    with transaction(here.made.system, frozenset()) as conn:
        suspend(conn, here.world)
    answer = here.client().post("/cds-services/imaging-order-sign", json=asks(draft()))
    assert ["Prairie" in one["summary"] for one in answer.json()["cards"]] == [False]


def test_what_is_not_ready_in_time_is_answered_without_cards(
    fresh: Databases, tmp_path: Path
) -> None:
    with room(fresh, tmp_path, within=0.0) as hurried:
        answer = hurried.client().post("/cds-services/imaging-order-sign", json=asks(draft()))
    assert answer.status_code == 200
    assert answer.json() == {"cards": []}


def test_who_is_not_surely_known_gets_no_card(shared: Room) -> None:
    client = shared.client()
    for wrong in ({"mrn": "M2"}, {"system": "urn:oid:1.2.3"}, {"system": ""}):
        answer = client.post("/cds-services/imaging-order-sign", json=asks(draft(), **wrong))
        assert answer.json() == {"cards": []}


def test_a_doubtful_need_is_said_with_its_source(shared: Room) -> None:
    headache = draft("CTHEAD", "Headache for two days, otherwise well")
    answer = shared.client().post("/cds-services/imaging-order-sign", json=asks(headache))
    card = next(c for c in answer.json()["cards"] if c["indicator"] == "info")
    check_card(card)
    assert card["summary"].startswith("May not be needed")
    assert "Choosing Wisely" in card["detail"]
    assert "HEADACHE version 1" in card["detail"]


def test_the_charts_kidney_value_counts_where_the_order_tells_none(here: Room) -> None:
    contrast = draft("CTABD", "Abdominal pain") | {"code": {"text": "CT abdomen with contrast"}}
    contrast["code"]["coding"] = []

    def doubts(**more: Any) -> list[str]:
        body = asks(contrast)
        body["prefetch"] |= more
        answer = here.client().post("/cds-services/imaging-order-sign", json=body)
        assert answer.status_code == 200
        return [one["detail"] for one in answer.json()["cards"] if "eGFR" in one["detail"]]

    assert doubts() == []
    with transaction(here.made.system, frozenset()) as conn:
        low = LabValue(EGFR, "24", "mL/min/1.73m2", NOW - timedelta(days=2))
        chart.hear_labs(conn, here.world.owner, here.patient, here.world.site, [low], NOW)
    assert any("eGFR 24" in one for one in doubts())
    told = {"code": {"coding": [{"code": "98979-8"}]}, "valueQuantity": {"value": 80}}
    bundle = {"resourceType": "Bundle", "entry": [{"resource": told}]}
    assert doubts(egfr=bundle) == []  # what the ordering system says of today goes first


def test_a_further_number_of_the_sites_patient_names_them_too(here: Room) -> None:
    with transaction(here.made.system, frozenset()) as conn:
        region = frozenset({Number("REGION", "E55", "PI")})
        patients.record(conn, here.world.owner, replace(JANE, further=region), NOW)
    asked = asks(draft(), mrn="E55", system="urn:confrere:assigner:REGION")
    answer = here.client().post("/cds-services/imaging-order-sign", json=asked)
    assert len(answer.json()["cards"]) == 2


def test_an_ordering_system_signs_each_request_with_its_own_key(here: Room) -> None:
    key = ECKey.generate_key("P-384", {"kid": "k1"})
    user = here.person(Role.HOSPITAL_CLIENT, here.world.owner, here.world.site)
    admin = here.site.signed_in(here.person(Role.ADMINISTRATOR, here.world.owner))
    page = admin.get(f"/admin/{user.id}")
    assert "Signed requests" in page.text
    typed = {
        "issuer": "https://ehr.example",
        "keys": json.dumps({"keys": [key.as_dict(private=False)]}),
    }
    assert admin.post(f"/admin/{user.id}/keys", data=typed | {"keys": "{}"}).status_code == 422
    done = admin.post(f"/admin/{user.id}/keys", data=typed)
    assert done.status_code == 200, done.text
    path = "/cds-services/imaging-order-sign"
    ours = here.site.context.settings.page_address

    def post(aud: str = ours + path, jti: str = "") -> httpx.Response:
        at = int(here.site.context.now().timestamp())
        said = {"iss": "https://ehr.example", "aud": aud, "iat": at, "exp": at + 200,
                "jti": jti or str(uuid4())}  # fmt: skip
        token = jwt.encode({"alg": "ES384", "kid": "k1"}, said, key, algorithms=["ES384"])
        client = here.site.client(authorization=f"Bearer {token}")
        return client.post(path, json=asks(draft()))

    assert len(post(jti="first").json()["cards"]) == 2
    assert post(jti="first").status_code == 401  # replayed
    assert "it was used before (jti)" in admin.get(f"/admin/{user.id}").text
    assert post("https://elsewhere.example" + path).status_code == 401
    assert "it is for another address (aud)" in admin.get(f"/admin/{user.id}").text
    assert post().status_code == 200
    removed = admin.post(f"/admin/{user.id}/keys/remove")
    assert removed.status_code == 200
    assert post().status_code == 401


def test_feedback_is_kept_with_its_reason_and_shown_in_the_effect(shared: Room) -> None:
    client = shared.client()
    cards = client.post("/cds-services/imaging-order-sign", json=asks(draft())).json()["cards"]
    reason = {"reason": {"code": "planned", "system": "x"}, "userComment": "as agreed"}
    rows = [
        {"card": cards[0]["uuid"], "outcome": "overridden", "overrideReason": reason,
         "outcomeTimestamp": "2026-11-24T15:00:00Z"},
        {"card": cards[1]["uuid"], "outcome": "accepted", "acceptedSuggestions": [],
         "outcomeTimestamp": "2026-11-24T15:00:00Z"},
    ]  # fmt: skip
    path = "/cds-services/imaging-order-sign/feedback"
    assert client.post(path, json={"feedback": rows}).status_code == 200
    unknown = [rows[0] | {"card": str(uuid4())}]
    assert client.post(path, json={"feedback": unknown}).status_code == 404
    manager = shared.person(Role.GROUP_MANAGER, shared.world.owner)
    page = shared.site.signed_in(manager).get("/advice/effect")
    assert page.status_code == 200, page.text
    assert "planned as agreed" in page.text
    assert "Not measured here: repeat rate" in page.text


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"hook": "order-select"}, "hook"),
        ({"hook": "order-sign"}, "context"),
        ({"hook": "order-sign", "context": {}}, "context.patientId"),
        ({"hook": "order-sign", "context": {"patientId": "1"}}, "context.draftOrders"),
    ],
)
def test_a_bad_request_names_its_field(shared: Room, body: Any, field: str) -> None:
    answer = shared.client().post("/cds-services/imaging-order-sign", json=body)
    assert (answer.status_code, answer.json()["field"]) == (422, field)


def test_hostile_bodies_are_refused_and_others_are_not_held_up(shared: Room) -> None:
    client, path = shared.client(), "/cds-services/imaging-order-sign"
    for raw in (b"{", b"[" * 200_000, b'{"hook": NaN}', b"x" * 300_000, b"\xff"):
        assert client.post(path, content=raw).status_code == 422
    odd = asks(draft() | {"code": {"coding": "no"}}, {"resourceType": "Patient"})
    assert client.post(path, json=odd).json() == {"cards": []}
    assert client.post("/cds-services/nothing", json={}).status_code == 404


def test_an_order_by_hl7_is_advised_on_decided_and_followed(here: Room) -> None:
    content = OrderContent(
        "LM2", procedure_code="CTHEAD", procedure_text="CT head without contrast",
        clinical_question="Dizzy", ordered_at=NOW,
    )  # fmt: skip
    with transaction(here.made.system, frozenset()) as conn:
        order = orders.place(
            conn, here.world.owner, here.world.site, here.patient, content, NOW
        )
        order_changed(conn, order.id, NOW)
        order_changed(conn, order.id, NOW)
        shown = advice.of_orders(conn, here.world.owner, [order.id])
        assert sorted(one.days for one in shown) == [3, 5]
    manager = here.site.signed_in(here.person(Role.GROUP_MANAGER, here.world.owner))
    page = manager.get("/advice")
    assert page.status_code == 200
    assert "Open report and images" in page.text
    card = next(one for one in shown if one.days == 3)
    refused = manager.post(f"/advice/{card.id}/decide", data={"decision": "go on"})
    assert refused.status_code == 422
    assert "say why" in refused.text
    done = manager.post(
        f"/advice/{card.id}/decide", data={"decision": "go on", "reason": "planned"}
    )
    assert "Noted: go on" in done.text
    assert "Planned follow-up" in manager.get("/advice?which=all").text
    assert "Taken back" in manager.post(f"/advice/{card.id}/undo").text
    with transaction(here.made.system, frozenset()) as conn:
        assert orders.get(conn, order.id).content.status == "ordered", "never touched"
        gone = replace(content, status=CANCELLED)
        orders.place(conn, here.world.owner, here.world.site, here.patient, gone, NOW)
        order_changed(conn, order.id, NOW)
        fates = {one.fate for one in advice.of_orders(conn, here.world.owner, [order.id])}
    assert fates == {"cancelled"}


def test_repeats_are_kept_as_exams_complete_in_any_order(here: Room) -> None:
    with transaction(here.made.system, frozenset()) as conn:
        last = earlier(conn, here.world.owner, here.world.site, here.patient, "LM0", 40)
        for one in (here.own, here.theirs, last.id):
            order_changed(conn, one, NOW)
        since = NOW - timedelta(days=365)
        own = advice.effect(conn, here.world.owner, None, since, NOW + timedelta(days=1))
    assert own.data_end == (NOW - timedelta(days=3)).date()
    rates = {one.days: (one.repeated, one.eligible, one.across_sites) for one in own.repeats}
    # 40 days ago: the next one is the partner's, 35 days on; its window of 90 is not over
    assert rates[30] == (0, 1, 0)
    assert rates[7][1] == 1
    assert rates[90] == (0, 0, 0)


def test_the_worked_example_holds_in_the_database(here: Room) -> None:
    """T20 of one patient at two sites; the data end on 30 June."""
    far = Demographics("LMH-MRN", "M20", "Roe", "Rita", NOW.date().replace(1970), "F")
    rows = (
        ("S1", "CTAP", "2026-01-01", 0, ""), ("S2", "CTAP", "2026-01-03", 1, "in 3 weeks"),
        ("S3", "CTAP", "2026-01-25", 0, ""), ("S4", "CTCH", "2026-03-20", 0, ""),
        ("S5", "MRAB", "2026-03-28", 0, ""), ("S6", "CTAP", "2026-04-10", 1, ""),
        ("Z", "MRAB", "2026-06-30", 0, ""),
    )  # fmt: skip
    types = {"CTAP": ("CT", "abdomen"), "CTCH": ("CT", "chest"), "MRAB": ("MR", "abdomen")}
    with transaction(here.made.system, frozenset()) as conn:
        second = network.add_site(
            conn, Place(SiteId(UUID(int=0)), here.world.owner, "LM2", "Second", "Second", "IL",
                        "America/Chicago", "hospital", "LMH-MRN"),
        )  # fmt: skip
        sites = (here.world.site, second)
        orders.map_procedures(conn, [
            Procedure(here.world.owner, site, code, code, *types[code], "body")
            for site in sites for code in types
        ])  # fmt: skip
        rita = patients.record(conn, here.world.owner, far, NOW).id
        other = patients.record(conn, here.world.owner, replace(far, mrn="M21"), NOW).id
        for name, code, day, where, again in rows:
            at = NOW.replace(month=int(day[5:7]), day=int(day[8:]))
            content = OrderContent(
                name, procedure_code=code, procedure_text=code, status=COMPLETE,
                ordered_at=at, exam_complete_at=at,
            )  # fmt: skip
            whose = other if name == "Z" else rita
            order = orders.place(conn, here.world.owner, sites[where], whose, content, NOW)
            text = f"IMPRESSION: Lesion. Recommend repeat CT {again}." if again else TEXT
            reading.receive(conn, Received(
                here.world.owner, sites[where], whose, (order.id,), None, code, text, "Gray",
                True, at, at,
            ), [], NOW)  # fmt: skip
            order_changed(conn, order.id, NOW)
        since = NOW.replace(month=1, day=1)
        found = advice.effect(conn, here.world.owner, None, since, NOW).repeats
    counted = {one.days: (one.repeated, one.eligible, one.across_sites) for one in found}
    assert counted[7] == (1, 6, 1)
    assert counted[30] == (1, 6, 1)
    assert counted[90] == (2, 5, 2)


def test_windows_and_rules_are_changed_and_loaded_by_the_group(here: Room) -> None:
    manager = here.site.signed_in(here.person(Role.GROUP_MANAGER, here.world.owner))
    assert manager.get("/advice/rules").status_code == 200
    form = {"cites": "own policy", "owner": "Dr Gray", "effective_from": "2026-01-01"}
    done = manager.post("/advice/windows/CT_HEAD", data={**form, "days": "0"})
    assert "CT_HEAD is changed" in done.text
    assert "own policy" in done.text
    answer = here.client().post("/cds-services/imaging-order-sign", json=asks(draft()))
    assert answer.json() == {"cards": []}
    done = manager.post("/advice/rules/HEADACHE", data=form)
    assert "HEADACHE is now version 2" in done.text
    rule = {
        "code": "X1", "title": "Knee MR", "says": "see your criteria", "cites": "licensed",
        "owner": "Dr Gray", "effective_from": "2026-01-01", "when": {"modalities": ["MR"]},
    }  # fmt: skip

    def send(rules: list[Any], act: str) -> str:
        return manager.post(
            "/advice/rules/load", data={"origin": "Set A", "act": act},
            files={"file": ("rules.json", json.dumps({"rules": rules}))},
        ).text  # fmt: skip

    bad = send([rule, rule | {"code": "X2", "when": {}}, rule], "load")
    assert "2 problems: nothing would be loaded" in bad
    assert "1 rule can be loaded" in send([rule], "check")
    assert "Loaded: 1 new" in send([rule], "load")
    assert "Loaded: 0 new or changed, 1 as they were" in send([rule], "load")
    reader = here.person(Role.RADIOLOGIST, here.world.owner, reader=here.world.general)
    assert here.site.signed_in(reader).post(
        "/advice/rules/HEADACHE", data=form
    ).status_code == 403  # fmt: skip


def test_the_cards_of_an_order_can_be_tried(here: Room) -> None:
    manager = here.site.signed_in(here.person(Role.GROUP_MANAGER, here.world.owner))
    assert manager.get("/advice/try").status_code == 200
    typed = {"site": str(here.world.site), "mrn": "M1", "code": "CTHEAD"}
    page = manager.post("/advice/try", data=typed)
    assert IMPRESSION in page.text, page.text
    with transaction(here.made.system, frozenset()) as conn:
        assert advice.listing(
            conn, here.world.owner, None, NOW - timedelta(days=9), undecided=False
        ) == []  # fmt: skip


def test_the_database_shows_advice_to_its_own_group_only(shared: Room) -> None:
    shared.client().post("/cds-services/imaging-order-sign", json=asks(draft()))
    tables = ("advice_given", "advice_rules", "advice_windows", "exam_repeats")
    for group, sees in ((shared.world.owner, True), (shared.world.partner, False)):
        with transaction(shared.made.app, frozenset({group})) as conn:
            counts = [count(conn, one) for one in tables]
        assert (counts[0] > 0) is sees
        assert not any(counts[1:])
