"""Reading at a hospital's gateway while the centre cannot be reached, and what the centre makes of it."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from playwright.sync_api import Browser, Page, expect

from confrere.assets import default_folder
from confrere.identity import service as identity
from confrere.imaging import service as imaging
from confrere.kernel.principal import Role
from confrere.network import service as network
from confrere.reading import back_entry
from confrere.reading import service as reading
from confrere.reading.downtime import CONFLICT, ENTERED, DowntimeRead
from confrere.worklist import claims
from confrere.worklist import service as worklist
from confrere.worklist.model import ADDENDUM, Item, State
from tests.acceptance.gateway_reader import GatewayReader
from tests.acceptance.gateway_site import CT, ER, FaultyLine, Hospital, line_to
from tests.acceptance.house import PASSWORD, House
from tests.acceptance.processes import wait_for
from tests.acceptance.senders import Image, control_id, slices
from tests.acceptance.test_gateway import Machines, arrivals, new_code
from tests.integration.world import reader as reader_of

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

WORDS = "No acute haemorrhage."


@pytest.fixture(scope="module")
def site(standing_house: House, tmp_path_factory: pytest.TempPathFactory) -> Iterator["Site"]:
    """A gateway whose group's readers may read there, and its line to the centre."""
    with line_to(standing_house.ports["http"]) as line:
        folder: Path = tmp_path_factory.mktemp("downtime")
        made = Hospital(folder / "gateway", f"http://127.0.0.1:{line.port}", call_seconds=1)
        done = made.command("enrol", new_code(standing_house, "Gateway East", downtime="yes"))
        assert done.returncode == 0, done.stderr
        made.start()
        yield Site(standing_house, line, made)
        if made.process and made.process.poll() is None:
            assert made.stop() == 0, made.said()


class Site:
    """The centre, the line and the gateway."""

    def __init__(self, house: House, line: FaultyLine, hospital: Hospital) -> None:
        self.house, self.line, self.hospital = house, line, hospital
        self.machines = Machines(hospital)

    def go_down(self) -> None:
        """Cut the line once the gateway knows the readers, and wait until it offers reading."""
        wait_for(lambda: self.hospital.status()["readers"] > 0, 20, self.hospital.said)
        self.line.cut()
        wait_for(lambda: self.hospital.status()["line"] == "down", 20, self.hospital.said)
        wait_for(lambda: "Nothing new is offered" not in self._look(), 10, self.hospital.said)

    def go_up(self) -> None:
        """Mend the line and wait until all has gone."""
        self.line.mend()
        wait_for(self._is_sent, 60, self.hospital.said)

    def _is_sent(self) -> bool:
        told = self.hospital.status()
        return told["line"] == "up" and self.hospital.waiting() == 0 and told["reads"] == 0

    def _look(self) -> str:
        with GatewayReader(self.hospital) as reader:
            return reader.exams().replace("Nothing is offered", "Nothing new is offered")

    def reads(self, *states: str) -> list[DowntimeRead]:
        """What the centre has of downtime reads."""
        with self.house.reading() as conn:
            return back_entry.listed(conn, self.house.groups["lakeshore"], states)

    def read_of(self, image: Image) -> DowntimeRead | None:
        """The centre's downtime read of a study."""
        every = self.reads("waiting", ENTERED, CONFLICT, "to be matched", "set aside")
        return next((one for one in every if one.what.study_uid == image.study), None)

    def items(self, image: Image) -> list[Item]:
        """The centre's items of a study."""
        with self.house.reading() as conn:
            study = imaging.of_uid(conn, self.house.groups["lakeshore"], image.study)
            if study is None:
                return []
            return worklist.of_exam(conn, study.owner_group, study.id, [])


