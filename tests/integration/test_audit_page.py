"""The audit trail as its readers see it."""

import re
from collections.abc import Iterator

import httpx
import pytest
import sqlalchemy as sa

from confrere.audit import service as audit
from confrere.audit.model import Agent, Event
from confrere.database.engine import transaction
from confrere.kernel.principal import Role
from tests.integration.web_shell import GROUP, KEY, Site, own_site


@pytest.fixture(scope="module")
def site(
    postgres_socket: str, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    with own_site(postgres_socket, template, tmp_path_factory.mktemp("assets")) as one:
        yield one


@pytest.fixture(scope="module")
def manager(site: Site) -> httpx.Client:
    return site.signed_in(Role.GROUP_MANAGER)


def fill(site: Site, count: int) -> None:
    agent = Agent(None, "Dr Tunde <b>Murphy</b>", GROUP, "session:9", "treatment")
    events = [Event(GROUP, site.clock(), "U", "report", "fhir", agent) for _ in range(count)]
    with transaction(site.made.app, frozenset({GROUP})) as conn:
        audit.note_all(conn, KEY, events)


def test_the_audit_page_filters_pages_and_escapes(site: Site, manager: httpx.Client) -> None:
    fill(site, 130)
    page = manager.post("/audit", data={"who": "murphy", "kind": "report"})
    assert page.text.count("<td>report") == 100
    assert "Dr Tunde &lt;b&gt;Murphy" in page.text
    assert "24 Nov 2026 09:00:00 CST" in page.text
    more = re.search(r'name="before" value="([^"]+)"', page.text)
    assert more
    rest = manager.post(
        "/audit", data={"who": "murphy", "kind": "report", "before": more.group(1)}
    )
    assert rest.text.count("<td>report") == 30
    assert "Older events" not in rest.text
    none = manager.post("/audit", data={"since": "2026-11-25"})
    assert "No event fits" in none.text
    some = manager.post("/audit", data={"since": "2026-11-24", "until": "2026-11-24"})
    assert some.text.count("<td>report") > 0


@pytest.mark.parametrize(
    "data",
    [
        {"since": "yesterday"},
        {"patient": "Okafor"},
        {"action": "X"},
        {"before": "e30="},
        {"before": "%%%"},
        {"who": "x" * 300},
    ],
)
def test_a_filter_that_does_not_fit_is_explained(
    manager: httpx.Client, data: dict[str, str]
) -> None:
    answer = manager.post("/audit", data=data)
    assert answer.status_code == 422
    assert "That does not fit" in answer.text
    assert "Okafor" not in answer.text


def test_the_audit_page_says_whether_the_chain_is_whole(
    site: Site, manager: httpx.Client
) -> None:
    assert "Chain verified" in manager.post("/audit/verify").text
    with site.made.owner.begin() as conn:
        conn.execute(sa.text("alter table audit_events disable trigger all"))
        conn.execute(sa.text("alter table audit_events no force row level security"))
        conn.execute(
            sa.text(
                "update audit_events set user_name = 'X' where owner_group = :g and seq = 2"
            ),
            {"g": GROUP},
        )
    assert "Chain broken at No. 2" in manager.post("/audit/verify").text
    with site.made.owner.begin() as conn:
        conn.execute(sa.text("delete from audit_events where owner_group = :g"), {"g": GROUP})
    assert "Chain broken at No. 1" in manager.post("/audit/verify").text
    noted = site.events(kind="audit chain")[0]
    assert (noted.outcome, noted.detail["first_bad_seq"]) == ("failure", 1)
