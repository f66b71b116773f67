"""A gateway and the centre's real web process by HTTPS: the certificate is checked, always."""

import os
import ssl
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa

from confrere.assets import default_folder
from confrere.database.engine import transaction
from confrere.network import gatewaying
from tests.acceptance.gateway_site import CT, Hospital
from tests.acceptance.house import ROOT, end_with_us
from tests.acceptance.processes import free_ports, listens, wait_for
from tests.acceptance.senders import Image, slices
from tests.acceptance.test_gateway import Machines
from tests.database import Databases, clone, drop
from tests.integration.test_dicom_tls import Paper, paper
from tests.integration.world import NOW, World, build

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@dataclass
class Centre:
    """The web process by TLS, and its papers."""

    made: Databases
    world: World
    port: int
    papers: dict[str, Paper]
    folder: Path

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def code(self) -> str:
        """A new gateway's code."""
        with transaction(self.made.system, frozenset()) as conn:
            made, code = gatewaying.add(
                conn, self.world.owner, self.world.site, "By TLS", "test", NOW, os.urandom
            )
            gatewaying.let_read(conn, made, on=True)
            conn.execute(sa.text("update gateways set code_until = now() + interval '1 hour'"))
        return code

    def filed(self, images: list[Image]) -> int:
        """How many of these are here."""
        asked = sa.text("select count(*) from instances where sop_uid = any(:uids)")
        with transaction(self.made.system, frozenset()) as conn:
            return int(conn.execute(asked, {"uids": [one.uid for one in images]}).scalar_one())


@pytest.fixture(scope="module")
def centre(
    postgres_socket: str, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Centre]:
    folder = tmp_path_factory.mktemp("tls")
    papers = {
        "ours": paper(folder, "ours"), "other": paper(folder, "other"),
        "page": paper(folder, "page"),
    }  # fmt: skip
    made, port = clone(postgres_socket, template), free_ports("http")["http"]
    kept = {n: v for n, v in os.environ.items() if "DATABASE" not in n}
    env = kept | {
        "PYTHONPATH": str(ROOT), "CONFRERE_HOME": str(folder / "home"),
        "DATABASE_URL": made.url("confrere_app"), "CONFRERE_HTTP_PORT": str(port),
        "DATABASE_SYSTEM_URL": made.url("confrere_system"),
        "CONFRERE_TLS_CERTIFICATE": str(papers["ours"].certificate),
        "CONFRERE_TLS_KEY": str(papers["ours"].key), "CONFRERE_ASSETS": str(default_folder()),
    }  # fmt: skip
    with transaction(made.system, frozenset()) as conn:
        world = build(conn, NOW)
    process = subprocess.Popen(
        [sys.executable, "-m", "confrere.webserver"], env=env,
        preexec_fn=end_with_us,  # noqa: PLW1509 - one call of libc, no lock
    )  # fmt: skip
    try:
        wait_for(lambda: listens(port), 40)
        yield Centre(made, world, port, papers, folder)
    finally:
        process.terminate()
        process.wait(20)
        drop(made)


def test_images_come_by_https_and_the_reading_page_is_served_by_tls(centre: Centre) -> None:
    page = centre.papers["page"]
    hospital = Hospital(
        centre.folder / "right", centre.url, ca=str(centre.papers["ours"].certificate),
        reading_certificate=str(page.certificate), reading_key=str(page.key),
    )  # fmt: skip
    done = hospital.command("enrol", centre.code())
    assert done.returncode == 0, done.stderr
    hospital.start()
    try:
        images = slices(5)
        Machines(hospital).send(images, CT)
        wait_for(lambda: centre.filed(images) == 5, 30, hospital.said)
        address = f"https://127.0.0.1:{hospital.ports['reading']}/"
        trust = ssl.create_default_context(cafile=str(page.certificate))
        shown = httpx.get(address, verify=trust)
        assert "Sign in" in shown.text
        assert "frame-ancestors 'none'" in shown.headers["content-security-policy"]
    finally:
        assert hospital.stop() == 0, hospital.said()


@pytest.mark.parametrize("ca", ["other", ""])
def test_a_centre_whose_certificate_does_not_hold_gets_nothing(centre: Centre, ca: str) -> None:
    path = str(centre.papers[ca].certificate) if ca else ""
    hospital = Hospital(centre.folder / f"wrong{ca}", centre.url, ca=path)
    code = centre.code()
    done = hospital.command("enrol", code)
    assert done.returncode != 0
    assert "certificate does not hold" in done.stderr
    with transaction(centre.made.system, frozenset()) as conn:
        used = sa.text("select count(*) from gateways where code_digest is null")
        assert conn.execute(used).scalar_one() <= 1


def test_a_certificate_of_another_name_is_refused_while_it_runs(centre: Centre) -> None:
    hospital = Hospital(
        centre.folder / "name", centre.url, ca=str(centre.papers["ours"].certificate)
    )
    assert hospital.command("enrol", centre.code()).returncode == 0
    settings = hospital.home / "gateway.toml"
    text = settings.read_text(encoding="utf-8")
    settings.write_text(text.replace("127.0.0.1:", "localhost:", 1), encoding="utf-8")
    hospital.start()
    try:
        images = slices(2)
        Machines(hospital).send(images, CT)
        wait_for(lambda: "certificate" in hospital.status()["trouble"], 20, hospital.said)
        assert hospital.waiting() == 2
        assert centre.filed(images) == 0
    finally:
        assert hospital.stop() == 0, hospital.said()