def test_what_is_read_in_downtime_is_entered_with_its_true_times_and_never_listed(
    site: Site,
) -> None:
    routine, emergency = slices(3), slices(4, accession=f"LM{control_id()}", patient="M78")
    site.go_down()
    site.machines.send(routine, CT)
    site.machines.send(emergency, ER)
    number = emergency[0]
    with GatewayReader(site.hospital) as reader:
        assert reader.sign_in("not the password") == 403
        assert reader.sign_in() == 200
        assert reader.levels()[0] == "STAT"
        page = reader.open(number.study)
        assert "not cleared for diagnosis" in page.text
        picture = reader.web.get(f"/exams/{number.study}/frames/2?c=40&w=80")
        assert picture.content[:4] == b"\x89PNG"
        began = datetime.now(UTC)
        assert "goes to the centre by itself" in reader.sign(number.study, WORDS).text
        ended = datetime.now(UTC)
        assert "final here" in reader.exams()
    site.hospital.kill()
    site.hospital.start()
    site.line.mend()
    wait_for(lambda: site.read_of(number) is not None, 60, site.hospital.said)
    site.go_up()
    wait_for(lambda: len(arrivals(site.house, emergency)) == 4, 20)
    wait_for(lambda: bool((r := site.read_of(number)) and r.state == ENTERED), 20,
             lambda: str(site.read_of(number)))  # fmt: skip
    wait_for(lambda: [one.state for one in site.items(number)] == [State.FINAL], 20)
    (item,) = site.items(number)
    assert item.finished_at is not None
    assert item.held_at is not None
    assert item.clock_at is not None
    assert began <= item.finished_at <= ended
    assert item.clock_at <= item.held_at <= item.finished_at
    with site.house.reading() as conn:
        report = reading.of_item(conn, item.id)
        assert report is not None
        (version,) = reading.versions(conn, [report.id])[report.id]
        assert (version.provenance, version.signed_at) == (
            "read in downtime at Gateway East", item.finished_at,
        )  # fmt: skip
        listed = [one for one in worklist.open_items(conn) if one.study == item.study]
    assert listed == []
    assert not [one for one in site.items(number) if one.kind == ADDENDUM]
    wait_for(lambda: len(site.items(routine[0])) == 1, 20)
    (open_item,) = site.items(routine[0])
    assert open_item.finished_at is None


def test_each_access_in_downtime_comes_into_the_centres_trail_once(site: Site) -> None:
    asked = sa.text(
        "select kind, outcome, detail->>'study_uid' as uid, detail->>'number' as number "
        "from audit_events where door = 'gateway in downtime'"
    )
    with site.house.reading() as conn:
        rows = conn.execute(asked).all()
    kinds = {row.kind for row in rows}
    assert {"sign-in", "downtime list", "exam", "study", "report"} <= kinds
    assert [row.outcome for row in rows if row.kind == "sign-in"].count("refused") == 1
    numbers = [row.number for row in rows]
    assert len(set(numbers)) == len(numbers) > 0


def test_an_exam_claimed_at_the_centre_is_shown_so_and_a_read_of_it_is_a_conflict(
    site: Site,
) -> None:
    (image,) = images = slices(1, accession=f"LM{control_id()}", patient="M79")
    site.machines.send(images, CT)
    wait_for(lambda: bool(site.items(image)), 30, site.hospital.said)
    (item,) = site.items(image)
    claim_by_another(site, item)
    wait_for(lambda: "Other, Olga" in _signed_in_list(site), 30)
    site.go_down()
    with GatewayReader(site.hospital) as reader:
        reader.sign_in()
        refused = reader.open(image.study)
        assert refused.status_code == 409
        assert "Other, Olga had this exam" in refused.text
        assert reader.open(image.study, "telephoned: she cannot reach the centre").is_success
        assert reader.sign(image.study, WORDS).is_success
    site.go_up()
    wait_for(lambda: bool(site.read_of(image)), 20)
    read = site.read_of(image)
    assert read
    assert (read.state, read.why) == (CONFLICT, "Other, Olga has this exam at the centre")
    (item,) = site.items(image)
    assert item.finished_at is None
    assert "read in downtime" in item.flags
    with site.house.http("lakeshore radiologist") as web:
        page = web.get("/downtime").text
        assert "Other, Olga has this exam at the centre" in page
        assert WORDS in page
        form = {"item": str(item.id), "words": "Olga agrees: she had not begun"}
        entered = web.post(f"/downtime/{read.id}/enter", data=form)
    assert entered.status_code == 200, entered.text
    (item,) = site.items(image)
    assert (item.state, "read in downtime" in item.flags) == (State.FINAL, False)


def test_who_began_may_finish_and_the_centre_holds_the_exam_for_them(site: Site) -> None:
    (image,) = images = slices(1)
    site.go_down()
    site.machines.send(images, CT)
    with GatewayReader(site.hospital) as reader:
        reader.sign_in()
        assert reader.open(image.study).is_success
        draft = f"/exams/{image.study}/draft"
        assert reader.web.post(draft, content=b'{"findings": "so far"}').is_success
        site.line.mend()
        wait_for(lambda: bool(site.items(image)), 40, site.hospital.said)
        wait_for(lambda: site.items(image)[0].held_by is not None, 30, site.hospital.said)
        assert "so far" in reader.web.get(f"/exams/{image.study}").text
        (second,) = more = slices(1)
        site.machines.send(more, CT)
        assert reader.open(second.study).status_code == 403
        assert reader.sign(image.study, WORDS).is_success
    wait_for(lambda: bool((r := site.read_of(image)) and r.state == ENTERED), 30)


def test_a_disabled_account_cannot_sign_in_after_the_next_contact(site: Site) -> None:
    assert site.house.world
    now = datetime.now(UTC)
    with site.house.reading() as conn:
        made = identity.create_user(
            conn, "lakeshore.second", "Second, Sue", Role.RADIOLOGIST,
            group=site.house.groups["lakeshore"], reader=site.house.world.general, site=None,
            password="green kettle under stairs", now=now,
        )  # fmt: skip
    site.line.mend()
    before = site.hospital.status()["readers"]
    wait_for(lambda: site.hospital.status()["readers"] == before + 1 or before == 2, 20)
    with GatewayReader(site.hospital, "lakeshore.second") as reader:
        assert reader.sign_in() == 200
        with site.house.reading() as conn:
            identity.disable_user(conn, made.id, now + timedelta(seconds=1))
        wait_for(lambda: "Sign in" in reader.exams(), 20)
        assert reader.sign_in() == 403


def claim_by_another(site: Site, item: Item) -> None:
    """Another reader of the group claims an exam at the centre."""
    world, now = site.house.world, datetime.now(UTC)
    assert world
    with site.house.reading() as conn:
        olga = network.add_reader(
            conn, reader_of(world.owner, "Other, Olga", {"general"}, world.site, "IL", now)
        )
        who = network.reader(conn, olga, now)
        directory = network.directory(conn, now)
        claims.claim(conn, item, who, directory, now, timedelta(hours=1))


def test_a_reader_reads_by_keyboard_in_the_browser(site: Site, browser: Browser) -> None:
    images = slices(3, accession=f"LM{control_id()}", patient="M81")
    site.go_down()
    site.machines.send(images, ER)
    address = f"http://127.0.0.1:{site.hospital.ports['reading']}"
    page = browser.new_context(base_url=address).new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("dialog", lambda dialog: dialog.accept())
    page.goto("/")
    page.fill("[name=username]", "lakeshore.radiologist")
    page.fill("[name=password]", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_selector("table")
    assert axe(page) == []
    row = page.locator("tr", has_text="M81")
    row.get_by_role("button", name="Read").focus()
    page.keyboard.press("Enter")
    picture = page.locator(".stage img")
    expect(picture).to_have_attribute("src", re.compile("/frames/0$"))
    assert picture.evaluate("img => img.decode().then(() => img.naturalWidth)") == 128
    page.keyboard.press("ArrowDown")
    page.keyboard.press("1")
    expect(page.locator(".where")).to_have_text("2 / 3")
    expect(picture).to_have_attribute("src", re.compile(r"/frames/1\?c=40.0&w=80.0$"))
    assert axe(page) == []
    page.fill("[name=impression]", WORDS)
    expect(page.locator(".kept")).to_have_text("Draft kept")
    page.click("button[value=final]")
    page.wait_for_selector("article.signed")
    assert wrong == []
    page.context.close()
    site.go_up()
    wait_for(lambda: bool((r := site.read_of(images[0])) and r.state == ENTERED), 30)


def axe(page: Page) -> list[str]:
    """What axe-core finds, run past the page's own policy, which allows no foreign script."""
    page.evaluate((default_folder() / "axe" / "axe.min.js").read_text(encoding="utf-8"))
    found = page.evaluate("axe.run(document, {iframes: false})")
    return [
        f"{one['id']}: {n['html'][:120]}" for one in found["violations"] for n in one["nodes"]
    ]


def _signed_in_list(site: Site) -> str:
    with GatewayReader(site.hospital) as reader:
        reader.sign_in()
        return re.sub(r"\s+", " ", reader.exams())
